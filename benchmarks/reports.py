"""What reports cost in a shop of two million events a day, on PostgreSQL.

    DATABASE_URL=postgres://postgres@127.0.0.1:5432/scratch python benchmarks/reports.py [--products 20000]

Needs an empty database of its own. Generates the daily totals of a year as such a shop has them: each day all products
together for each row, campaign, arm, device and kind of visitor, and each product for each row that showed it. And a
year of searches. Prints how many rows there are, and for each report its queries and the median of its time, over a
month, a quarter and a year; of the one by product also what it would take without weeks, side by side.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_shop.settings")
os.environ["SHOP_DEBUG"] = "0"

import django

django.setup()

from django.db import connection
from django.test.utils import CaptureQueriesContext

from benchmarks.scratch_shop import make_tables
from personalization.measure.reports import (
    GROUPS,
    MAX_PRODUCT_DAYS,
    Filters,
    Period,
    _outcome,
    _totals,
    read_report,
)
from personalization.measure.search_outcomes import MOST_WORDS
from personalization.measure.search_report import SearchKind, read_search_rows, with_places
from personalization.models import DailyTotal, ProductWeek
from personalization.models.product_weeks import week_of

LAST = date(2026, 11, 19)
ROUNDS = 5
ROWS = 24
"""Rows and lists of all pages."""
CAMPAIGNS, ARMS, DEVICES = 1, 2, 3
"""Campaigns that place something in a row on a day, on average."""
SHOWN_IN = 3
"""Of how many rows' lists a product is a part on a day, on average."""
COLUMNS = (
    "date, type, surface, row_code, campaign, arm, device, is_customer, product_id, segment_id, event_count, "
    "visitor_count, units, gross, lost_amount, currency"
)
TOGETHER = f"""
INSERT INTO personalization_dailytotal ({COLUMNS})
SELECT day::date, kind, 'surface' || row_number %% 6, 'row' || row_number, CASE WHEN campaign = 0 THEN '' ELSE
    campaign || ':1' END, 'holdout-1=' || arm, 'device' || device, customer, 0, 0, 100, 50,
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
SELECT day::date, kind, 'surface' || row_number %% 6, 'row' || row_number, '', '', '', false, product, 0, 30, 20,
    0, 0, 0, ''
FROM generate_series(%(first)s::date, %(last)s::date, '1 day') AS day,
    unnest(ARRAY['view_item_list', 'select_item']) AS kind, generate_series(1, %(shown)s) AS row_number,
    generate_series(1, %(products)s) AS product
"""


SEARCHES = """
INSERT INTO personalization_searchtotal (date, query, currency, searches, people, known_hits, without_hits, clicked,
    added, clicked_places, lines, gross, lost_amount)
SELECT day::date, 'word ' || word, '', 60, 50, 60, 6, 30, 9, '[[1, 12], [2, 9], [5, 9]]', 4, 40, 4
FROM generate_series(%(first)s::date, %(last)s::date, '1 day') AS day, generate_series(1, %(words)s) AS word
"""


def fill(products: int) -> None:
    """The totals of a year: of single products for as long as reports by product go back."""
    year = {"first": LAST - timedelta(days=364), "last": LAST}
    quarter = {"first": LAST - timedelta(days=MAX_PRODUCT_DAYS - 1), "last": LAST}
    with connection.cursor() as cursor:
        cursor.execute(TOGETHER, {**year, "rows": ROWS, "campaigns": CAMPAIGNS, "arms": ARMS, "devices": DEVICES})
        cursor.execute(EACH_PRODUCT, {**quarter, "shown": SHOWN_IN, "products": products})
        cursor.execute("VACUUM ANALYZE personalization_dailytotal")
    start = time.perf_counter()
    weeks = {week_of(LAST - timedelta(days=number)) for number in range(MAX_PRODUCT_DAYS)}
    for week in sorted(weeks):
        DailyTotal.objects.replace_week_of(week)
    print(
        f"{ProductWeek.objects.count():,} weeks of products, {(time.perf_counter() - start) / len(weeks):.1f} s a week"
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE personalization_productweek")


def fill_searches(words: int) -> None:
    """A year of searches for so many words, each searched for every day."""
    with connection.cursor() as cursor:
        cursor.execute(SEARCHES, {"first": LAST - timedelta(days=364), "last": LAST, "words": words})
        cursor.execute("VACUUM ANALYZE personalization_searchtotal")


def measure(read: Callable[[Period], object], days: int) -> str:
    """Queries and milliseconds of a report over so many days."""
    period, taken, queries = Period(LAST - timedelta(days=days - 1), LAST), [], 0
    for _ in range(ROUNDS):
        with CaptureQueriesContext(connection) as captured:
            start = time.perf_counter()
            read(period)
            taken.append((time.perf_counter() - start) * 1000)
        queries = len(captured)
    return f"{queries} queries, {statistics.median(taken):7.0f} ms (fastest {min(taken):.0f})"


def by_days_only(period: Period) -> None:
    """The report by product as it would be without weeks: from daily totals alone."""
    for row in _totals("product", period, Filters()).sums_by("product_id"):
        _outcome(row)


def read_search_report(period: Period) -> None:
    """The table of the searches that a page shows."""
    list(with_places(read_search_rows(period, SearchKind.ALL)[:200], period))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--products", type=int, default=20_000)
    parser.add_argument("--words", type=int, default=MOST_WORDS)
    options = parser.parse_args()
    if connection.vendor != "postgresql":
        sys.exit("This is about PostgreSQL: set DATABASE_URL.")
    make_tables()
    fill(options.products)
    fill_searches(options.words)
    together = DailyTotal.objects.filter(product_id=0).count()
    print(f"{DailyTotal.objects.count():,} totals, {together:,} of them of all products together")
    for days in (28, 91, 92):
        print(f"by product   {days:4} days, from days alone: {measure(by_days_only, days)}")
    for group in GROUPS:
        for days in (28, 91, 92, 365):
            if group == "product" and days > MAX_PRODUCT_DAYS:
                continue
            read = partial(read_report, group, filters=Filters(), currency="GBP")
            print(f"by {group:9} {days:4} days: {measure(read, days)}")
    for days in (28, 365):
        print(f"searches     {days:4} days: {measure(read_search_report, days)}")


if __name__ == "__main__":
    main()
