"""Every setting of the app, in one place: `PERSONALIZATION = {"name": value}` in the shop's settings."""

import math
from dataclasses import dataclass, fields
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings

SETTING_CHOICES = {"EVENT_ITEM_ID_FIELD": ("id", "upc", "sku")}
"""The settings that take one of a few values."""
SETTING_BOUNDS: dict[str, tuple[int, float]] = {
    "ADD_ON_MIN_PROBABILITY": (0, 1),
    "MENU_MAX_SHIFT": (0, math.inf),
    "NUM_PROXIES": (0, math.inf),
    "RERANK_STRENGTH": (0, 100),
}
"""Between which numbers others than those from 1 lie."""


@dataclass(frozen=True)
class Settings:
    """The settings in force. A field's name is its key; the string under it is its meaning, and the reference's."""

    SNAPSHOT_DIR: str = "personalization_snapshots"
    """Folder for snapshots, relative to BASE_DIR (else the working directory). Never a folder that the web serves.
    `STORAGES["personalization"]`, when the shop defines it, is used instead."""
    SNAPSHOT_POLL_SECONDS: int = 5
    """A web worker looks for a newer snapshot at most this often, with one query of one row."""
    SNAPSHOTS_KEPT: int = 2
    """How many snapshots stay on disk after a training run, the one that serves among them."""
    MIN_CUSTOMERS: int = 5
    """No product pair, no popularity count and no repeat rate is learned from fewer customers than this.
    Lower it only for a small shop, and know that fewer customers can then be guessed from a row."""
    PURCHASE_HALF_LIFE_DAYS: int = 112
    """A purchase this many days old counts half as much for what a customer likes."""
    POPULARITY_WINDOW_DAYS: int = 28
    """Bestsellers are counted over this many days before the training run."""
    EVALUATION_DAYS: int = 28
    """Training learns what to trust from the purchases of so many last days, which it first pretends not to know."""
    RANKER_REFIT_DAYS: int = 7
    """Training learns anew what to trust when it last did so this many days ago: the longest part of its work."""
    NEW_PRODUCT_DAYS: int = 60
    """A product counts as new for this many days after it was created."""
    MAX_ORDER_PRODUCTS: int = 100
    """A larger order is learned from by its first so many products only (a wholesaler's order says little of taste)."""
    NEIGHBOURS_PER_PRODUCT: int = 50
    """How many products are kept as bought together with each product."""
    GENOME_MAX_PRODUCTS: int = 500
    """How many products of a customer's history are kept in the genome, the strongest first."""
    ROW_SIZE: int = 6
    """How many products a row shows."""
    MAX_PERSONAL_ROWS: int = 3
    """At most this many personal rows stand above the generic ones."""
    MAX_HOME_ROWS: int = 6
    """At most this many rows stand on the home page."""
    MAX_PAGE_ROWS: int = 3
    """At most this many rows are added to one of Oscar's own pages."""
    ADD_ON_MIN_PROBABILITY: float = 0.12
    """An add-on is shown in the basket, and after the order, when the chance that it is bought with what lies there is
    at least this, 0 to 1. With a higher number fewer are shown, and more of them are bought."""
    CONSENT_CALLABLE: str = ""
    """The dotted path of a function that asks the shop's own consent tool: request -> True, False, or None when it does
    not know. Without it, what visitors answer to our own question counts."""
    CONSENT_VERSION: str = "1"
    """Of the text that visitors agree to. With a new one they are asked again."""
    IS_CHILD_CALLABLE: str = ""
    """The dotted path of a function customer -> bool that knows whose account is a child's: they have no profile."""
    WRAPPED_CLASS_LOADER: str = ""
    """The dotted path of the shop's own class loader, which ours then asks in place of Oscar's."""
    VISITOR_COOKIE_DAYS: int = 390
    """A browser is known for at most this many days."""
    COOKIE_SECURE: bool = True
    """Our cookies travel over HTTPS only (browsers except this machine itself from that)."""
    CLEAR_RECENTLY_VIEWED_ON_LOGOUT: bool = True
    """Signing out also deletes Oscar's cookie of recently viewed products, which Oscar leaves to whoever comes next."""
    PRIVATE_REASONS_HOURS: int = 24
    """So long after signing in a row may say what was bought; later it only says that it is recommended."""
    EVENT_RETENTION_DAYS: int = 90
    """Events are kept for this many days."""
    SEARCH_RETENTION_DAYS: int = 30
    """What somebody searched for is kept for this many days."""
    TOTAL_RETENTION_DAYS: int = 390
    """Daily totals are kept for this many days."""
    DISMISSAL_DAYS: int = 60
    """What somebody is not interested in stays away for this many days."""
    EVENT_ITEM_ID_FIELD: str = "id"
    """What `item_id` means in an event from the shop's own data layer: "id" is the product's primary key, "upc" its
    UPC, "sku" a partner's SKU. Our own script always sends primary keys."""
    NUM_PROXIES: int = 0
    """How many proxies of the shop's own stand before it; tells a visitor's address from a forged one."""
    COUNTRY_HEADER: str = ""
    """The header in which the shop's CDN says from which country a request comes, "CF-IPCountry" for instance. Without
    it, or where it says nothing, the address tells, if the extra `country` is installed."""
    MAX_VISITOR_EVENTS_PER_MINUTE: int = 120
    """A visitor who does more than this is no shopper: what they do is stored apart."""
    RERANK_STRENGTH: int = 100
    """How far search results, catalogue and category pages are drawn from the search engine's order to the visitor's
    own, in percent; 0 leaves these pages alone."""
    RERANK_WINDOW: int = 200
    """So many products of such a list are put in the visitor's order, the first ones that the engine finds. The rest
    follows as the engine has it."""
    MENU_MAX_SHIFT: int = 0
    """In a visitor's own order of the menu's top categories none stands further than so many places from where the shop
    has it; 0 leaves the menu that people have learned as it is."""
    MENU_PINNED_CATEGORIES: tuple[int, ...] = ()
    """The primary keys of the top categories that stay where the shop has them."""
    RECOMMENDERS: tuple[str, ...] = ()
    """The dotted paths of the shop's own recommenders; see `personalization.plugins`."""
    SURFACES: tuple[str, ...] = ()
    """The dotted paths of the shop's own surfaces."""
    ROW_TYPES: tuple[str, ...] = ()
    """The dotted paths of the shop's own row types."""
    SERVER_KEY_REQUESTS_PER_MINUTE: int = 1200
    """So often a minute another server of the shop's own may ask with one key."""


def get_settings() -> Settings:
    """The settings in force now. Unknown keys and wrong types are left out here; `manage.py check` names them."""
    given = _shop_settings()
    try:
        return _cached_settings(*given, *given.values())
    except TypeError:  # a list among them cannot be remembered
        return _valid_settings(given)


@lru_cache(16, typed=True)
def _cached_settings(*given: Any) -> Settings:
    """Of all keys, then all values: a page asks often, and they hardly ever change."""
    return _valid_settings(dict(zip(given[: len(given) // 2], given[len(given) // 2 :], strict=True)))


def _valid_settings(given: dict[str, Any]) -> Settings:
    return Settings(**{name: value for name, value in given.items() if setting_error(name, value) is None})


def setting_errors() -> list[str]:
    """One sentence for each key of PERSONALIZATION that is unknown or has a wrong value."""
    return [sentence for name, value in _shop_settings().items() if (sentence := setting_error(name, value))]


def setting_error(name: str, value: Any) -> str | None:
    """What is wrong with this setting, or None."""
    known = _setting_types()
    if name not in known:
        return f"unknown setting {name!r}; known are: {', '.join(sorted(known))}"
    takes = _expected_value(known[name], value, *SETTING_BOUNDS.get(name, (1, math.inf)))
    if not takes and name in SETTING_CHOICES and value not in SETTING_CHOICES[name]:
        takes = f"one of: {', '.join(map(repr, SETTING_CHOICES[name]))}"
    return f"{name!r} is {value!r}; expected {takes}" if takes else None


def _expected_value(kind: Any, value: Any, least: int, most: float) -> str:
    """What a setting of this kind takes, where it does not take the value; else ""."""
    if kind is int and (type(value) is not int or not least <= value <= most):
        return f"an integer >= {least}" + (f" and <= {most}" if most < math.inf else "")
    if kind is float and (type(value) not in (int, float) or not least <= value <= most):
        return f"a number from {least} to {most}"
    if kind == tuple[int, ...] and not _is_key_list(value):
        return "a tuple of primary keys, (3, 7) for instance"
    if kind == tuple[str, ...] and not _is_path_list(value):
        return "a list of dotted paths, ['shop.surfaces.sale'] for instance"
    if kind is bool and not isinstance(value, bool):
        return "True or False"
    return "a string" if kind is str and not isinstance(value, str | Path) else ""


@cache
def _setting_types() -> dict[str, Any]:
    return {field.name: field.type for field in fields(Settings)}


def _is_key_list(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(type(key) is int for key in value)


def _is_path_list(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(path, str) and "." in path.strip(".") for path in value)


def _shop_settings() -> dict[str, Any]:
    return getattr(django_settings, "PERSONALIZATION", {})
