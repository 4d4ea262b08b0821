"""Who bought in a period: new, returning and won back customers, who was lost, and what each part of them is worth.

The shop's own orders say it, of all customers, whatever they allow: nobody is singled out, and no group is shown that
is small enough to be a person.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from personalization.measure.reports import Period
from personalization.shop.customer_sums import CustomerSums, customer_sums, guest_sums

LAPSED = timedelta(days=180)
"""Who has not bought for so long is not a customer any more, until they come back."""
MIN_CUSTOMERS = 5
"""No amount is said of fewer."""
YEAR = timedelta(days=365)
TIERS = (10, 20, 30, 40)
"""Percent of the customers of a year in each tier, those who left most money first."""


class CustomerGroup(StrEnum):
    """Where customers stand."""

    NEW = "new"
    """Their first order ever is in the period."""
    RETURNING = "returning"
    """They had ordered within LAPSED before."""
    WON_BACK = "won_back"
    """Their order before was longer ago."""
    LAPSED = "lapsed"
    """In the period it became LAPSED since their last order."""


@dataclass(frozen=True)
class GroupSums:
    """Some customers together."""

    customers: int = 0
    orders: int = 0
    kept_amount: Decimal = Decimal(0)

    @property
    def is_shown(self) -> bool:
        """Whether they are enough that an amount tells nothing of one of them."""
        return self.customers >= MIN_CUSTOMERS

    @property
    def kept_each(self) -> Decimal | None:
        """For each customer; None where they are too few."""
        return self.kept_amount / self.customers if self.is_shown else None

    def with_one(self, orders: int, amount: Decimal) -> "GroupSums":
        """With one customer more."""
        return GroupSums(self.customers + 1, self.orders + orders, self.kept_amount + amount)


@dataclass(frozen=True)
class CustomerReport:
    """A period."""

    groups: dict[CustomerGroup, GroupSums]
    tiers: tuple[GroupSums, ...]
    """As TIERS: the customers of a year by what they left in it, and what they bought in the period."""
    guest_orders: int
    guest_kept: Decimal

    @property
    def buyers(self) -> GroupSums:
        """All customers who bought in the period."""
        bought = [one for group, one in self.groups.items() if group != CustomerGroup.LAPSED]
        return GroupSums(
            sum(one.customers for one in bought),
            sum(one.orders for one in bought),
            sum((one.kept_amount for one in bought), Decimal(0)),
        )


def read_customers(period: Period) -> CustomerReport:
    """What customers did in a period. Two queries, which read the shop's orders, so that they take longer in a shop
    with more of them."""
    first, until = period.moments()
    groups = {group: GroupSums() for group in CustomerGroup}
    in_year: list[tuple[Decimal, int, Decimal]] = []
    for one in customer_sums(first, until, until - YEAR):
        group = group_of(one, period)
        if group is not None:
            groups[group] = groups[group].with_one(one.orders, one.kept_amount)
        if one.kept_in_year > 0:
            in_year.append((one.kept_in_year, one.orders, one.kept_amount))
    return CustomerReport(groups, _tiers(in_year), *guest_sums(first, until))


def group_of(one: CustomerSums, period: Period) -> CustomerGroup | None:
    """Where a customer stands in a period; None where they did not buy and were gone before, or are still expected."""
    first, until = period.moments()
    if one.first_at is not None:
        if one.before_at is None:
            return CustomerGroup.NEW
        return CustomerGroup.WON_BACK if one.first_at - one.before_at > LAPSED else CustomerGroup.RETURNING
    if one.before_at is not None and first <= one.before_at + LAPSED < until:
        return CustomerGroup.LAPSED
    return None


def _tiers(customers: Iterable[tuple[Decimal, int, Decimal]]) -> tuple[GroupSums, ...]:
    ranked = sorted(customers, reverse=True)
    ends = [round(len(ranked) * sum(TIERS[: number + 1]) / 100) for number in range(len(TIERS))]
    tiers = []
    for start, end in zip([0, *ends], ends, strict=False):
        sums = GroupSums()
        for _kept_in_year, orders, kept in ranked[start:end]:
            sums = sums.with_one(orders, kept)
        tiers.append(sums)
    return tuple(tiers)
