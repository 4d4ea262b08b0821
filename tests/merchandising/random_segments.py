"""Random customers, with what may be missing missing, and random conditions on them as they stand in documents."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from personalization.merchandising.segment_catalogue import all_fields
from personalization.merchandising.segment_fields import (
    DateField,
    NumberField,
    ShareField,
    ShipsToField,
    StaffField,
    TierField,
)
from personalization.models import CustomerFacts, CustomerTaste
from personalization.models.customer_facts import Taste, TasteKind

NOW = datetime(2026, 3, 29, 10, 30, tzinfo=UTC)
"""The day on which clocks change in Europe."""
KEYS = st.integers(1, 4)
COUNTRIES = st.sampled_from(["", "DE", "FR", "GB"])
NUMBERS = st.integers(0, 4)
MONEY = st.decimals(0, 40, places=2).map(Decimal)
MOMENTS = st.one_of(
    st.none(),
    st.just(NOW),
    st.sampled_from([datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2, 22, 28, 29, 30)]),
    st.integers(-40 * 24 * 60, 40 * 24 * 60).map(lambda minutes: NOW + timedelta(minutes=minutes)),
)
TASTES = st.builds(
    Taste,
    st.sampled_from(TasteKind.values),
    KEYS,
    st.sampled_from([0.0, 0.1, 0.29, 0.3, 0.301, 1.0]),
    NUMBERS,
    MOMENTS.map(lambda moment: None if moment is None else moment.timestamp()),
)
TIER = st.one_of(st.none(), st.integers(1, 5))
FACTS = st.fixed_dictionaries(
    {
        "kept_orders": NUMBERS,
        "units": NUMBERS,
        "kept_revenue": MONEY,
        "aov": st.one_of(st.none(), MONEY),
        "returns_share": st.one_of(st.none(), st.sampled_from([0.0, 0.07, 0.29, 0.3, 0.57, 1.0])),
        "store_share": st.one_of(st.none(), st.sampled_from([0.0, 0.07, 0.29, 0.3, 0.57, 1.0])),
        "first_order": MOMENTS,
        "last_order": MOMENTS,
        "next_due": MOMENTS,
        "silent_from": MOMENTS,
        "expected_spend": st.one_of(st.none(), MONEY),
        "order_chance": st.one_of(st.none(), st.sampled_from([0.0, 0.07, 0.29, 0.3, 0.57, 1.0])),
        "expected_tier": st.one_of(st.none(), st.integers(1, 3)),
        "value_tier_since": MOMENTS,
        "joined": MOMENTS,
        "wish_items": NUMBERS,
        "alerts": NUMBERS,
        "reviews": NUMBERS,
        "value_tier": TIER,
        "recency_tier": TIER,
        "frequency_tier": TIER,
        "country": COUNTRIES,
        "is_staff": st.booleans(),
        "tastes": st.lists(TASTES, max_size=6, unique_by=lambda taste: taste[:2]),
    }
)
CUSTOMERS = st.lists(st.one_of(st.none(), FACTS), min_size=1, max_size=5)
"""The facts of the first customers; None for one without any."""


def store_customers(users, customers):
    """{customer's key: their facts or None}, as they are in the database then, instead of all that was there."""
    CustomerTaste.objects.all().delete()
    CustomerFacts.objects.all().delete()
    rows = [
        CustomerFacts(user=user, **{**facts, "tastes": json.dumps(facts["tastes"])}, computed_at=NOW)
        for user, facts in zip(users, customers, strict=False)
        if facts is not None
    ]
    CustomerFacts.objects.store(rows)
    for row in rows:  # which a sweep writes
        names = ("value_tier", "recency_tier", "frequency_tier", "expected_spend", "order_chance", "expected_tier")
        names = (*names, "value_tier_since")
        CustomerFacts.objects.filter(user=row.user).update(**{name: getattr(row, name) for name in names})
    found = CustomerFacts.objects.of_customers([user.pk for user in users])
    return {user.pk: found.get(user.pk) for user in users}


def _value(field, op):
    optional = {}
    if field.code.startswith("bought"):
        optional = {"times": st.integers(1, 4), "days": st.sampled_from([1, 7, 28])}
    if field.code == "took_up_category":
        optional = {"days": st.sampled_from([1, 7, 28])}
    by_code = {
        "revenue": st.one_of(st.integers(0, 40), st.integers(0, 4000).map(lambda cents: cents / 100)),
        "average_order": st.integers(0, 40),
        "returns_share": st.sampled_from([0, 7, 29, 30, 57, 58, 100]),
        "store_share": st.sampled_from([0, 7, 29, 30, 57, 58, 100]),
        "order_chance": st.sampled_from([0, 7, 29, 30, 57, 58, 100]),
    }
    by_class = {
        TierField: st.integers(1, 3 if field.code == "expected_tier" else 5),
        NumberField: by_code.get(field.code, NUMBERS),
        DateField: st.none() if op in ("known", "unknown") else st.sampled_from([1, 2, 7, 27, 28, 40]),
        ShareField: st.fixed_dictionaries({"key": KEYS, "percent": st.sampled_from([1, 10, 29, 30, 31, 100])}),
        StaffField: st.booleans(),
        ShipsToField: st.lists(st.sampled_from(["DE", "FR", "GB"]), min_size=1, max_size=2),
    }
    chosen = st.fixed_dictionaries({"keys": st.lists(KEYS, min_size=1, max_size=3)}, optional=optional)
    one = next((form for known, form in by_class.items() if isinstance(field, known)), chosen)
    if isinstance(field, NumberField) and op == "between":
        return st.tuples(one, one).map(sorted)
    return st.lists(one, min_size=1, max_size=3) if isinstance(field, TierField) and op == "one_of" else one


COUNTABLE = [field for field in all_fields().values() if field.countable]
PAIRS = [(field, op) for field in COUNTABLE for op in field.operators]
"""Each field that the database knows, with each of its operators."""


def conditions_on(field, op):
    """Conditions of a document with this field and operator."""
    return st.fixed_dictionaries({"field": st.just(field.code), "op": st.just(op), "value": _value(field, op)})


CONDITIONS = st.sampled_from(PAIRS).flatmap(lambda pair: conditions_on(*pair))
IN_SEGMENT = st.fixed_dictionaries(
    {"field": st.just("in_segment"), "op": st.sampled_from(["is", "is_not"]), "value": st.integers(1, 2)}
)
MATCH = st.sampled_from(["all", "any"])


def documents(conditions=CONDITIONS):
    """Whole documents with these conditions."""
    group = st.fixed_dictionaries({"match": MATCH, "conditions": st.lists(conditions, min_size=1, max_size=3)})
    return st.fixed_dictionaries({"match": MATCH, "groups": st.lists(group, min_size=1, max_size=3)})
