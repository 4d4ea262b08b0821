"""What a campaign earns: what the customers of its audience spent, compared with those who were held back from it.

Everybody counts from the moment on at which they were found in the audience, in the arm and the part by value of that
moment, whatever they saw, read or clicked on. Who looked at it, or used a code, is not asked: that depends on the
campaign itself. Money is what was kept after discounts, cancellations and returns, without tax and shipping, so that a
campaign pays for its codes here.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from personalization.measure.message_effect import MessageEffect, compare_arms, orders_by_customer
from personalization.models import CampaignCustomer
from personalization.models.campaign_customers import PartSums, ValuePart
from personalization.models.deliveries import Arm
from personalization.models.experiments import RETURN_DAYS
from personalization.models.message_outcomes import ArmSums

WINDOW = timedelta(days=28)
"""So long after they came into the audience, orders count."""
BATCH_SIZE = 1_000
MIN_PEOPLE = 5
"""No amount is said of fewer."""


@dataclass(frozen=True)
class ArmSpending:
    """The customers of one arm."""

    people: int = 0
    orders: int = 0
    kept_amount: float = 0.0

    @property
    def kept_each(self) -> float | None:
        """For each of them; None where they are too few to say it."""
        return self.kept_amount / self.people if self.people >= MIN_PEOPLE else None


@dataclass(frozen=True)
class PartSpending:
    """The customers of one value, or all, in both arms."""

    value_part: ValuePart | None
    """None for all."""
    treated: ArmSpending
    held_back: ArmSpending


@dataclass(frozen=True)
class CampaignReport:
    """What a campaign came to so far."""

    parts: tuple[PartSpending, ...]
    total: PartSpending
    effect: MessageEffect
    """All of them compared."""


def count_campaign_outcomes(now: datetime) -> int:
    """Stores what customers of campaigns came to by now, those who may have changed; how many did. A constant number of
    queries for each thousand. May be killed at any point, and repeated."""
    settled = now - WINDOW - timedelta(days=RETURN_DAYS + 1)
    batches = CampaignCustomer.objects.in_open_batches(BATCH_SIZE)
    return sum(_count_customers(batch, settled, now) for batch in batches)


def _count_customers(rows: list[CampaignCustomer], settled: datetime, now: datetime) -> int:
    moments = [row.enrolled_at for row in rows if row.enrolled_at is not None]
    orders = orders_by_customer({row.user_id for row in rows}, min(moments), min(max(moments) + WINDOW, now))
    changed = []
    for row in rows:
        if row.enrolled_at is None:
            continue
        before, end = (row.orders, row.kept_amount), min(row.enrolled_at + WINDOW, now)
        own = [one for one in orders.get(row.user_id, ()) if row.enrolled_at <= one.placed_at < end]
        row.orders = sum(one.kept_pieces > 0 for one in own)
        row.kept_amount = float(sum(one.gross - one.lost_amount for one in own))
        row.is_settled = row.enrolled_at < settled
        if row.is_settled or before != (row.orders, row.kept_amount):
            changed.append(row)
    CampaignCustomer.objects.bulk_update(changed, ["orders", "kept_amount", "is_settled"], batch_size=500)
    return len(changed)


def read_campaign_report(campaign_id: int) -> CampaignReport:
    """What a campaign's customers came to, by value and in all, as it was last counted. One query."""
    sums = CampaignCustomer.objects.sums_of_campaign(campaign_id)
    by_part = defaultdict[int, list[PartSums]](list)
    for one in sums:
        by_part[one.value_part].append(one)
    order = [ValuePart.TOP, ValuePart.NEXT, ValuePart.OTHER, ValuePart.UNKNOWN]
    parts = tuple(_part_spending(part, by_part[part]) for part in order if part in by_part)
    return CampaignReport(parts, _part_spending(None, sums), compare_arms(_arm_sums(sums)))


def _part_spending(part: ValuePart | None, sums: Iterable[PartSums]) -> PartSpending:
    sums = list(sums)
    return PartSpending(part, *(_arm_spending(one for one in sums if one.arm == arm) for arm in Arm))


def _arm_spending(sums: Iterable[PartSums]) -> ArmSpending:
    sums = list(sums)
    kept = sum(one.kept_amount for one in sums)
    return ArmSpending(sum(one.people for one in sums), sum(one.orders for one in sums), kept)


def _arm_sums(sums: Iterable[PartSums]) -> list[ArmSums]:
    """Each arm over all parts, as effects are compared."""
    found = []
    for arm in Arm:
        own = [one for one in sums if one.arm == arm]
        if own:
            totals = (sum(one.people for one in own), sum(one.orders for one in own))
            money = (sum(one.kept_amount for one in own), sum(one.kept_squares for one in own))
            found.append(ArmSums("", 0.0, arm, *totals, *money, 0))
    return found
