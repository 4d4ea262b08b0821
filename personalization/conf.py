"""Every setting of the app, in one place: `PERSONALIZATION = {"name": value}` in the shop's settings."""

import math
from dataclasses import dataclass, fields
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings

CHOICES = {"item_ids": ("id", "upc", "sku")}
"""The settings that take one of a few values."""
BOUNDS: dict[str, tuple[int, float]] = {"menu_moves": (0, math.inf), "proxies": (0, math.inf), "strength": (0, 100)}
"""Between which numbers others than those from 1 lie."""


@dataclass(frozen=True)
class Settings:
    """The settings in force. A field's name is its key; the string under it is its meaning, and the reference's."""

    snapshot_dir: str = "personalization_snapshots"
    """Folder for snapshots, relative to BASE_DIR (else the working directory). Never a folder that the web serves.
    `STORAGES["personalization"]`, when the shop defines it, is used instead."""
    snapshot_check_seconds: int = 5
    """A web worker looks for a newer snapshot at most this often, with one query of one row."""
    snapshots_kept: int = 2
    """How many snapshots stay on disk after a training run, the one that serves among them."""
    min_customers: int = 5
    """No product pair, no popularity count and no repeat rate is learned from fewer customers than this.
    Lower it only for a small shop, and know that fewer customers can then be guessed from a row."""
    half_life_days: int = 112
    """A purchase this many days old counts half as much for what a customer likes."""
    popular_days: int = 28
    """Bestsellers are counted over this many days before the training run."""
    held_back_days: int = 28
    """Training learns what to trust from the purchases of so many last days, which it first pretends not to know."""
    weights_days: int = 7
    """Training learns anew what to trust when it last did so this many days ago: the longest part of its work."""
    new_days: int = 60
    """A product counts as new for this many days after it was created."""
    basket_cap: int = 100
    """A larger order is learned from by its first so many products only (a wholesaler's order says little of taste)."""
    neighbours: int = 50
    """How many products are kept as bought together with each product."""
    genome_products: int = 500
    """How many products of a customer's history are kept in the genome, the strongest first."""
    row_size: int = 6
    """How many products a row shows."""
    personal_rows: int = 3
    """At most this many personal rows stand above the generic ones."""
    rows: int = 6
    """At most this many rows stand on the home page."""
    page_rows: int = 3
    """At most this many rows are added to one of Oscar's own pages."""
    add_on_percent: int = 12
    """An add-on is shown in the basket, and after the order, when it is bought with what lies there about this often:
    in so many of a hundred cases. With a higher number fewer are shown, and more of them are bought."""
    consent: str = ""
    """The dotted path of a function that asks the shop's own consent tool: request -> True, False, or None when it does
    not know. Without it, what visitors answer to our own question counts."""
    consent_version: str = "1"
    """Of the text that visitors agree to. With a new one they are asked again."""
    child: str = ""
    """The dotted path of a function customer -> bool that knows whose account is a child's: they have no profile."""
    class_loader: str = ""
    """The dotted path of the shop's own class loader, which ours then asks in place of Oscar's."""
    visitor_days: int = 390
    """A browser is known for at most this many days."""
    secure_cookies: bool = True
    """Our cookies travel over HTTPS only (browsers except this machine itself from that)."""
    clear_history: bool = True
    """Signing out also deletes Oscar's cookie of recently viewed products, which Oscar leaves to whoever comes next."""
    discreet_hours: int = 24
    """So long after signing in a row may say what was bought; later it only says that it is recommended."""
    event_days: int = 90
    """Events are kept for this many days."""
    search_days: int = 30
    """What somebody searched for is kept for this many days."""
    total_days: int = 390
    """Daily totals are kept for this many days."""
    dismissed_days: int = 60
    """What somebody is not interested in stays away for this many days."""
    item_ids: str = "id"
    """What `item_id` means in an event from the shop's own data layer: "id" is the product's primary key, "upc" its
    UPC, "sku" a partner's SKU. Our own script always sends primary keys."""
    proxies: int = 0
    """How many proxies of the shop's own stand before it; tells a visitor's address from a forged one."""
    country_header: str = ""
    """The header in which the shop's CDN says from which country a request comes, "CF-IPCountry" for instance. Without
    it, or where it says nothing, the address tells, if the extra `country` is installed."""
    events_per_minute: int = 120
    """A visitor who does more than this is no shopper: what they do is stored apart."""
    strength: int = 100
    """How far search results, catalogue and category pages are drawn from the search engine's order to the visitor's
    own, in percent; 0 leaves these pages alone."""
    window: int = 200
    """So many products of such a list are put in the visitor's order, the first ones that the engine finds. The rest
    follows as the engine has it."""
    menu_moves: int = 0
    """In a visitor's own order of the menu's top categories none stands further than so many places from where the shop
    has it; 0 leaves the menu that people have learned as it is."""
    menu_pinned: tuple[int, ...] = ()
    """The primary keys of the top categories that stay where the shop has them."""
    key_requests_per_minute: int = 1200
    """So often a minute another server of the shop's own may ask with one key."""


def current() -> Settings:
    """The settings in force now. Unknown keys and wrong types are left out here; `manage.py check` names them."""
    given = _given()
    try:
        return _read(*given, *given.values())
    except TypeError:  # a list among them cannot be remembered
        return _understood(given)


@lru_cache(16, typed=True)
def _read(*given: Any) -> Settings:
    """Of all keys, then all values: a page asks often, and they hardly ever change."""
    return _understood(dict(zip(given[: len(given) // 2], given[len(given) // 2 :], strict=True)))


def _understood(given: dict[str, Any]) -> Settings:
    return Settings(**{name: value for name, value in given.items() if fault(name, value) is None})


def faults() -> list[str]:
    """One sentence for each key of PERSONALIZATION that is unknown or has a wrong value."""
    return [sentence for name, value in _given().items() if (sentence := fault(name, value))]


def fault(name: str, value: Any) -> str | None:
    """What is wrong with this setting, or None."""
    known = _types()
    if name not in known:
        return f"unknown setting {name!r}; known are: {', '.join(sorted(known))}"
    takes = _takes(known[name], value, *BOUNDS.get(name, (1, math.inf)))
    if not takes and name in CHOICES and value not in CHOICES[name]:
        takes = f"one of: {', '.join(map(repr, CHOICES[name]))}"
    return f"{name!r} is {value!r}; it takes {takes}" if takes else None


def _takes(kind: Any, value: Any, least: int, most: float) -> str:
    """What a setting of this kind takes, where it does not take the value; else ""."""
    if kind is int and (type(value) is not int or not least <= value <= most):
        return f"a whole number from {least}" + (f" to {most}" if most < math.inf else "")
    if kind == tuple[int, ...] and not _is_of_keys(value):
        return "a tuple of primary keys, (3, 7) for instance"
    if kind is bool and not isinstance(value, bool):
        return "True or False"
    return "a text" if kind is str and not isinstance(value, str | Path) else ""


@cache
def _types() -> dict[str, Any]:
    return {field.name: field.type for field in fields(Settings)}


def _is_of_keys(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(type(key) is int for key in value)


def _given() -> dict[str, Any]:
    return getattr(django_settings, "PERSONALIZATION", {})
