"""The one statement that stores events, in the words of PostgreSQL and of SQLite.

Django's own bulk_create costs more than the database does here: it makes an object of each row and a parameter of each
field. This hands all rows over as one JSON text.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

_TYPES = {
    "event_id": "uuid",
    "type": "text",
    "occurred_at": "timestamptz",
    "received_at": "timestamptz",
    "product_id": "bigint",
    "item_kind": "text",
    "items": "jsonb",
    "query": "text",
    "surface": "text",
    "row_key": "text",
    "value": "float8",
    "is_suspected_bot": "boolean",
    "voice": "bigint",
    "device": "text",
    "slate_id": "uuid",
    "snapshot": "text",
    "position": "smallint",
    "reason": "text",
    "campaign": "text",
    "propensity": "float8",
    "arm": "text",
    "segments": "jsonb",
    "currency": "text",
    "shown_at": "timestamptz",
}
_COLUMNS = ", ".join(f'"{column}"' for column in _TYPES)
_TYPED = ", ".join(f'"{column}" {kind}' for column, kind in _TYPES.items())
_JSON_VALUES = ", ".join(f"json_extract(reported.value, '$.{column}')" for column in _TYPES)

STATEMENTS = {
    "postgresql": f"""
        WITH who AS (SELECT id FROM personalization_visitor WHERE id = %s FOR KEY SHARE)
        INSERT INTO personalization_event (visitor_id, {_COLUMNS})
        SELECT who.id, reported.* FROM who, json_to_recordset(%s::json) AS reported ({_TYPED})
        ORDER BY reported.event_id
        ON CONFLICT DO NOTHING
    """,
    "sqlite": f"""
        INSERT INTO personalization_event (visitor_id, {_COLUMNS})
        SELECT who.id, {_JSON_VALUES} FROM personalization_visitor AS who, json_each(%s) AS reported WHERE who.id = %s
        ON CONFLICT DO NOTHING
    """,
}
"""By database. Of two rows with one id the one that is there stays. The order of the ids makes two writers wait for
each other, not deadlock; SQLite has one writer at a time. The visitor's row is held until the events are committed:
their foreign key is checked at the commit only, where it would fail all that the request did."""


def insert_parameters(
    connection: Any,
    visitor_id: UUID,
    events: Iterable[Any],
    voices: Iterable[int | None],
    *,
    received_at: datetime,
    is_suspected_bot: bool,
    device: str,
) -> tuple[Any, ...]:
    """The parameters of the statement for this connection's database."""
    to_moment = connection.ops.adapt_datetimefield_value
    to_key = _text if connection.vendor == "postgresql" else _hex
    common = {"received_at": str(to_moment(received_at)), "is_suspected_bot": is_suspected_bot, "device": device}
    rows = []
    for event, voice in zip(events, voices, strict=True):
        row = {name: value for name, value in zip(event._fields, event, strict=True) if value is not None}
        row.update(common, event_id=to_key(event.event_id), occurred_at=str(to_moment(event.occurred_at)))
        if voice is not None:
            row["voice"] = voice
        if event.slate_id is not None:
            row["slate_id"] = to_key(event.slate_id)
        if event.shown_at is not None:
            row["shown_at"] = str(to_moment(event.shown_at))
        rows.append(row)
    content = json.dumps(rows, ensure_ascii=False)
    return (visitor_id, content) if connection.vendor == "postgresql" else (content, visitor_id.hex)


def _text(key: UUID) -> str:
    return str(key)


def _hex(key: UUID) -> str:
    return key.hex
