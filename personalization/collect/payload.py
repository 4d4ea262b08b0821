"""Parses what a browser reports: any bytes become reports, or error codes."""

import json
import math
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from personalization.models.events import EventType

MAX_BODY_BYTES = 64 * 1024
MAX_EVENTS = 50
MAX_ITEMS = 200
"""The most items that GA4 lets one event have."""
MAX_DEPTH = 5
"""Lists and objects within one another in one event: the event itself, its parameters, the items, an item."""
MAX_TEXT_LENGTH = 256
MAX_TOKEN_LENGTH = 8_192
"""Of a slate's token, which is longer than any other text."""
MAX_INTEGER = 2**63 - 1
MAX_DIGITS = 20
"""A longer whole number is too large, whatever it is; reading it digit by digit would take long."""
MAX_ENGAGEMENT_SECONDS = 24 * 3600
MIN_TIMESTAMP, MAX_TIMESTAMP = -62_135_596_800, 253_402_300_800
"""The years 1 and 10,000, in seconds since 1970."""

ERROR_MESSAGES: dict[str, Promise] = {
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
"""{code: message} of each error: of a whole payload (the first eight), or of one event (also the depth)."""

EVENT_TYPES = frozenset(EventType.values)
PURCHASE_EVENTS = ("purchase", "refund")
SINGLE_ITEM_EVENTS = (EventType.CLICK, EventType.PRODUCT_VIEW, EventType.ENGAGEMENT, EventType.FEEDBACK)
EVENTS_WITHOUT_ITEMS = (EventType.SEARCH, EventType.VIEW_BASKET, EventType.CHECKOUT)
EVENTS_WITH_QUANTITY = (EventType.ADD_TO_BASKET, EventType.REMOVE_FROM_BASKET)


class InvalidEvent(ValueError):
    """An event, or a whole payload, cannot be used; its argument is a key of `ERROR_MESSAGES`."""

    @property
    def code(self) -> str:
        return self.args[0]


@dataclass(frozen=True)
class ReportedItem:
    """A product as the sender names it."""

    id_type: str
    """What the key is, a value of the setting `item_ids`."""
    key: str
    index: int
    """Its position in a row."""


@dataclass(frozen=True)
class ReportedEvent:
    """An event as a client reports it: well-formed, not yet verified."""

    index: int
    """Its place in the body."""
    id: uuid.UUID | None
    name: str
    at: float | None
    """By the sender's clock, in seconds since 1970."""
    items: tuple[ReportedItem, ...] = ()
    slate: str = ""
    query: str = ""
    value: float | None = None


@dataclass(frozen=True)
class Rejection:
    """Why one event is not stored."""

    index: int
    code: str

    def as_json(self) -> dict[str, Any]:
        return {"index": self.index, "code": self.code, "message": str(ERROR_MESSAGES[self.code])}


@dataclass(frozen=True)
class EventPayload:
    """The content of one delivery."""

    count: int
    """The number of its events, valid or not."""
    sent: float | None
    """By the sender's clock, in seconds since 1970."""
    reports: tuple[ReportedEvent, ...]
    rejected: tuple[Rejection, ...]


def read_payload(content: bytes, item_ids: str, most: int = MAX_EVENTS) -> EventPayload:
    """The events of a body, each by itself: a bad one is left out and the rest stays.

    In the data layer's own pushes (with "event") an item_id is what the setting `EVENT_ITEM_ID_FIELD` names, in our
    script's events (with "name") a primary key.

    Raises
    ------
    InvalidEvent
        when the body as a whole cannot be read.
    """
    body = _parse_json(content)
    events = body.get("events") if isinstance(body, dict) else None
    if not isinstance(events, list):
        raise InvalidEvent("bad_body")
    if len(events) > most:
        raise InvalidEvent("too_many_events")
    sent = body.get("sent_at")
    reports, rejected = [], []
    for index, event in enumerate(events):
        try:
            reports.append(read_event(event, index, item_ids))
        except InvalidEvent as fault:
            rejected.append(Rejection(index, fault.code))
    return EventPayload(len(events), None if sent is None else _sent_at(sent), tuple(reports), tuple(rejected))


def _parse_json(content: bytes) -> Any:
    try:
        return json.loads(content.decode(), parse_int=_parse_integer)
    except RecursionError:
        raise InvalidEvent("too_deep") from None
    except ValueError:
        raise InvalidEvent("bad_json") from None


def _parse_integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_DIGITS else math.inf


def _sent_at(value: Any) -> float:
    try:
        return parse_timestamp(value)
    except InvalidEvent:
        raise InvalidEvent("bad_body") from None


def read_event(event: Any, index: int, item_ids: str) -> ReportedEvent:
    """One event in any of the forms that we know; InvalidEvent names what is wrong with it.

    1. nothing in it that no table could hold     2. its name
    3. its id and time                            4. its products, and what else belongs to its name
    """
    if not isinstance(event, dict):
        raise InvalidEvent("bad_event")
    _check_storable(event, 1)
    pushed = "name" not in event
    name = _event_type(event.get("event") if pushed else event["name"])
    fields = _merged_fields(event)
    items = _read_items(fields.get("items"), item_ids if pushed else "id")
    _check_item_count(name, items)
    at = event.get("at")
    return ReportedEvent(
        index=index,
        id=_event_id(event.get("id")),
        name=name,
        at=None if at is None else parse_timestamp(at),
        items=items,
        slate=_slate_token(fields),
        query=_search_query(fields) if name == EventType.SEARCH else "",
        value=_event_value(name, fields),
    )


def _check_storable(value: Any, depth: int, letters: int = MAX_TEXT_LENGTH) -> None:
    """Nothing is too deep, too long, too large, or half a character: also in fields that nobody reads."""
    if isinstance(value, str):
        if len(value) > letters or "\0" in value or not _is_valid_unicode(value):
            raise InvalidEvent("bad_text")
    elif isinstance(value, dict):
        _check_depth(depth)
        for key, entry in value.items():
            _check_storable(key, depth)
            _check_storable(entry, depth + 1, MAX_TOKEN_LENGTH if key == "slate" else MAX_TEXT_LENGTH)
    elif isinstance(value, list):
        _check_depth(depth)
        for entry in value:
            _check_storable(entry, depth + 1)
    elif value is not None and not -MAX_INTEGER <= value <= MAX_INTEGER:  # neither is NaN
        raise InvalidEvent("bad_number")


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidEvent("too_deep")


def _is_valid_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def _event_type(value: Any) -> str:
    if value in PURCHASE_EVENTS:
        raise InvalidEvent("purchases_are_orders")
    if not isinstance(value, str) or value not in EVENT_TYPES:
        raise InvalidEvent("unknown_name")
    return value


def _merged_fields(event: dict[str, Any]) -> dict[str, Any]:
    """The event's own fields, with those of its `params` or `ecommerce` over them."""
    fields = dict(event)
    for place in ("ecommerce", "params"):
        more = event.get(place)
        if isinstance(more, dict):
            fields |= more
        elif more is not None:
            raise InvalidEvent("bad_event")
    return fields


def _event_id(value: Any) -> uuid.UUID | None:
    if value is None:
        return None
    try:
        return uuid.UUID(hex=value)
    except (ValueError, AttributeError, TypeError):
        raise InvalidEvent("bad_id") from None


def parse_timestamp(value: Any) -> float:
    """A moment that is written in milliseconds since 1970 or as ISO 8601 (UTC where it does not say), as seconds since
    1970. InvalidEvent when it is neither."""
    if isinstance(value, str):
        return _iso_seconds(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidEvent("bad_time")
    if not MIN_TIMESTAMP <= value / 1000 < MAX_TIMESTAMP:  # neither is NaN
        raise InvalidEvent("bad_time")
    return value / 1000


def _iso_seconds(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise InvalidEvent("bad_time") from None


def _read_items(value: Any, kind: str) -> tuple[ReportedItem, ...]:
    """Each product once, at its first position."""
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        raise InvalidEvent("bad_items")
    found: dict[str, ReportedItem] = {}
    for place, entry in enumerate(value):
        item = _read_item(entry, kind, place)
        found.setdefault(item.key, item)
    return tuple(found.values())


def _read_item(entry: Any, kind: str, place: int) -> ReportedItem:
    if not isinstance(entry, dict):
        raise InvalidEvent("bad_items")
    key, index = entry.get("item_id"), entry.get("index", place)
    if isinstance(key, int) and not isinstance(key, bool):
        key = str(key)
    if not isinstance(key, str) or not key.strip():
        raise InvalidEvent("bad_items")
    if isinstance(index, bool) or not isinstance(index, int) or index < 0:
        index = place
    return ReportedItem(kind, key.strip(), index)


def _check_item_count(name: str, items: tuple[ReportedItem, ...]) -> None:
    if not items and name not in EVENTS_WITHOUT_ITEMS:
        raise InvalidEvent("no_item")
    if len(items) != 1 and name in SINGLE_ITEM_EVENTS:
        raise InvalidEvent("one_item")


def _slate_token(fields: dict[str, Any]) -> str:
    token = fields.get("slate")
    if token is not None and not isinstance(token, str):
        raise InvalidEvent("bad_slate")
    return token or ""


def _search_query(fields: dict[str, Any]) -> str:
    term = fields.get("search_term")
    if not isinstance(term, str) or not term.strip():
        raise InvalidEvent("no_search_term")
    return term.strip()


def _event_value(name: str, fields: dict[str, Any]) -> float | None:
    """What the table keeps as the event's value: seconds, a quantity or a grade."""
    if name == EventType.ENGAGEMENT:
        return _finite_number(fields.get("engagement_time_msec"), 0, MAX_ENGAGEMENT_SECONDS * 1000) / 1000
    if name in EVENTS_WITH_QUANTITY:
        first = fields["items"][0]
        return _finite_number(first.get("quantity", 1), 0, 1_000_000) if len(fields["items"]) == 1 else None
    if name == EventType.FEEDBACK:
        return _finite_number(fields.get("value"), -100, 100)
    return None


def _finite_number(value: Any, least: float, most: float) -> float:
    """GA4 allows numbers as texts, and shops use that."""
    try:
        number = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError):
        raise InvalidEvent("bad_value") from None
    if not least <= number <= most:
        raise InvalidEvent("bad_value")
    return number
