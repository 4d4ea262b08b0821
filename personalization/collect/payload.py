"""Parses what a browser reports: any bytes become reports, or error codes."""

import json
import math
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from personalization.collect.event_rules import (
    EVENT_RULES,
    EXPOSURE,
    MAX_EVENT_ITEMS,
    MAX_HITS,
    MAX_QUANTITY,
    PURCHASE_EVENTS,
)

MAX_BODY_BYTES = 64 * 1024
MAX_EVENTS = 50
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
    "method_not_allowed": _("Send events with POST."),
    "unsupported_media_type": _("Expected the content type application/json or text/plain."),
    "cross_origin": _("Only pages of this shop may send events: Origin or Sec-Fetch-Site must say so."),
    "body_too_large": _("The body is larger than 64 KiB; send the rest separately."),
    "invalid_json": _("The body is not valid JSON in UTF-8."),
    "invalid_body": _('Expected an object {"sent_at": ..., "events": [...]} with a list of events.'),
    "nesting_too_deep": _("Nesting deeper than 5 levels."),
    "too_many_events": _("More than 50 events in one body; send the others separately."),
    "invalid_event": _('Expected an event as an object {"id": ..., "name": ..., "at": ..., "params": {...}}.'),
    "invalid_text": _("A string is longer than 256 characters, or contains NUL or an unpaired surrogate."),
    "invalid_number": _("A number is not finite, or larger than 63 bits."),
    "invalid_id": _("The id is not a UUID; create a new one for each event."),
    "invalid_time": _("The time is neither milliseconds since 1970 nor ISO 8601."),
    "unknown_event": _("Unknown event; the names are those of GA4's e-commerce events."),
    "purchases_not_accepted": _("Purchases are not accepted: they are read from the shop's own orders."),
    "invalid_items": _("Expected items as a list of at most 200 objects with an item_id."),
    "missing_item": _("This event needs a product."),
    "too_many_items": _("This event takes exactly one product."),
    "invalid_value": _("The quantity, the engagement time or the grade is not a number in its range."),
    "missing_search_term": _("A search needs a search_term."),
    "unknown_product": _("The shop shows no such product. The setting EVENT_ITEM_ID_FIELD says what an item_id is."),
    "sensitive_product": _("The product is in a sensitive category: nothing is stored about it."),
    "invalid_slate": _("The token is not one that this shop signed for this visitor in the last 7 days."),
    "not_on_slate": _("The product is not in the list that the token stands for."),
    "too_old": _("The event happened more than 7 days ago."),
    "before_consent": _("The event happened before the visitor consented."),
    "no_consent": _("The visitor has not consented, or has withdrawn consent."),
    "rate_limited": _("Too many events from this address; try again in a minute."),
    "daily_limit": _("The shop stores no more events of this visitor today; send no more before tomorrow (UTC)."),
    "server_busy": _("The shop is too busy to store this; send it again in some seconds, with the same id."),
    "not_stored": _("The event could not be stored; send it again later, with the same id."),
}
"""Why a whole request is rejected (the first eight codes), or one event (the others, and `nesting_too_deep`)."""


class InvalidEvent(ValueError):
    """What was sent cannot be used; holds a code of ERROR_MESSAGES."""

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
    events, sent = _parse_body(content, most)
    reports, rejected = [], []
    for index, event in enumerate(events):
        try:
            reports.append(read_event(event, index, item_ids))
        except InvalidEvent as fault:
            rejected.append(Rejection(index, fault.code))
    return EventPayload(len(events), None if sent is None else _sent_at(sent), tuple(reports), tuple(rejected))


def count_payload(content: bytes, most: int = MAX_EVENTS) -> int:
    """How many events a body has, none of them checked. InvalidEvent as above."""
    return len(_parse_body(content, most)[0])


def _parse_body(content: bytes, most: int) -> tuple[list[Any], Any]:
    """(its events, when it was sent), neither of them checked"""
    body = _parse_json(content)
    events = body.get("events") if isinstance(body, dict) else None
    if not isinstance(events, list):
        raise InvalidEvent("invalid_body")
    if len(events) > most:
        raise InvalidEvent("too_many_events")
    return events, body.get("sent_at")


def _parse_json(content: bytes) -> Any:
    try:
        return json.loads(content.decode(), parse_int=_parse_integer)
    except RecursionError:
        raise InvalidEvent("nesting_too_deep") from None
    except ValueError:
        raise InvalidEvent("invalid_json") from None


def _parse_integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_DIGITS else math.inf


def _sent_at(value: Any) -> float:
    try:
        return parse_timestamp(value)
    except InvalidEvent:
        raise InvalidEvent("invalid_body") from None


def read_event(event: Any, index: int, item_ids: str) -> ReportedEvent:
    """One event in any of the forms that we know; InvalidEvent names what is wrong with it.

    1. nothing in it that no table could hold     2. its name
    3. its id and time                            4. its products, and what else belongs to its name
    """
    if not isinstance(event, dict):
        raise InvalidEvent("invalid_event")
    _check_storable(event, 1)
    if event.get("name") == EXPOSURE:
        return ReportedEvent(
            index, _event_id(event.get("id")), EXPOSURE, None, slate=_slate_token(_merged_fields(event))
        )
    pushed = "name" not in event
    name = _event_type(event.get("event") if pushed else event["name"])
    fields = _merged_fields(event)
    items = _read_items(fields.get("items"), item_ids if pushed else "id")
    if code := EVENT_RULES[name].item_count_error(len(items)):
        raise InvalidEvent(code)
    at = event.get("at")
    return ReportedEvent(
        index=index,
        id=_event_id(event.get("id")),
        name=name,
        at=None if at is None else parse_timestamp(at),
        items=items,
        slate=_slate_token(fields),
        query=_search_query(fields) if EVENT_RULES[name].has_query else "",
        value=_event_value(name, fields),
    )


def _check_storable(value: Any, depth: int, letters: int = MAX_TEXT_LENGTH) -> None:
    """Nothing is too deep, too long, too large, or half a character: also in fields that nobody reads."""
    if isinstance(value, str):
        if len(value) > letters or "\0" in value or not _is_valid_unicode(value):
            raise InvalidEvent("invalid_text")
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
        raise InvalidEvent("invalid_number")


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidEvent("nesting_too_deep")


def _is_valid_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def _event_type(value: Any) -> str:
    if value in PURCHASE_EVENTS:
        raise InvalidEvent("purchases_not_accepted")
    if not isinstance(value, str) or value not in EVENT_RULES:
        raise InvalidEvent("unknown_event")
    return value


def _merged_fields(event: dict[str, Any]) -> dict[str, Any]:
    """The event's own fields, with those of its `params` or `ecommerce` over them."""
    fields = dict(event)
    for place in ("ecommerce", "params"):
        more = event.get(place)
        if isinstance(more, dict):
            fields |= more
        elif more is not None:
            raise InvalidEvent("invalid_event")
    return fields


def _event_id(value: Any) -> uuid.UUID | None:
    if value is None:
        return None
    try:
        return uuid.UUID(hex=value)
    except (ValueError, AttributeError, TypeError):
        raise InvalidEvent("invalid_id") from None


def parse_timestamp(value: Any) -> float:
    """A moment that is written in milliseconds since 1970 or as ISO 8601 (UTC where it does not say), as seconds since
    1970. InvalidEvent when it is neither."""
    if isinstance(value, str):
        return _iso_seconds(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidEvent("invalid_time")
    if not MIN_TIMESTAMP <= value / 1000 < MAX_TIMESTAMP:  # neither is NaN
        raise InvalidEvent("invalid_time")
    return value / 1000


def _iso_seconds(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise InvalidEvent("invalid_time") from None


def _read_items(value: Any, kind: str) -> tuple[ReportedItem, ...]:
    """Each product once, at its first position."""
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MAX_EVENT_ITEMS:
        raise InvalidEvent("invalid_items")
    found: dict[str, ReportedItem] = {}
    for place, entry in enumerate(value):
        item = _read_item(entry, kind, place)
        found.setdefault(item.key, item)
    return tuple(found.values())


def _read_item(entry: Any, kind: str, place: int) -> ReportedItem:
    if not isinstance(entry, dict):
        raise InvalidEvent("invalid_items")
    key, index = entry.get("item_id"), entry.get("index", place)
    if isinstance(key, int) and not isinstance(key, bool):
        key = str(key)
    if not isinstance(key, str) or not key.strip():
        raise InvalidEvent("invalid_items")
    if isinstance(index, bool) or not isinstance(index, int) or index < 0:
        index = place
    return ReportedItem(kind, key.strip(), index)


def _slate_token(fields: dict[str, Any]) -> str:
    token = fields.get("slate")
    if token is not None and not isinstance(token, str):
        raise InvalidEvent("invalid_slate")
    return token or ""


def _search_query(fields: dict[str, Any]) -> str:
    term = fields.get("search_term")
    if not isinstance(term, str) or not term.strip():
        raise InvalidEvent("missing_search_term")
    return term.strip()


def _event_value(name: str, fields: dict[str, Any]) -> float | None:
    """What the table keeps as the event's value: seconds, a quantity, a grade, or how many hits a search had."""
    measures = EVENT_RULES[name].value
    if measures == "seconds":
        return _finite_number(fields.get("engagement_time_msec"), 0, MAX_ENGAGEMENT_SECONDS * 1000) / 1000
    if measures == "quantity":
        first = fields["items"][0]
        return _finite_number(first.get("quantity", 1), 0, MAX_QUANTITY) if len(fields["items"]) == 1 else None
    if measures == "grade":
        return _finite_number(fields.get("value"), -100, 100)
    if measures == "hits":
        return _hits(fields.get("value"))
    return None


def _hits(value: Any) -> float | None:
    """None where it is not known: a search of the shop's own data layer may say anything else there."""
    try:
        return _finite_number(value, 0, MAX_HITS)
    except InvalidEvent:
        return None


def _finite_number(value: Any, least: float, most: float) -> float:
    """GA4 allows numbers as texts, and shops use that."""
    try:
        number = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError):
        raise InvalidEvent("invalid_value") from None
    if not least <= number <= most:
        raise InvalidEvent("invalid_value")
    return number
