"""Records consent that customers gave or withdrew elsewhere: in an older shop, on paper, in another system."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from personalization.batching import batched
from personalization.models import Consent, Visitor
from personalization.privacy.household_exits import leave_households
from personalization.profile import genome
from personalization.shop import customers

CUSTOMERS_PER_BATCH = 500


@dataclass(frozen=True)
class ConsentCounts:
    """The numbers of customers and of browsers by their consent."""

    customers: dict[str, int]
    browsers: dict[str, int]

    def __str__(self) -> str:
        return "\n".join(
            f"{label}: " + ", ".join(f"{counts.get(state, 0)} {state}" for state in Consent.values)
            for label, counts in (("customers", self.customers), ("browsers", self.browsers))
        )


def consent_counts() -> ConsentCounts:
    """The current numbers. A customer without a record counts as undecided."""
    counts = Visitor.objects.by_consent()
    of_customers = {state: count for (customer, state), count in counts.items() if customer}
    decided = sum(count for state, count in of_customers.items() if state != Consent.NONE)
    everyone = max(customers.count_customers(), decided)
    return ConsentCounts(
        {**of_customers, str(Consent.NONE): everyone - decided},
        {state: count for (customer, state), count in counts.items() if not customer},
    )


def record_grants(user_ids: list[Any], *, source: str, version: str, now: datetime) -> int:
    """Records consent for these customers, and returns how many had not decided before. A withdrawal stands."""
    return Visitor.objects.grant_all(user_ids, version=version, source=source, now=now)


def record_withdrawals(user_ids: list[Any], *, source: str, version: str, now: datetime) -> int:
    """Records that these customers withdrew, deletes what they did, and returns how many had not withdrawn before."""
    batches = batched(user_ids, CUSTOMERS_PER_BATCH)
    return sum(_withdraw_batch(batch, source, version, now) for batch in batches)


@transaction.atomic
def _withdraw_batch(user_ids: list[Any], source: str, version: str, now: datetime) -> int:
    withdrawn = Visitor.objects.withdraw_all(user_ids, version=version, source=source, now=now)
    leave_households(user_ids, now)
    Visitor.objects.filter(user_id__in=user_ids).delete_activity()
    genome.delete_profiles(user_ids)
    return withdrawn
