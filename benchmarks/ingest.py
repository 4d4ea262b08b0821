"""The cost of storing an event beside comparable work of Oscar and PostgreSQL, in one interleaved run.

    DATABASE_URL=postgres://postgres@127.0.0.1:5432/postgres python -m benchmarks.ingest [--rounds 30] [--rows 20000]

Makes a database of its own on that server and drops it again. Prints two ratios:

one event    `store_events` beside Oscar's own receiver of a product view, for a customer who is signed in. Both are
             handed a product that was read already. Milliseconds of CPU of this process, and statements. The same with
             the reading of the JSON, and with looking up the products, stands below.
in batches   deliveries of 50 events, the reading of the JSON and `store_events`, beside a raw COPY of the same rows in
             the same sequence: by the clock, as most of it is the database's work. COPY once with 50 rows a statement
             and transaction like a delivery, once with all rows in one.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_shop.settings")
os.environ["SHOP_DEBUG"] = "0"

import django

django.setup()

from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext, override_settings
from oscar.apps.analytics.receivers import receive_product_view
from oscar.core.loading import get_model
from oscar.test.factories import create_product

from benchmarks.scratch_shop import Unmigrated
from personalization.collect import ingestion, payload
from personalization.models import Consent, Event, Visitor
from personalization.shop import catalogue

ONE_EVENT, BATCHES = 0.35, 4.0
"""The target ratios."""
AT_ONCE = 50
COLUMNS = [
    "event_id",
    "visitor_id",
    "type",
    "occurred_at",
    "received_at",
    "product_id",
    "items",
    "query",
    "surface",
    "row_key",
    "value",
    "is_suspected_bot",
]


@contextmanager
def own_database() -> Iterator[None]:
    if connection.vendor != "postgresql":
        sys.exit("DATABASE_URL takes the address of a PostgreSQL server, as postgres://user@host:port/name.")
    with override_settings(MIGRATION_MODULES=Unmigrated()):
        usual = connection.settings_dict["NAME"]
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(usual, verbosity=0)


def view(product: Any, now: datetime) -> dict[str, Any]:
    """A product view as seen.js reports it."""
    told = {"name": "view_item", "items": [{"item_id": str(product.pk)}]}
    return {"id": str(uuid4()), "at": round(now.timestamp() * 1000) - 500, **told}


def body(told: list[dict[str, Any]], now: datetime) -> bytes:
    return json.dumps({"sent_at": round(now.timestamp() * 1000), "events": told}).encode()


def looked_up(products: list[Any]) -> ingestion.ReportedProducts:
    return ingestion.ReportedProducts({("id", str(product.pk)): product.pk for product in products}, frozenset())


def cpu(work: Callable[[], object], times: int) -> float:
    """Milliseconds of CPU of this process for one call."""
    start = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - start) * 1000 / times


def queries(work: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        work()
    return len(captured)


def ways(user: Any, visitor: Visitor, product: Any) -> dict[str, Callable[[], object]]:
    """The ways to store one view, by name; the first is the baseline."""
    known = looked_up([product])

    def delivery(catalogue: ingestion.ReportedProducts, now: datetime) -> ingestion.Delivery:
        return ingestion.Delivery(visitor, catalogue, now, now.timestamp())

    def oscar() -> None:
        receive_product_view(sender=None, product=product, user=user)

    def store_one() -> None:
        now = datetime.now(UTC)
        report = payload.ReportedEvent(
            0, uuid4(), "view_item", now.timestamp(), (payload.ReportedItem("id", str(product.pk), 0),)
        )
        assert ingestion.store_events(delivery(known, now), [report]).accepted == 1

    def read_and_store() -> None:
        now = datetime.now(UTC)
        assert (
            ingestion.store_events(
                delivery(known, now), payload.read_payload(body([view(product, now)], now), "id").reports
            ).accepted
            == 1
        )

    def all_of_it() -> None:
        now = datetime.now(UTC)
        told = payload.read_payload(body([view(product, now)], now), "id").reports
        products = catalogue.resolve_product_ids({(item.id_type, item.key) for report in told for item in report.items})
        sensitive = frozenset(catalogue.sensitive_products(products.values()))
        assert (
            ingestion.store_events(delivery(ingestion.ReportedProducts(products, sensitive), now), told).accepted == 1
        )

    return {
        "Oscar's receiver": oscar,
        "store_events": store_one,
        "making and reading the JSON, and store_events": read_and_store,
        "the same with two look-ups of the product": all_of_it,
    }


def one_event(user: Any, visitor: Visitor, product: Any, rounds: int) -> float:
    tried = ways(user, visitor, product)
    spent: dict[str, list[float]] = {name: [] for name in tried}
    counted = {name: [queries(work) for _ in range(3)][-1] for name, work in tried.items()}  # the first are warm-up
    for _ in range(rounds):
        for name, work in tried.items():
            spent[name].append(cpu(work, 40))
    (reference, first), *_ = ((name, statistics.median(values)) for name, values in spent.items())
    print(f"\none event{'':37}CPU ms  ratio   statements  ratio   (median of {rounds} rounds)")
    ratios = {}
    for name, values in spent.items():
        ratios[name] = statistics.median(values) / first
        print(
            f"  {name:42} {statistics.median(values):7.3f} {ratios[name]:6.2f} "
            f"{counted[name]:12} {counted[name] / counted[reference]:6.2f}"
        )
    return max(ratios["store_events"], counted["store_events"] / counted[reference])


def in_batches(visitor: Visitor, products: list[Any], rows: int, rounds: int) -> float:
    """Each round writes as many rows in each way, into the same table, which is emptied before."""
    known, spent = looked_up(products), {"store_events": [], "COPY of 50": [], "COPY of all": []}
    for _ in range(rounds):
        now = datetime.now(UTC)
        told = [view(products[n % len(products)], now - timedelta(seconds=n % 1000)) for n in range(rows)]
        parts = [told[start : start + AT_ONCE] for start in range(0, rows, AT_ONCE)]
        bodies = [body(part, now) for part in parts]
        spent["store_events"].append(timed(lambda: [_store_batch(visitor, known, one, now) for one in bodies], rows))  # noqa: B023
        lines = Event.objects.order_by("id").values_list(*COLUMNS)
        copied = [[json.dumps(value) if isinstance(value, list) else value for value in line] for line in lines]
        spent["COPY of 50"].append(
            timed(lambda: [copy(copied[n : n + AT_ONCE]) for n in range(0, rows, AT_ONCE)], rows)  # noqa: B023
        )
        spent["COPY of all"].append(timed(lambda: copy(copied), rows))  # noqa: B023
    stored = statistics.median(spent["store_events"])
    print(
        "\nin batches                                µs an event  store_events takes   "
        f"(median of {rounds} rounds of {rows} rows)"
    )
    for name, values in spent.items():
        middle = statistics.median(values)
        print(f"  {name:42} {middle:9.1f} {stored / middle:7.2f} times as long")
    return stored / statistics.median(spent["COPY of 50"])


def _store_batch(visitor: Visitor, known: ingestion.ReportedProducts, content: bytes, now: datetime) -> None:
    read = payload.read_payload(content, "id")
    assert ingestion.store_events(ingestion.Delivery(visitor, known, now, read.sent), read.reports).accepted == AT_ONCE


def timed(work: Callable[[], object], rows: int) -> float:
    """Microseconds for one row, into the empty table."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE personalization_event")
    start = time.perf_counter()
    work()
    spent = time.perf_counter() - start
    assert Event.objects.count() == rows
    return spent * 1e6 / rows


def copy(rows: list[list[Any]]) -> None:
    columns = ", ".join(f'"{column}"' for column in COLUMNS)
    with connection.cursor() as cursor, cursor.copy(f"COPY personalization_event ({columns}) FROM STDIN") as target:
        for row in rows:
            target.write_row(row)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--rows", type=int, default=20_000, help="in each round of the batches")
    given = parser.parse_args()
    with own_database():
        now = datetime.now(UTC)
        user = get_user_model().objects.create_user("one", "one@example.com", "x")
        visitor = Visitor.objects.create(user=user, consent=Consent.GRANTED, consented_at=now - timedelta(days=1))
        products = [create_product(title=f"Product {n}") for n in range(100)]
        assert get_model("analytics", "UserProductView").objects.count() == 0
        one = one_event(user, visitor, products[0], given.rounds)
        batches = in_batches(visitor, products, given.rows - given.rows % AT_ONCE, max(given.rounds // 6, 3))
    print(f"\none event: {one:.2f}, at most {ONE_EVENT} wanted; in batches: {batches:.2f}, at most {BATCHES} wanted")


if __name__ == "__main__":
    main()
