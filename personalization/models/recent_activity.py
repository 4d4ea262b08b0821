"""What one visitor did lately, and what they were shown again and again: one statement, as pages wait for it."""

from datetime import datetime
from typing import NamedTuple

from django.db import connections
from django.db.models import QuerySet

EACH_PRODUCT = {
    "postgresql": ("jsonb_array_elements(shown.items) AS item(pair)", "(item.pair->>0)::bigint"),
    "sqlite": ("json_each(shown.items) AS item", "json_extract(item.value, '$[0]')"),
}
"""By database: how the items of rows that were seen become rows, and the product of each."""
ACTIVITY_SQL = """
SELECT did.type, did.product_id, did.query, did.occurred_at FROM ({did}) AS did
UNION ALL
SELECT '', {product}, '', NULL FROM ({shown}) AS shown CROSS JOIN {each} GROUP BY {product} HAVING COUNT(*) >= %s
"""


class RecentEvent(NamedTuple):
    """An event of a visitor, as decisions see it."""

    type: str
    product_id: int | None
    query: str
    timestamp: float
    """In seconds since 1970."""


class RecentActivity(NamedTuple):
    """What one visitor did and saw."""

    events: tuple[RecentEvent, ...] = ()
    """Newest first."""
    often_seen: tuple[int, ...] = ()
    """The keys of the products that they were shown in rows at least so often, whatever they did then."""


def read_activity(did: QuerySet, shown: QuerySet, min_times: int) -> RecentActivity:
    """The events of `did`, and the products that `shown`, rows that were seen, hold at least so often. One query."""
    connection = connections[did.db]
    did_sql, did_values = did.values("type", "product_id", "query", "occurred_at").query.get_compiler(did.db).as_sql()
    shown_sql, shown_values = shown.values("items").query.get_compiler(shown.db).as_sql()
    each, product = EACH_PRODUCT[connection.vendor]
    statement = ACTIVITY_SQL.format(did=did_sql, shown=shown_sql, each=each, product=product)
    events: list[RecentEvent] = []
    often_seen: list[int] = []
    with connection.cursor() as cursor:
        cursor.execute(statement, [*did_values, *shown_values, min_times])
        for name, product_id, query, at in cursor.fetchall():
            if name:
                events.append(RecentEvent(name, product_id, query, _seconds(at, connection.timezone)))
            else:
                often_seen.append(product_id)
    return RecentActivity(tuple(events), tuple(sorted(often_seen)))


def _seconds(at: datetime | str, zone: object) -> float:
    """SQLite gives a text, in the time zone of the database."""
    moment = datetime.fromisoformat(at).replace(tzinfo=zone) if isinstance(at, str) else at  # type: ignore[arg-type]
    return moment.timestamp()
