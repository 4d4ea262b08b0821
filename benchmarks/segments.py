"""What segments cost with 100,000 generated customers: a count of each field and operator, and a decision.

    DATABASE_URL=postgres://... python -m benchmarks.segments --customers 100000

Into an empty database of PostgreSQL.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_shop.settings")

import django

django.setup()

from django.contrib.auth import get_user_model
from django.db import connection

from benchmarks.scratch_shop import make_tables
from personalization.decide.visit import Visit
from personalization.merchandising.segment_catalogue import all_fields
from personalization.merchandising.segment_counts import count_customers, suggest_segments
from personalization.merchandising.segment_fields import Field
from personalization.merchandising.segments import CompiledSegment, Sensitive, compile_segment, parse_segment
from personalization.models import CustomerFacts, CustomerTaste

DECISIONS = 20_000
USERS = """
INSERT INTO {users} (username, password, first_name, last_name, email, is_staff, is_active, is_superuser, date_joined)
SELECT 'customer' || n, '!', '', '', 'c' || n || '@example.com', false, true, false, now() - random() * interval '900 d'
FROM generate_series(1, %s) n
"""
TASTES = """
INSERT INTO {tastes} (user_id, kind, key, share, purchases, last_at)
SELECT DISTINCT ON (u.id, k.kind, key) u.id, k.kind, key, round(random()::numeric, 3), 1 + (random() * 9)::int,
    now() - random() * interval '720 d'
FROM {users} u
CROSS JOIN (VALUES ('category', 12, 60), ('brand', 8, 300), ('attribute', 8, 300), ('product', 20, 5000),
    ('wish', 2, 5000), ('alert', 1, 5000), ('voucher', 1, 40), ('offer', 2, 40), ('group', 1, 5)) k(kind, each, of)
CROSS JOIN LATERAL (SELECT 1 + floor(k.of * random() * random())::bigint AS key
    FROM generate_series(1, k.each + u.id %% 2)) drawn
"""
FACTS = """
INSERT INTO {facts} (user_id, orders, kept_orders, units, revenue, kept_revenue, year_revenue, currency, aov,
    returns_share, first_order, last_order, next_due, wish_items, alerts, reviews, value_tier, recency_tier,
    frequency_tier, country, joined, is_staff, tastes, computed_at)
SELECT id, n, n, n * 4, n * 40, n * 38, n * 9, 'USD', 38, random(), date_joined,
    CASE WHEN n > 0 THEN now() - random() * interval '400 d' END,
    CASE WHEN n > 2 THEN now() + (random() - 0.3) * interval '90 d' END, n %% 5, n %% 3, n %% 4,
    1 + n %% 10, 1 + n %% 5, 1 + n %% 5, (ARRAY['DE', 'FR', 'GB', 'US'])[1 + n %% 4], date_joined, id %% 500 = 0,
    (SELECT json_agg(json_build_array(kind, key, share, purchases, extract(epoch FROM last_at)))::text
        FROM {tastes} t WHERE t.user_id = u.id), now()
FROM (SELECT *, (random() * random() * 40)::int n FROM {users}) u
"""


def fill(customers: int) -> None:
    """Customers of whom each has facts and about 60 tastes."""
    tables = {
        "users": get_user_model()._meta.db_table,
        "facts": CustomerFacts._meta.db_table,
        "tastes": CustomerTaste._meta.db_table,
    }
    with connection.cursor() as cursor:
        cursor.execute(USERS.format(**tables), [customers])
        cursor.execute("ANALYZE")
        cursor.execute(TASTES.format(**tables), [])
        cursor.execute("ANALYZE")
        cursor.execute(FACTS.format(**tables), [])
        cursor.execute("VACUUM ANALYZE")


def documents() -> Iterator[tuple[str, Field, dict[str, Any]]]:
    """(name, field, document) of each field with each operator, and with what an operator may ask besides."""
    for field in all_fields().values():
        for op in field.operators:
            for name, value in _values(field, op):
                yield f"{field.code} {op}{name}", field, _document([{"field": field.code, "op": op, "value": value}])


def _values(field: Field, op: str) -> Iterator[tuple[str, Any]]:
    """The first of these values that the form of the field takes, and more where it takes more."""
    many = {"keys": list(range(1, 201))}
    tries: list[tuple[str, Any]] = [
        ("", None),
        ("", 3),
        ("", [2, 5]),
        ("", True),
        ("", {"key": 3, "percent": 30}),
        ("", {"keys": [3]}),
        ("", {"texts": ["tea"]}),
        ("", {"number": 2, "days": 30}),
        ("", ["DE"]),
        ("", ["phone"]),
        ("", ["ads"]),
        ("", "new"),
        (", 200 keys", many),
        (", twice in 60 days", {"keys": [3], "times": 2, "days": 60}),
    ]
    first = False
    for name, value in tries:
        document = _document([{"field": field.code, "op": op, "value": value}])
        if (not first or name) and parse_segment(document, Sensitive())[0] is not None:
            first = True
            yield name, value


def _document(conditions: list[dict[str, Any]], match: str = "all") -> dict[str, Any]:
    return {"match": "all", "groups": [{"match": match, "conditions": conditions}]}


def _compiled(document: dict[str, Any]) -> CompiledSegment:
    segment, errors = parse_segment(document, Sensitive())
    if segment is None:
        raise ValueError(errors)
    return compile_segment(segment, {}, Sensitive())


def mixed() -> list[tuple[str, dict[str, Any]]]:
    """Segments as merchants make them, and as large ones as there may be."""
    bought = [
        {"field": "bought_category", "op": "one_of", "value": {"keys": [key], "times": 2}} for key in range(1, 11)
    ]
    not_bought = [
        {"field": "bought_product", "op": "none_of", "value": {"keys": [key], "days": 60}} for key in range(1, 11)
    ]
    lapsed = [
        bought[2],
        {"field": "bought_category", "op": "none_of", "value": {"keys": [3], "days": 60}},
        {"field": "orders", "op": "at_least", "value": 2},
    ]
    return [
        ("three conditions, all", _document(lapsed)),
        ("three conditions, any", _document(lapsed, "any")),
        ("twenty conditions, all", _document(bought + not_bought)),
        ("twenty conditions, any", _document(bought + not_bought, "any")),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=100_000)
    options = parser.parse_args()
    if connection.vendor != "postgresql":
        sys.exit("This is measured on PostgreSQL.")
    make_tables()
    fill(options.customers)
    now = time.time()
    visits = _visits(now)
    print(f"{'':44}{'members':>10}{'count, ms':>11}{'decision, µs':>14}")
    for name, document in [*((name, document) for name, field, document in documents()), *mixed()]:
        segment = _compiled(document)
        counted = f"{'':21}"
        if segment.is_countable:
            start = time.perf_counter()
            count = count_customers(segment, now)
            took = (time.perf_counter() - start) * 1000
            counted = f"{count.members if count else 'too slow':>10}{took:>11.0f}"
        print(f"{name:44}{counted}{_decision(segment, visits, now):>14.2f}")
    start = time.perf_counter()
    suggestions = suggest_segments(now)
    print(f"three suggestions: {(time.perf_counter() - start) * 1000:.0f} ms")
    for suggestion in suggestions:
        print(f"    {suggestion.name}: {suggestion.count}")


def _visits(now: float) -> list[Visit]:
    facts = list(CustomerFacts.objects.order_by("pk")[:200])
    _parse_tastes(facts)
    for each in facts:
        del each.taste_index
    print(f"parsing the tastes of a customer, once a visit that asks for them: {_parse_tastes(facts) * 1e6:.0f} µs")
    return [Visit(timestamp=now, strategy=None, facts=each, tracking_allowed=True) for each in facts]


def _parse_tastes(facts: list[CustomerFacts]) -> float:
    """Seconds a customer."""
    start = time.perf_counter()
    for each in facts:
        _ = each.taste_index
    return (time.perf_counter() - start) / len(facts)


def _decision(segment: CompiledSegment, visits: list[Visit], now: float) -> float:
    """Microseconds a visit."""
    start = time.perf_counter()
    for number in range(DECISIONS):
        segment.holds(visits[number % len(visits)], now)
    return (time.perf_counter() - start) / DECISIONS * 1e6


if __name__ == "__main__":
    main()
