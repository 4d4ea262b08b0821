"""Writes down each month what is known of every customer, and since when they are in their tier."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from django.db import transaction
from django.utils.timezone import get_default_timezone

from personalization.batching import batched
from personalization.models import CustomerFacts, GenomeMonth, Visitor
from personalization.models.genome_months import DATED_KINDS, MAX_DATED_TASTES, month_before, write_tastes
from personalization.models.lost_connections import repeat_on_lost_connection
from personalization.shop import customers

BATCH_SIZE = 500
MONTHS_LOOKED_BACK = 3
"""A shop that did not train for longer does not know when tiers changed."""


def month_of(moment: float) -> date:
    """The first day of the month of the shop's calendar in which this moment lies, in seconds since 1970."""
    return datetime.fromtimestamp(moment, get_default_timezone()).date().replace(day=1)


def month_end(month: date) -> float:
    """The first moment after this month of the shop's calendar, in seconds since 1970."""
    following = month_before(month, -1)
    return datetime.combine(following, time.min, get_default_timezone()).timestamp()


def store_genome_months(now: float, progress: Callable[[Sequence], Iterable] = iter) -> int:
    """Writes this month's row of every customer who consents and bought something, where it says something new; how
    many were written. `now` in seconds since 1970. It comes last: it copies facts and tiers."""
    users = repeat_on_lost_connection(_users_with_facts)()
    return sum(_store_months(batch, now) for batch in progress(list(batched(users, BATCH_SIZE))))


def _users_with_facts() -> list[Any]:
    return list(CustomerFacts.objects.order_by("user_id").values_list("user_id", flat=True))


@repeat_on_lost_connection
@transaction.atomic
def _store_months(users: list[Any], now: float) -> int:
    """Of those who consent at this moment, and none of whom can withdraw before it is written."""
    consented = customers.exclude_children(Visitor.objects.lock_consented(users))
    facts = CustomerFacts.objects.for_months(consented)
    month = month_of(now)
    before = GenomeMonth.objects.newest_before(month, MONTHS_LOOKED_BACK, consented)
    stored = GenomeMonth.objects.of_month(month, consented)
    bought = (one for one in facts if one.kept_orders or one.user_id in stored)
    rows = [_month_row(one, month, before.get(one.user_id), now) for one in bought]
    CustomerFacts.objects.store_tier_dates({row.user_id: row.value_tier_since for row in rows})
    changed = [row for row in rows if not row.is_same_as(stored.get(row.user_id))]
    GenomeMonth.objects.store(changed)
    return len(changed)


def _month_row(facts: CustomerFacts, month: date, before: GenomeMonth | None, now: float) -> GenomeMonth:
    return GenomeMonth(
        user_id=facts.user_id,
        month=month,
        tastes=write_tastes(_strongest(facts)),
        orders=facts.kept_orders,
        year_revenue=facts.year_revenue,
        value_tier=facts.value_tier,
        value_tier_since=_tier_since(facts, month, before, now),
        recency_tier=facts.recency_tier,
        frequency_tier=facts.frequency_tier,
        expected_tier=facts.expected_tier,
    )


def _strongest(facts: CustomerFacts) -> list[Any]:
    dated = [taste for taste in facts.read_tastes() if taste.kind in DATED_KINDS and taste.share > 0]
    return sorted(dated, key=lambda taste: (-taste.share, taste.kind, taste.key))[:MAX_DATED_TASTES]


def _tier_since(facts: CustomerFacts, month: date, before: GenomeMonth | None, now: float) -> datetime | None:
    """When the present tier was reached; None where nobody knows. Months are compared, so that going back and forth
    within one is no change."""
    if facts.value_tier is None or before is None:
        return None
    if facts.value_tier == before.value_tier:
        return before.value_tier_since
    known = facts.value_tier_since
    in_month = known is not None and month_of(known.timestamp()) == month
    return known if in_month else datetime.fromtimestamp(now, UTC)
