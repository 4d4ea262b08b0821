"""Reads what a browser reports: any bytes at all become reports, or the reason why not."""

import json
import math
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from personalization.models.events import Name

BODY_BYTES = 64 * 1024
EVENTS = 50
ITEMS = 200
"""So many products GA4 lets one event have."""
DEPTH = 5
"""Lists and objects within one another in one event: the event itself, its parameters, the items, an item."""
LETTERS = 256
TOKEN_LETTERS = 8_192
"""Of a slate's token, which is longer than any other text."""
LARGEST = 2**63 - 1
DIGITS = 20
"""A longer whole number is too large, whatever it is; reading it digit by digit would take long."""
LONGEST_STAY = 24 * 3600
FIRST_SECOND, LAST_SECOND = -62_135_596_800, 253_402_300_800
"""The years 1 and 10,000, in seconds since 1970."""

FAULTS: dict[str, Promise] = {
    "not_post": _("Events are sent with POST."),
    "bad_content_type": _("The body takes the content type application/json or text/plain."),
    "other_origin": _("Only pages of this shop send events here: Origin or Sec-Fetch-Site must say so."),
    "too_large": _("The body takes at most 64 KiB; send the rest with the next one."),
    "bad_json": _("The body is no JSON in UTF-8."),
    "bad_body": _('The body takes an object {"sent_at": ..., "events": [...]} with a list of events.'),
    "too_deep": _("Lists and objects lie too deep in one another; an event takes 5 levels."),
    "too_many_events": _("A body takes at most 50 events; send the others with the next one."),
    "bad_event": _('An event takes an object {"id": ..., "name": ..., "at": ..., "params": {...}}.'),
    "bad_text": _("A text is longer than 256 characters, or has a NUL or half a character in it."),
    "bad_number": _("A number is not finite, or larger than 63 bits."),
    "bad_id": _("The id is no UUID; make a new one for each event."),
    "bad_time": _("The time is neither milliseconds since 1970 nor ISO 8601."),
    "unknown_name": _("This kind of event is not known; the names are those of GA4's e-commerce events."),
    "purchases_are_orders": _("Purchases are not taken from a browser: they are the shop's own orders."),
    "bad_items": _("The items take a list of at most 200 objects with an item_id."),
    "no_item": _("This kind of event needs a product."),
    "one_item": _("This kind of event takes exactly one product."),
    "bad_value": _("The quantity, the time on the page or the grade is no number that makes sense."),
    "no_search_term": _("A search needs a search_term."),
    "unknown_product": _("The shop shows no such product. Which ids count is the setting item_ids."),
    "sensitive": _("The product lies in a category of which nothing is kept."),
    "bad_slate": _("The slate is not one that this shop signed for this visitor in the last days."),
    "not_on_slate": _("The product was not on the slate."),
    "too_old": _("It happened more than 7 days ago."),
    "before_consent": _("It happened before the visitor agreed to be known."),
    "no_consent": _("The visitor has not agreed to be known, or does not any more."),
    "too_many": _("Too much comes from this address; try again in a minute."),
    "busy": _("The shop is too busy to take this in."),
    "not_stored": _("It could not be stored now; send it again later, with the same id."),
}
"""What can be wrong, in words: with all that was sent (the first eight), or with one event (also the depth)."""

NAMES = frozenset(Name.values)
PURCHASES = ("purchase", "refund")
ONE_ITEM = (Name.CLICKED, Name.VIEWED, Name.ENGAGED, Name.FEEDBACK)
ITEMLESS = (Name.SEARCHED, Name.BASKET, Name.CHECKOUT)
COUNTED = (Name.ADDED, Name.REMOVED)


class Unusable(ValueError):
    """What was sent cannot be used; holds a code of FAULTS."""

    @property
    def code(self) -> str:
        return self.args[0]


@dataclass(frozen=True)
class Item:
    """A product as the sender names it."""

    kind: str
    """What the key is, a value of the setting `item_ids`."""
    key: str
    index: int
    """Its position in a row."""


@dataclass(frozen=True)
class Report:
    """What somebody says that happened. Well-formed, and not yet believed."""

    index: int
    """Its place in the body."""
    id: uuid.UUID | None
    name: str
    at: float | None
    """By the sender's clock, in seconds since 1970."""
    items: tuple[Item, ...] = ()
    slate: str = ""
    query: str = ""
    value: float | None = None


@dataclass(frozen=True)
class Rejection:
    """Why one event is not stored."""

    index: int
    code: str

    def as_json(self) -> dict[str, Any]:
        return {"index": self.index, "code": self.code, "message": str(FAULTS[self.code])}


@dataclass(frozen=True)
class Body:
    """All that one delivery says."""

    count: int
    """How many events there are in it, good or bad."""
    sent: float | None
    """By the sender's clock, in seconds since 1970."""
    reports: tuple[Report, ...]
    rejected: tuple[Rejection, ...]


def read(content: bytes, item_ids: str, most: int = EVENTS) -> Body:
    """The events of a body, each by itself: a bad one is left out and the rest stays.

    In the data layer's own pushes (with "event") an item_id is what the setting `item_ids` says, in our script's
    events (with "name") a primary key. Raises Unusable when the body as a whole says nothing.
    """
    body = _parsed(content)
    events = body.get("events") if isinstance(body, dict) else None
    if not isinstance(events, list):
        raise Unusable("bad_body")
    if len(events) > most:
        raise Unusable("too_many_events")
    sent = body.get("sent_at")
    reports, rejected = [], []
    for index, event in enumerate(events):
        try:
            reports.append(report(event, index, item_ids))
        except Unusable as fault:
            rejected.append(Rejection(index, fault.code))
    return Body(len(events), None if sent is None else _whole_body_time(sent), tuple(reports), tuple(rejected))


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content.decode(), parse_int=_whole_number)
    except RecursionError:
        raise Unusable("too_deep") from None
    except ValueError:
        raise Unusable("bad_json") from None


def _whole_number(digits: str) -> int | float:
    return int(digits) if len(digits) <= DIGITS else math.inf


def _whole_body_time(value: Any) -> float:
    try:
        return seconds(value)
    except Unusable:
        raise Unusable("bad_body") from None


def report(event: Any, index: int, item_ids: str) -> Report:
    """One event as it was sent, in any of the forms that we know; Unusable says what is wrong with it.

    1. nothing in it that no table could hold     2. its name
    3. its id and time                            4. its products, and what else belongs to its name
    """
    if not isinstance(event, dict):
        raise Unusable("bad_event")
    _harmless(event, 1)
    pushed = "name" not in event
    name = _name(event.get("event") if pushed else event["name"])
    said = _said(event)
    items = _items(said.get("items"), item_ids if pushed else "id")
    _enough_items(name, items)
    at = event.get("at")
    return Report(
        index=index,
        id=_id(event.get("id")),
        name=name,
        at=None if at is None else seconds(at),
        items=items,
        slate=_slate(said),
        query=_query(said) if name == Name.SEARCHED else "",
        value=_value(name, said),
    )


def _harmless(value: Any, depth: int, letters: int = LETTERS) -> None:
    """Nothing is too deep, too long, too large, or half a character: also in fields that nobody reads."""
    if isinstance(value, str):
        if len(value) > letters or "\0" in value or not _whole(value):
            raise Unusable("bad_text")
    elif isinstance(value, dict):
        _not_too_deep(depth)
        for key, entry in value.items():
            _harmless(key, depth)
            _harmless(entry, depth + 1, TOKEN_LETTERS if key == "slate" else LETTERS)
    elif isinstance(value, list):
        _not_too_deep(depth)
        for entry in value:
            _harmless(entry, depth + 1)
    elif value is not None and not -LARGEST <= value <= LARGEST:  # neither is NaN
        raise Unusable("bad_number")


def _not_too_deep(depth: int) -> None:
    if depth > DEPTH:
        raise Unusable("too_deep")


def _whole(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def _name(value: Any) -> str:
    if value in PURCHASES:
        raise Unusable("purchases_are_orders")
    if not isinstance(value, str) or value not in NAMES:
        raise Unusable("unknown_name")
    return value


def _said(event: dict[str, Any]) -> dict[str, Any]:
    """The event's own fields, with those of its `params` or `ecommerce` over them."""
    said = dict(event)
    for place in ("ecommerce", "params"):
        more = event.get(place)
        if isinstance(more, dict):
            said |= more
        elif more is not None:
            raise Unusable("bad_event")
    return said


def _id(value: Any) -> uuid.UUID | None:
    if value is None:
        return None
    try:
        return uuid.UUID(hex=value)
    except (ValueError, AttributeError, TypeError):
        raise Unusable("bad_id") from None


def seconds(value: Any) -> float:
    """A moment that is written in milliseconds since 1970 or as ISO 8601 (UTC where it does not say), as seconds since
    1970. Unusable when it is neither."""
    if isinstance(value, str):
        return _iso_seconds(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unusable("bad_time")
    if not FIRST_SECOND <= value / 1000 < LAST_SECOND:  # neither is NaN
        raise Unusable("bad_time")
    return value / 1000


def _iso_seconds(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise Unusable("bad_time") from None


def _items(value: Any, kind: str) -> tuple[Item, ...]:
    """Each product once, at its first position."""
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > ITEMS:
        raise Unusable("bad_items")
    found: dict[str, Item] = {}
    for place, entry in enumerate(value):
        item = _item(entry, kind, place)
        found.setdefault(item.key, item)
    return tuple(found.values())


def _item(entry: Any, kind: str, place: int) -> Item:
    if not isinstance(entry, dict):
        raise Unusable("bad_items")
    key, index = entry.get("item_id"), entry.get("index", place)
    if isinstance(key, int) and not isinstance(key, bool):
        key = str(key)
    if not isinstance(key, str) or not key.strip():
        raise Unusable("bad_items")
    if isinstance(index, bool) or not isinstance(index, int) or index < 0:
        index = place
    return Item(kind, key.strip(), index)


def _enough_items(name: str, items: tuple[Item, ...]) -> None:
    if not items and name not in ITEMLESS:
        raise Unusable("no_item")
    if len(items) != 1 and name in ONE_ITEM:
        raise Unusable("one_item")


def _slate(said: dict[str, Any]) -> str:
    token = said.get("slate")
    if token is not None and not isinstance(token, str):
        raise Unusable("bad_slate")
    return token or ""


def _query(said: dict[str, Any]) -> str:
    term = said.get("search_term")
    if not isinstance(term, str) or not term.strip():
        raise Unusable("no_search_term")
    return term.strip()


def _value(name: str, said: dict[str, Any]) -> float | None:
    """What the table keeps as the event's value: seconds, a quantity or a grade."""
    if name == Name.ENGAGED:
        return _number(said.get("engagement_time_msec"), 0, LONGEST_STAY * 1000) / 1000
    if name in COUNTED:
        first = said["items"][0]
        return _number(first.get("quantity", 1), 0, 1_000_000) if len(said["items"]) == 1 else None
    if name == Name.FEEDBACK:
        return _number(said.get("value"), -100, 100)
    return None


def _number(value: Any, least: float, most: float) -> float:
    """GA4 allows numbers as texts, and shops use that."""
    try:
        number = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError):
        raise Unusable("bad_value") from None
    if not least <= number <= most:
        raise Unusable("bad_value")
    return number
