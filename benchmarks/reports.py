"""What reports cost in a shop of two million events a day, on PostgreSQL.

    DATABASE_URL=postgres://postgres@127.0.0.1:5432/scratch python benchmarks/reports.py [--products 20000]

Needs an empty database of its own. Generates the daily totals of a year as such a shop has them: each day all products
together for each row, campaign, arm, device and kind of visitor, and each product for each row that showed it. Prints
how many rows there are, and for each report its queries and the median of its time, over a month, a quarter and a year.
"""

import argparse
import os
import statistics
import sys
import time
from datetime import date, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_shop.settings")
os.environ["SHOP_DEBUG"] = "0"

import django

django.setup()

from django.db import connection
from django.test.utils import CaptureQueriesContext

from benchmarks.scratch_shop import make_tables
from personalization.measure.reports import GROUPS, MAX_PRODUCT_DAYS, Filters, Period, read_report
from personalization.models import DailyTotal

LAST = date(2026, 11, 19)
ROUNDS = 5
ROWS = 24
"""Rows and lists of all pages."""
CAMPAIGNS, ARMS, DEVICES = 1, 2, 3
"""Campaigns that place something in a row on a day, on average."""
SHOWN_IN = 3
"""Of how many rows' lists a product is a part on a day, on average."""
COLUMNS = (
    "date, type, surface, row_code, campaign, arm, device, is_customer, product_id, event_count, visitor_count, units, "
    "gross, lost_amount, currency"
)
TOGETHER = f"""
INSERT INTO personalization_dailytotal ({COLUMNS})
SELECT day::date, kind, 'surface' || row_number %% 6, 'row' || row_number, CASE WHEN campaign = 0 THEN '' ELSE
    campaign || ':1' END, 'holdout-1=' || arm, 'device' || device, customer, 0, 100, 50,
    CASE WHEN kind LIKE 'purchase%%' THEN 5 ELSE 0 END, CASE WHEN kind LIKE 'purchase%%' THEN 50 ELSE 0 END,
    CASE WHEN kind LIKE 'purchase%%' THEN 4 ELSE 0 END, CASE WHEN kind LIKE 'purchase%%' THEN 'GBP' ELSE '' END
FROM generate_series(%(first)s::date, %(last)s::date, '1 day') AS day,
    unnest(ARRAY['view_item_list', 'select_item', 'add_to_cart', 'purchase', 'purchase_seen']) AS kind,
    generate_series(1, %(rows)s) AS row_number, generate_series(0, %(campaigns)s) AS campaign,
    generate_series(1, %(arms)s) AS arm, generate_series(1, %(devices)s) AS device,
    unnest(ARRAY[true, false]) AS customer
"""
EACH_PRODUCT = f"""
INSERT INTO personalization_dailytotal ({COLUMNS})
SELECT day::date, kind, 'surface' || row_number %% 6, 'row' || row_number, '', '', '', false, product, 30, 20, 0, 0, 0,
    ''
FROM generate_series(%(first)s::date, %(last)s::date, '1 day') AS day,
    unnest(ARRAY['view_item_list', 'select_item']) AS kind, generate_series(1, %(shown)s) AS row_number,
    generate_series(1, %(products)s) AS product
"""


def fill(products: int) -> None:
    """The totals of a year: of single products for as long as reports by product go back."""
    year = {"first": LAST - timedelta(days=364), "last": LAST}
    quarter = {"first": LAST - timedelta(days=MAX_PRODUCT_DAYS - 1), "last": LAST}
    with connection.cursor() as cursor:
        cursor.execute(TOGETHER, {**year, "rows": ROWS, "campaigns": CAMPAIGNS, "arms": ARMS, "devices": DEVICES})
        cursor.execute(EACH_PRODUCT, {**quarter, "shown": SHOWN_IN, "products": products})
        cursor.execute("VACUUM ANALYZE personalization_dailytotal")


def measure(group: str, days: int) -> tuple[int, float]:
    """(queries, milliseconds) of a report over so many days."""
    period, taken, queries = Period(LAST - timedelta(days=days - 1), LAST), [], 0
    for _ in range(ROUNDS):
        with CaptureQueriesContext(connection) as captured:
            start = time.perf_counter()
            read_report(group, period, Filters(), "GBP")
            taken.append((time.perf_counter() - start) * 1000)
        queries = len(captured)
    return queries, statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--products", type=int, default=20_000)
    options = parser.parse_args()
    if connection.vendor != "postgresql":
        sys.exit("This is about PostgreSQL: set DATABASE_URL.")
    make_tables()
    fill(options.products)
    together = DailyTotal.objects.filter(product_id=0).count()
    print(f"{DailyTotal.objects.count():,} totals, {together:,} of them of all products together")
    for group in GROUPS:
        for days in (28, 91, 365):
            if group == "product" and days > MAX_PRODUCT_DAYS:
                continue
            queries, milliseconds = measure(group, days)
            print(f"by {group:9} {days:4} days: {queries} queries, {milliseconds:7.0f} ms")


if __name__ == "__main__":
    main()
