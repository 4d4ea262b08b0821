"""Files in which another system tells what visitors did: CSV with a header, or JSON lines, also as GA4 exports them."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.utils.timezone import get_default_timezone, is_naive

from personalization.exchange import tabular
from personalization.models.events import EventType

EVENT_COLUMNS = {
    "event_name": ("event_name",),
    "timestamp": ("timestamp", "event_timestamp"),
    "user": ("user", "user_id"),
    "client": ("client", "user_pseudo_id"),
    "item_id": ("item_id",),
    "search_term": ("search_term",),
    "quantity": ("quantity",),
    "event_id": ("event_id",),
}
"""Under which names each is found."""
REQUIRED_COLUMNS = ("event_name", "timestamp")
ONE_ITEM = (EventType.CLICK, EventType.PRODUCT_VIEW)
SOME_ITEMS = (EventType.IMPRESSION, EventType.ADD_TO_BASKET, EventType.REMOVE_FROM_BASKET, EventType.ADD_TO_WISHLIST)
COUNTED = (EventType.ADD_TO_BASKET, EventType.REMOVE_FROM_BASKET)
TAKEN = (*ONE_ITEM, *SOME_ITEMS, EventType.SEARCH, EventType.VIEW_BASKET, EventType.CHECKOUT)
"""What is imported; dwell times and opinions are not."""
PURCHASES = ("purchase", "refund", "ecommerce_purchase", "in_app_purchase")
LETTERS = 65_536
"""A longer line of JSON is none of ours."""
LETTERS_OF_A_SEARCH = 256
"""Of a longer search the rest is cut off."""
LETTERS_OF_A_NAME = 320
"""The longest e-mail address."""
MOST_ITEMS = 200
NUMBER = re.compile(r"\d{9,17}(\.\d{1,9})?", re.ASCII)
CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class RejectedLine(Exception):
    """A row is not taken in: (code, why in words)."""


@dataclass(frozen=True, slots=True)
class FileLine:
    """A row of a file, not yet understood."""

    line_number: str
    cells: Mapping[str, Any]
    """What stands under the names of COLUMNS, and under "items"."""
    held: str
    """The row as it stands in the file, more or less."""
    fault: str = ""
    """What is wrong with a row that could not be read."""


@dataclass(frozen=True, slots=True)
class FileEvent:
    """What a row says, before anybody asks the shop."""

    line: FileLine
    name: str
    at: datetime
    user: str
    client: str
    items: tuple[str, ...]
    query: str
    quantity: float | None
    event_id: str


@contextmanager
def open_event_file(file: Path) -> Iterator[Iterator[FileLine]]:
    """The rows of a file; tables.TableError says why it cannot be read."""
    if file.suffix.lower() in (".jsonl", ".ndjson"):
        try:
            with file.open("rb") as lines:
                yield _json_lines(lines)
        except OSError as error:
            raise tabular.TableError(f"{file} could not be read: {error}") from None
    elif file.suffix.lower() == ".csv":
        with tabular.open_table(file) as table:
            yield _csv_lines(table)
    else:
        raise tabular.TableError(
            f"{file} does not end in .csv or .jsonl; past events are a file of one of these kinds."
        )


def file_length(file: Path) -> int:
    """How many lines a file has, about as many as rows."""
    with file.open("rb") as stream:
        return sum(some.count(b"\n") for some in iter(lambda: stream.read(1 << 20), b""))


def _csv_lines(table: tabular.Table) -> Iterator[FileLine]:
    found = {key: table.column(names) for key, names in EVENT_COLUMNS.items()}
    if any(found[key] is None for key in REQUIRED_COLUMNS):
        there = ", ".join(table.header) or "nothing"
        raise tabular.TableError(
            f"{table.file} needs a first line that names its columns, event_name and timestamp among them. "
            f"Found was: {there}."
        )
    places = {key: place for key, place in found.items() if place is not None}
    for row in table.rows(range(len(table.header))):
        if row.fault:
            yield FileLine(row.place, {}, _cells(row.found), row.fault)
        else:
            yield FileLine(row.place, {key: row.cells[place] for key, place in places.items()}, _cells(row.cells))


def _cells(cells: tuple[str, ...]) -> str:
    return json.dumps(cells, ensure_ascii=False)


def _json_lines(lines: Any) -> Iterator[FileLine]:
    for number, raw in enumerate(iter(lambda: lines.readline(LETTERS + 1), b""), start=1):
        if len(raw) > LETTERS:
            _read_long_line(lines, raw)
            yield FileLine(f"line {number}", {}, "", f"is longer than {LETTERS} bytes")
        elif raw.strip():
            yield _json_line(f"line {number}", raw)


def _read_long_line(lines: Any, part: bytes) -> None:
    while part and not part.endswith(b"\n"):
        part = lines.readline(LETTERS)


def _json_line(place: str, raw: bytes) -> FileLine:
    held = raw.decode(errors="backslashreplace").strip()
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError) as error:
        return FileLine(place, {}, held, f"is not JSON: {error}"[:200])
    if not isinstance(said, dict):
        return FileLine(place, {}, held, "is not a JSON object")
    cells = {key: next((said[name] for name in names if name in said), None) for key, names in EVENT_COLUMNS.items()}
    cells["search_term"] = cells["search_term"] or _parameter(said, "search_term")
    return FileLine(place, {**cells, "items": said.get("items")}, held)


def _parameter(said: Mapping[str, Any], key: str) -> Any:
    """A parameter of an event as GA4 exports it to BigQuery."""
    listed = said.get("event_params")
    for pair in listed if isinstance(listed, list) else ():
        if isinstance(pair, dict) and pair.get("key") == key and isinstance(pair.get("value"), dict):
            return pair["value"].get("string_value")
    return None


def parse_line(line: FileLine) -> FileEvent:
    """What a row says; Rejected says why that is not clear, or nothing for us."""
    if line.fault:
        raise RejectedLine("bad_row", line.fault)
    name = _name(_text(line, "event_name"))
    searched = name == EventType.SEARCH
    items, quantity = ((), None) if searched else _items(line)
    told = FileEvent(
        line=line,
        name=name,
        at=_moment(_text(line, "timestamp")),
        user=_text(line, "user"),
        client=_text(line, "client"),
        items=items,
        query=_query(line) if searched else "",
        quantity=quantity if name in COUNTED else None,
        event_id=_text(line, "event_id"),
    )
    if not items and name in (*ONE_ITEM, *SOME_ITEMS):
        raise RejectedLine("no_item", f"{name} without item_id")
    if len(items) > 1 and name in ONE_ITEM:
        raise RejectedLine("one_item", f"{name} with {len(items)} items; it takes one")
    return told


def _query(line: FileLine) -> str:
    said = line.cells.get("search_term")
    query = " ".join(CONTROL.sub(" ", said).split())[:LETTERS_OF_A_SEARCH] if isinstance(said, str) else ""
    if not query:
        raise RejectedLine("no_search_term", "a search without search_term")
    return query


def _name(text: str) -> str:
    if text in PURCHASES:
        raise RejectedLine("purchases_are_orders", "purchases are read from the shop's own orders")
    if text not in TAKEN:
        raise RejectedLine(
            "unknown_name", f"event_name is {text[:40]!r}; it takes one of: {', '.join(map(str, TAKEN))}"
        )
    return text


def _items(line: FileLine) -> tuple[tuple[str, ...], float | None]:
    """(item ids in their order, each once; the quantity when there is one item)"""
    several = line.cells.get("items") or [line.cells]
    if not isinstance(several, list) or not all(isinstance(item, dict) for item in several):
        raise RejectedLine("bad_row", "items is not a list of objects")
    ids = [_as_text("item_id", item.get("item_id")) for item in several[:MOST_ITEMS]]
    quantity = _quantity(several[0].get("quantity")) if len(several) == 1 else None
    return tuple(dict.fromkeys(filter(None, ids))), quantity


def _quantity(value: Any) -> float:
    try:
        number = 1.0 if value in (None, "") else float(value)
    except (TypeError, ValueError, OverflowError):
        number = 0.0
    if not 0 < number <= 1_000_000:  # neither is NaN
        raise RejectedLine("bad_value", f"quantity is {str(value)[:40]!r}; it takes a number above 0")
    return number


def _text(line: FileLine, key: str) -> str:
    return _as_text(key, line.cells.get(key))


def _as_text(key: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise RejectedLine("bad_row", f"{key} is neither a text nor a whole number")
    try:
        text = str(value).strip()
    except ValueError:  # more digits than Python writes
        raise RejectedLine("bad_row", f"{key} is too large") from None
    if CONTROL.search(text) or len(text) > LETTERS_OF_A_NAME:
        raise RejectedLine("bad_row", f"{key} is too long, or holds a character that is none")
    return text


def _moment(text: str) -> datetime:
    try:
        if NUMBER.fullmatch(text):
            return datetime.fromtimestamp(_seconds(float(text)), UTC)
        moment = datetime.fromisoformat(text)
        return (moment.replace(tzinfo=get_default_timezone()) if is_naive(moment) else moment).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise RejectedLine(
            "bad_time", f"timestamp is {text[:40]!r}; it takes 2026-11-22T18:00:00+01:00, or seconds since 1970"
        ) from None


def _seconds(number: float) -> float:
    """GA4 counts in microseconds, browsers in milliseconds."""
    return number / 1e6 if number >= 1e14 else number / 1e3 if number >= 1e11 else number
