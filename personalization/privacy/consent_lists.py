"""Consent that customers gave or withdrew elsewhere: before this app was there, or in another system of the shop's."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from personalization.batching import batched
from personalization.models import Consent, Genome, Visitor
from personalization.shop import customers

CUSTOMERS_PER_BATCH = 500


@dataclass(frozen=True)
class ConsentCounts:
    """How many allow what."""

    customers: dict[str, int]
    browsers: dict[str, int]

    def __str__(self) -> str:
        return "\n".join(
            f"{who}: " + ", ".join(f"{counts.get(state, 0)} {state}" for state in Consent.values)
            for who, counts in (("customers", self.customers), ("browsers", self.browsers))
        )


def consent_counts() -> ConsentCounts:
    """By state. A customer of whom nothing is recorded counts as none."""
    counts = Visitor.objects.by_consent()
    of_customers = {state: count for (customer, state), count in counts.items() if customer}
    decided = sum(count for state, count in of_customers.items() if state != Consent.NONE)
    everyone = max(customers.count_customers(), decided)
    return ConsentCounts(
        {**of_customers, str(Consent.NONE): everyone - decided},
        {state: count for (customer, state), count in counts.items() if not customer},
    )


def record_grants(user_ids: list[Any], *, source: str, version: str, now: datetime) -> int:
    """Records that these customers consented; returns how many had not answered before. A withdrawal stands."""
    return Visitor.objects.grant_all(user_ids, version=version, source=source, now=now)


def record_withdrawals(user_ids: list[Any], *, source: str, version: str, now: datetime) -> int:
    """Records that these customers withdrew, and drops their genomes; how many had not withdrawn before."""
    return sum(_withdraw_batch(some, source, version, now) for some in batched(user_ids, CUSTOMERS_PER_BATCH))


@transaction.atomic
def _withdraw_batch(user_ids: list[Any], source: str, version: str, now: datetime) -> int:
    withdrawn = Visitor.objects.withdraw_all(user_ids, version=version, source=source, now=now)
    Genome.objects.filter(user_id__in=user_ids).delete()
    return withdrawn
