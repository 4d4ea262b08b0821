"""The cost of storing and deleting events as the table grows, on PostgreSQL.

    DATABASE_URL=postgres://postgres@127.0.0.1:5432/scratch python benchmarks/retention.py [--millions 0.25,0.5,1,2]

Needs an empty database of its own. For each size: a hundred days of events; then what a batch of 50 costs, one day's
count, the deletion of the oldest tenth in batches while another connection goes on storing, and how the files grow
when a tenth is dropped, stored anew and vacuumed, time and again. Prints slopes on a double logarithmic scale (0: the
size does not matter; 1: twice the size, twice the time) and what they say for 100 million events. What they cannot say:
how it is when the indexes no longer fit into memory, as those of 100 million events may not.
"""

import argparse
import os
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_shop.settings")
os.environ["SHOP_DEBUG"] = "0"

import django

django.setup()

import uuid

import numpy as np
from django.db import connection

from benchmarks.scratch_shop import make_tables
from personalization.models import Event
from personalization.models.events import EventData, EventType
from personalization.privacy import retention

NOW = datetime(2026, 11, 20, tzinfo=UTC)
DAYS = 100
BATCHES = 200
VISITORS_PER_EVENT = 0.02
CYCLES = 6
AIM = 100_000_000

TABLES = "personalization_event, personalization_dailytotal, personalization_consentrecord, personalization_visitor"
FILL_VISITORS = """
INSERT INTO personalization_visitor (id, consent, preferences, created_at)
SELECT md5('visitor ' || n)::uuid, 'granted', '[]', %s FROM generate_series(0, %s - 1) AS n
"""
FILL_EVENTS = """
INSERT INTO personalization_event
    (event_id, visitor_id, type, occurred_at, received_at, product_id, items, query, surface, row_key,
     is_suspected_bot)
SELECT gen_random_uuid(), md5('visitor ' || (random() * (%(visitors)s - 1))::int)::uuid, name, at, at,
    CASE WHEN name IN ('view_item', 'select_item', 'add_to_cart') THEN (random() * random() * 10000)::int END,
    CASE WHEN name = 'view_item_list' THEN (
        SELECT jsonb_agg(jsonb_build_array((random() * random() * 10000 + n * 0)::int, place))
        FROM generate_series(0, 5) AS place) ELSE '[]' END,
    CASE WHEN name = 'search' THEN 'something like ' || (n %% 1000) ELSE '' END,
    CASE WHEN name = 'view_item_list' THEN 'home' ELSE '' END,
    CASE WHEN name = 'view_item_list' THEN 'bestsellers' ELSE '' END, false
FROM (
    SELECT n, %(since)s::timestamptz + (n::float / %(rows)s) * %(span)s::interval AS at,
        (ARRAY['view_item_list', 'view_item_list', 'view_item_list', 'view_item_list', 'view_item_list',
               'view_item', 'view_item', 'select_item', 'search', 'add_to_cart'])[1 + n %% 10] AS name
    FROM generate_series(0, %(rows)s - 1) AS n
) AS made
"""


@dataclass
class Measured:
    """The costs at one size of the table."""

    rows: int
    insert: float
    """Milliseconds of a batch of 50, the median."""
    delete: float
    """Seconds per 10,000 events that are dropped, of the median batch."""
    longest_delete: float
    """Milliseconds of the longest batch of deletes: no row is locked longer."""
    insert_meanwhile: float
    """Milliseconds of a batch of 50 beside the deletion, the median."""
    longest_insert_meanwhile: float
    count: float
    """Seconds to count one day anew, per 10,000 events of it."""
    grown: float
    """The files' size after all cycles, as a share of the size after the first."""
    table: float
    """Bytes an event in the table."""
    indexes: float
    """Bytes an event in its indexes."""


def run(sql: str, parameters: object = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def fill(rows: int, since: datetime, days: float, visitors: int) -> None:
    """Creates events, evenly spread over a number of days."""
    span = timedelta(days=days)
    run(FILL_EVENTS, {"rows": rows, "since": since, "span": span, "visitors": visitors})


def size() -> tuple[int, int]:
    """Bytes of the table and of its indexes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_table_size('personalization_event'), pg_indexes_size('personalization_event')")
        return cursor.fetchone()


def store(visitor: int) -> float:
    """Milliseconds that it takes to store fifty events of one visitor."""
    happenings = [
        EventData(event_id=uuid.uuid4(), type="view_item", occurred_at=NOW, product_id=number) for number in range(50)
    ]
    visitor_id = VISITOR_IDS[visitor % len(VISITOR_IDS)]
    begun = time.perf_counter()
    Event.objects.store_events(visitor_id, happenings, received_at=NOW)
    return 1000 * (time.perf_counter() - begun)


VISITOR_IDS: list[uuid.UUID] = []


@contextmanager
def storing_meanwhile() -> Iterator[list[float]]:
    """Another connection stores a batch every 20 ms; yields the durations."""
    took: list[float] = []
    over = threading.Event()

    def go_on() -> None:
        number = 0
        while not over.is_set():
            took.append(store(number))
            number += 7
            time.sleep(0.02)
        connection.close()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield took
    finally:
        over.set()
        thread.join()


def dropped(before: datetime) -> list[tuple[int, float]]:
    """(events, seconds) of each batch that deletes earlier events."""
    took = []
    for name in EventType.values:
        begun = time.perf_counter()
        for events in Event.objects.delete_before(name, before):
            took.append((events, time.perf_counter() - begun))
            begun = time.perf_counter()
    return took


def measure(rows: int) -> Measured:
    """1. Fills the tables. 2. Stores. 3. Counts a day. 4. Drops a tenth, storing meanwhile. 5. Goes round."""
    visitors = max(1000, int(rows * VISITORS_PER_EVENT))
    run(f"TRUNCATE {TABLES}")
    run(FILL_VISITORS, [NOW, visitors])
    since = NOW - timedelta(days=DAYS)
    fill(rows, since, DAYS, visitors)
    run("VACUUM ANALYZE personalization_event")
    run("CHECKPOINT")
    table, indexes = size()
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM personalization_visitor ORDER BY md5(id::text) LIMIT 2000")
        VISITOR_IDS[:] = [row[0] for row in cursor.fetchall()]
    inserts = [store(number) for number in range(BATCHES)]
    day = retention.local_day(NOW - timedelta(days=50))
    begun = time.perf_counter()
    retention.DailyTotal.objects.replace_day(
        day, retention.day_bounds(day), retention.day_bounds(day) + timedelta(days=1), dropped=(), over=False
    )
    count = time.perf_counter() - begun
    step = timedelta(days=DAYS / 10)
    with storing_meanwhile() as meanwhile:
        batches = dropped(since + step)
    sizes = []
    for cycle in range(CYCLES):
        fill(rows // 10, NOW + cycle * step, DAYS / 10, visitors)
        run("VACUUM ANALYZE personalization_event")
        sizes.append(sum(size()))
        dropped(since + (cycle + 2) * step)
    return Measured(
        rows,
        statistics.median(inserts),
        10_000 * statistics.median(seconds / events for events, seconds in batches),
        1000 * max(seconds for _, seconds in batches),
        statistics.median(meanwhile or [0.0]),
        max(meanwhile or [0.0]),
        10_000 * count / (rows / DAYS),
        sizes[-1] / sizes[0],
        table / rows,
        indexes / rows,
    )


def better(one: Measured, other: Measured) -> Measured:
    """The better of two measurements of one size: other work can only slow the machine down."""
    return Measured(*(min(getattr(one, name), getattr(other, name)) for name in Measured.__dataclass_fields__))


def slope(measured: list[Measured], what: str) -> tuple[float, float]:
    """(slope on a double logarithmic scale, the value extrapolated to AIM)"""
    x = np.log([one.rows for one in measured])
    y = np.log([max(getattr(one, what), 1e-9) for one in measured])
    steep, start = np.polyfit(x, y, 1)
    return float(steep), float(np.exp(start + steep * np.log(AIM)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--millions", default="0.25,0.5,1,2", help="sizes with commas between")
    parser.add_argument("--rounds", type=int, default=2, help="how often each is measured; the best counts")
    options = parser.parse_args()
    sizes = [int(float(size) * 1_000_000) for size in options.millions.split(",")]
    if connection.vendor != "postgresql":
        sys.exit("This is about PostgreSQL: set DATABASE_URL.")
    make_tables()
    columns = list(Measured.__dataclass_fields__)
    print("  ".join(f"{name:>12.12}" for name in columns))
    measured: dict[int, Measured] = {}
    for rows in sizes * options.rounds:
        one = measure(rows)
        print("  ".join(f"{getattr(one, name):>12.6g}" for name in columns), flush=True)
        measured[rows] = better(one, measured.get(rows, one))
    print("The best of each:")
    for one in measured.values():
        print("  ".join(f"{getattr(one, name):>12.6g}" for name in columns))
    for what in ("insert", "delete", "insert_meanwhile", "count", "longest_delete"):
        steep, there = slope(list(measured.values()), what)
        print(f"{what}: slope {steep:+.2f}; at {AIM:,} events that would be {there:.3g}")


if __name__ == "__main__":
    main()
