"""Files of past events from another system: CSV with a header, or JSON lines, also as GA4 exports them to BigQuery."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

from django.utils.timezone import get_default_timezone, is_naive

from personalization.collect.event_rules import (
    EVENT_RULES,
    MAX_EVENT_ITEMS,
    MAX_QUANTITY,
    MAX_SEARCH_LENGTH,
    PURCHASE_EVENTS,
)
from personalization.exchange.tabular import Column, Table, TableError, TableRow, open_table

EVENT_COLUMNS = {
    "event_name": Column(("event_name",)),
    "timestamp": Column(("timestamp", "event_timestamp")),
    "user": Column(("user", "user_id"), required=False),
    "client": Column(("client", "user_pseudo_id"), required=False),
    "item_id": Column(("item_id",), required=False),
    "search_term": Column(("search_term",), required=False),
    "quantity": Column(("quantity",), required=False),
    "event_id": Column(("event_id",), required=False),
}
NESTED_COLUMNS = {
    "items": Column(("items",), required=False),
    "event_params": Column(("event_params",), required=False),
}
"""What only JSON can hold: several items, and parameters as GA4 exports them."""
IMPORTED_EVENTS = tuple(event_type for event_type, rule in EVENT_RULES.items() if rule.is_imported)
MAX_ID_LENGTH = 320
"""The longest e-mail address."""
EPOCH_TIME = re.compile(r"\d{9,17}(\.\d{1,9})?", re.ASCII)
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class RejectedRow(Exception):
    """A row cannot be imported: (code, message)."""


@dataclass(frozen=True, slots=True)
class FileEvent:
    """A well-formed row, before the shop is asked for its customer and products."""

    type: str
    occurred_at: datetime
    user: str
    client: str
    items: tuple[str, ...]
    query: str
    quantity: float | None
    event_id: str


@contextmanager
def open_event_file(file: Path) -> Iterator[Iterator[TableRow]]:
    """The rows of a file; TableError says why it cannot be read."""
    if file.suffix.lower() not in (".csv", ".jsonl", ".ndjson"):
        raise TableError(f"{file} does not end in .csv or .jsonl, the formats of past events.")
    with open_table(file) as table:
        yield _event_rows(table)


def _event_rows(table: Table) -> Iterator[TableRow]:
    return table.rows(EVENT_COLUMNS if table.header is not None else EVENT_COLUMNS | NESTED_COLUMNS)


def count_lines(file: Path) -> int:
    """The number of lines in a file, which is about that of its rows."""
    with file.open("rb") as stream:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(1 << 20), b""))


def parse_row(row: TableRow) -> FileEvent:
    """The event in a row. RejectedRow says why the row is not clear, or not for us."""
    if row.fault:
        raise RejectedRow("invalid_row", row.fault)
    event_type = _event_type(cell_text(row, "event_name"))
    rule = EVENT_RULES[event_type]
    items, quantity = ((), None) if rule.has_query else _items_and_quantity(row)
    event = FileEvent(
        type=event_type,
        occurred_at=parse_timestamp(cell_text(row, "timestamp"), "timestamp"),
        user=cell_text(row, "user"),
        client=cell_text(row, "client"),
        items=items,
        query=_search_query(row) if rule.has_query else "",
        quantity=quantity if rule.value == "quantity" else None,
        event_id=cell_text(row, "event_id"),
    )
    match rule.item_count_error(len(items)):
        case "missing_item":
            raise RejectedRow("missing_item", f"{event_type} needs an item_id")
        case "too_many_items":
            raise RejectedRow("too_many_items", f"{event_type} has {len(items)} items; expected one")
    return event


def _event_type(name: str) -> str:
    if name in PURCHASE_EVENTS:
        raise RejectedRow("purchases_not_accepted", "purchases are read from the shop's own orders")
    if name not in IMPORTED_EVENTS:
        raise RejectedRow(
            "unknown_event", f"event_name is {name[:40]!r}; expected one of: {', '.join(IMPORTED_EVENTS)}"
        )
    return name


def _search_query(row: TableRow) -> str:
    value = row.cells.get("search_term") or _ga4_parameter(row.cells.get("event_params"), "search_term")
    query = " ".join(CONTROL_CHARACTERS.sub(" ", value).split()) if isinstance(value, str) else ""
    if not query:
        raise RejectedRow("missing_search_term", "a search needs a search_term")
    return query[:MAX_SEARCH_LENGTH]


def _ga4_parameter(parameters: Any, key: str) -> Any:
    """A parameter of an event as GA4 exports it: [{"key": ..., "value": {"string_value": ...}}]."""
    for pair in parameters if isinstance(parameters, list) else ():
        if isinstance(pair, dict) and pair.get("key") == key and isinstance(pair.get("value"), dict):
            return pair["value"].get("string_value")
    return None


def _items_and_quantity(row: TableRow) -> tuple[tuple[str, ...], float | None]:
    """(item ids in their order without repetitions; the quantity when there is one item)"""
    items = row.cells.get("items") or [row.cells]
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise RejectedRow("invalid_row", "items is not a list of objects")
    ids = [_id_text("item_id", item.get("item_id")) for item in items[:MAX_EVENT_ITEMS]]
    quantity = _quantity(items[0].get("quantity")) if len(items) == 1 else None
    return tuple(dict.fromkeys(filter(None, ids))), quantity


def _quantity(value: Any) -> float:
    try:
        number = 1.0 if value in (None, "") else float(value)
    except (TypeError, ValueError, OverflowError):
        number = 0.0
    if not 0 < number <= MAX_QUANTITY:  # also false for NaN
        raise RejectedRow("invalid_value", f"quantity is {str(value)[:40]!r}; expected a number > 0")
    return number


def cell_text(row: TableRow, key: str) -> str:
    """The text in a cell, "" for none. RejectedRow for what is no text, too long, or has control characters."""
    return _id_text(key, row.cells.get(key))


def _id_text(key: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise RejectedRow("invalid_row", f"{key} is neither a string nor an integer")
    try:
        text = str(value).strip()
    except ValueError:  # Python refuses to write integers of more than 4,300 digits
        raise RejectedRow("invalid_row", f"{key} is too large") from None
    if CONTROL_CHARACTERS.search(text) or len(text) > MAX_ID_LENGTH:
        raise RejectedRow("invalid_row", f"{key} is longer than {MAX_ID_LENGTH} characters or has a control character")
    return text


def parse_timestamp(text: str, column: str, zone: tzinfo | None = None) -> datetime:
    """The moment in a text; one that names no zone is of this one, or of the shop's. RejectedRow for no moment."""
    try:
        if EPOCH_TIME.fullmatch(text):
            return datetime.fromtimestamp(_epoch_seconds(float(text)), UTC)
        moment = datetime.fromisoformat(text)
        return (moment.replace(tzinfo=zone or get_default_timezone()) if is_naive(moment) else moment).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise RejectedRow(
            "invalid_time", f"{column} is {text[:40]!r}; expected 2026-11-22T18:00:00+01:00, or seconds since 1970"
        ) from None


def _epoch_seconds(number: float) -> float:
    """Seconds since 1970 from the units in use: microseconds in GA4's exports, milliseconds in browsers."""
    return number / 1e6 if number >= 1e14 else number / 1e3 if number >= 1e11 else number
