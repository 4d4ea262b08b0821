"""Every setting of the app, in one place: `PERSONALIZATION = {"name": value}` in the shop's settings."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings

CHOICES = {"item_ids": ("id", "upc", "sku")}
"""The settings that take one of a few values."""


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
    """At most this many rows stand on a page."""
    consent: str = ""
    """The dotted path of a function that asks the shop's own consent tool: request -> True, False, or None when it does
    not know. Without it, what visitors answer to our own question counts."""
    consent_version: str = "1"
    """Of the text that visitors agree to. With a new one they are asked again."""
    child: str = ""
    """The dotted path of a function customer -> bool that knows whose account is a child's: they have no profile."""
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
    events_per_minute: int = 120
    """A visitor who does more than this is no shopper: what they do is stored apart."""


def current() -> Settings:
    """The settings in force now. Unknown keys and wrong types are left out here; `manage.py check` names them."""
    return Settings(**{name: value for name, value in _given().items() if fault(name, value) is None})


def faults() -> list[str]:
    """One sentence for each key of PERSONALIZATION that is unknown or has a wrong value."""
    return [sentence for name, value in _given().items() if (sentence := fault(name, value))]


def fault(name: str, value: Any) -> str | None:
    """What is wrong with this setting, or None."""
    known: dict[str, Any] = {field.name: field.type for field in fields(Settings)}
    if name not in known:
        return f"unknown setting {name!r}; known are: {', '.join(sorted(known))}"
    least = 0 if name == "proxies" else 1
    if known[name] is int and (not isinstance(value, int) or isinstance(value, bool) or value < least):
        return f"{name!r} is {value!r}; it takes a whole number from {least}"
    if known[name] is bool and not isinstance(value, bool):
        return f"{name!r} is {value!r}; it takes True or False"
    if name in CHOICES and value not in CHOICES[name]:
        return f"{name!r} is {value!r}; it takes one of: {', '.join(map(repr, CHOICES[name]))}"
    if known[name] is str and not isinstance(value, str | Path):
        return f"{name!r} is {value!r}; it takes a text"
    return None


def _given() -> dict[str, Any]:
    return getattr(django_settings, "PERSONALIZATION", {})
