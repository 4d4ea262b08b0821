"""What a kind of message earns: what those who were to get it spent, compared with those who were held back.

Everybody counts about whom it was decided, in the arm that they were drawn into, whatever became of the mail: what
happens after the draw may depend on it. Who clicked is not asked. Parts of the people of whom another share was held
back are compared apart and then put together by their size, as they are not alike.

It is read at any time, so its interval is one that holds at every moment. Money is not capped: a single large order
makes the interval wider in its arm, not the message better.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from personalization.measure.always_valid import always_valid_interval
from personalization.measure.comparison import Difference, Interval, estimate_mean
from personalization.measure.experiment_plan import MIN_ORDERS_FOR_MONEY
from personalization.measure.sums import MetricSums
from personalization.models import ChannelConsent, MessageOutcome
from personalization.models.deliveries import Arm
from personalization.models.experiments import RETURN_DAYS
from personalization.models.message_outcomes import ArmSums
from personalization.shop import order_values
from personalization.shop.order_values import OrderWorth

WINDOW = timedelta(days=14)
"""So long after the decision, orders count."""
BATCH_SIZE = 1_000
TUNED_FOR = 10_000
"""People with whom the interval is narrowest, compared with one for a single reading."""


class EffectState(Enum):
    """What can be said."""

    NO_GROUPS = "no_groups"
    """Nobody was held back, or nobody's time is over."""
    TOO_FEW = "too_few"
    NO_DIFFERENCE = "no_difference"
    """None was found so far."""
    MORE = "more"
    LESS = "less"


@dataclass(frozen=True)
class ArmTotal:
    """The people of one arm whose time is over."""

    people: int = 0
    orders: int = 0
    """Kept ones."""
    withdrew: int = 0
    """How many of the people ended messages."""


@dataclass(frozen=True)
class MessageEffect:
    """A kind of message."""

    treated: ArmTotal = ArmTotal()
    held_back: ArmTotal = ArmTotal()
    interval: Interval | None = None
    """What a person who was to get it spent more, in the shop's currency; None below the floor, or where not known."""

    @property
    def fewest_orders(self) -> int:
        """Kept orders in the smaller arm; below MIN_ORDERS_FOR_MONEY nothing is said."""
        return min(self.treated.orders, self.held_back.orders)

    @property
    def state(self) -> EffectState:
        """What can be said."""
        if not self.held_back.people or not self.treated.people:
            return EffectState.NO_GROUPS
        if self.fewest_orders < MIN_ORDERS_FOR_MONEY or self.interval is None:
            return EffectState.TOO_FEW
        low, high = self.interval
        if low > 0:
            return EffectState.MORE
        return EffectState.LESS if high < 0 else EffectState.NO_DIFFERENCE


def count_message_outcomes(now: datetime) -> int:
    """Stores what people came to by now, those who may have changed; how many did. A constant number of queries for
    each thousand of them. May be killed at any point, and repeated."""
    settled = now - WINDOW - timedelta(days=RETURN_DAYS + 1)
    changed = 0
    for batch in MessageOutcome.objects.in_open_batches(BATCH_SIZE):
        changed += _count_people(batch, settled, now)
    return changed


def _count_people(rows: list[MessageOutcome], settled: datetime, now: datetime) -> int:
    user_ids = {row.user_id for row in rows}
    since, until = min(row.decided_at for row in rows), max(row.decided_at for row in rows) + WINDOW
    orders = orders_by_customer(user_ids, since, min(until, now))
    withdrawals = ChannelConsent.objects.withdrawals(user_ids, since, until)
    changed = []
    for row in rows:
        before = row.orders, row.kept_amount, row.withdrew
        end = min(row.decided_at + WINDOW, now)
        own = [one for one in orders.get(row.user_id, ()) if row.decided_at <= one.placed_at < end]
        row.orders = sum(one.kept_pieces > 0 for one in own)
        row.kept_amount = float(sum(one.gross - one.lost_amount for one in own))
        row.withdrew |= any(row.decided_at <= at < end for at in withdrawals.get(row.user_id, ()))
        row.is_settled = row.decided_at < settled
        if row.is_settled or before != (row.orders, row.kept_amount, row.withdrew):
            changed.append(row)
    MessageOutcome.objects.store_counts(changed)
    return len(changed)


def orders_by_customer(user_ids: set[Any], since: datetime, until: datetime) -> Mapping[Any, list[OrderWorth]]:
    """The orders that these customers placed between two moments, by the customer's key. A few queries."""
    owner = dict(order_values.orders_of_customers(user_ids, since, until))
    found: dict[Any, list[OrderWorth]] = defaultdict(list)
    for one in order_values.order_worths(owner):
        found[owner[one.order_id]].append(one)
    return found


def read_message_effects(now: datetime) -> dict[str, MessageEffect]:
    """By kind, of those whose time is over. One query."""
    by_kind: dict[str, list[ArmSums]] = defaultdict(list)
    for one in MessageOutcome.objects.sums_before(now - WINDOW):
        by_kind[one.kind].append(one)
    return {kind: compare_arms(sums) for kind, sums in by_kind.items()}


def compare_arms(sums: Iterable[ArmSums]) -> MessageEffect:
    """The effect of one kind. Parameters: `sums`, at most one for each part and arm."""
    by_share: dict[float, dict[str, ArmSums]] = defaultdict(dict)
    for one in sums:
        by_share[one.share][one.arm] = one
    parts = [part for part in by_share.values() if len(part) == len(Arm)]
    treated = _add_people(part[Arm.TREATED] for part in parts)
    held_back = _add_people(part[Arm.HELD_BACK] for part in parts)
    effect = MessageEffect(treated, held_back)
    difference = _difference_of(parts)
    if difference is None or effect.fewest_orders < MIN_ORDERS_FOR_MONEY:
        return effect
    return MessageEffect(treated, held_back, always_valid_interval(difference, tuned_for=TUNED_FOR))


def _add_people(arms: Iterable[ArmSums]) -> ArmTotal:
    arms = list(arms)
    return ArmTotal(sum(one.people for one in arms), sum(one.orders for one in arms), sum(one.withdrew for one in arms))


def _difference_of(parts: list[dict[str, ArmSums]]) -> Difference | None:
    """The mean difference for each person; None where nobody's money differs from another's."""
    found = []
    for part in parts:
        means = [estimate_mean(_kept_sums(part[arm])) for arm in (Arm.HELD_BACK, Arm.TREATED)]
        if means[0] is not None and means[1] is not None:
            found.append((means[0], means[1]))
    people = sum(control.n + arm.n for control, arm in found)
    estimate = variance = 0.0
    for control, arm in found:
        weight = (control.n + arm.n) / people
        estimate += weight * (arm.mean - control.mean)
        variance += weight**2 * (arm.mean_variance + control.mean_variance)
    return Difference(estimate, math.sqrt(variance), people - 2 * len(found), people) if variance > 0 else None


def _kept_sums(one: ArmSums) -> MetricSums:
    return MetricSums(n=one.people, y=one.kept_amount, yy=one.kept_squares)
