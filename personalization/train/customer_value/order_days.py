"""The days on which customers ordered, as arrays, and what they went on to do after a day."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

HORIZON = 90
"""Days that are looked ahead. A pause longer than that counts as one of so many days."""


@dataclass(frozen=True)
class OrderDays:
    """One entry for each day on which a customer ordered, by customer, then day."""

    customer: NDArray[np.int64]
    """Numbers from 0."""
    day: NDArray[np.int64]
    """Whole days since 1970."""
    spend: NDArray[np.float64]
    lines: NDArray[np.float64]
    customers: int
    """How many customers are numbered; some may have no entry."""

    def before(self, day: int) -> "OrderDays":
        """What was known when this day began; the customers keep their numbers."""
        return self._select(self.day < day)

    def since(self, day: int) -> "OrderDays":
        """The entries of this day and of later ones."""
        return self._select(self.day >= day)

    def of_customers(self, wanted: NDArray[np.int64]) -> "OrderDays":
        """The entries of these customers (ascending), who are numbered anew in this sequence."""
        position = np.minimum(np.searchsorted(wanted, self.customer), max(len(wanted) - 1, 0))
        chosen = self._select(wanted[position] == self.customer if len(wanted) else np.zeros(len(self.day), bool))
        return replace(chosen, customer=np.searchsorted(wanted, chosen.customer), customers=len(wanted))

    def _select(self, mask: NDArray[np.bool_]) -> "OrderDays":
        columns = {name: getattr(self, name)[mask] for name in ("customer", "day", "spend", "lines")}
        return replace(self, **columns)

    @property
    def first_day(self) -> int:
        """The first day of the shop's history; there must be an entry."""
        return int(self.day.min())

    def count(self, mask: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
        """How many entries each customer has, of all or of those for which the mask is true."""
        return self.add_up(np.ones(len(self.day)), mask)

    def add_up(self, value: NDArray[np.float64], mask: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
        """The sum of a value of each entry, by customer."""
        some = slice(None) if mask is None else mask
        return np.bincount(self.customer[some], value[some], self.customers).astype(np.float64)

    def bounds(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where the entries of each customer begin and end."""
        edges = np.searchsorted(self.customer, np.arange(self.customers + 1))
        return edges[:-1], edges[1:]


def fold_order_days(
    customer: NDArray[Any], day: NDArray[Any], spend: NDArray[Any], lines: NDArray[Any], customers: int
) -> OrderDays:
    """From orders in any sequence to order days: what a customer ordered on one day is one entry."""
    first = int(day.min()) if len(day) else 0
    span = int(day.max(initial=first)) - first + 1
    key, entry = np.unique(customer.astype(np.int64) * span + (day.astype(np.int64) - first), return_inverse=True)
    number, offset = np.divmod(key, span)
    paid, bought = (np.bincount(entry, values, len(key)).astype(np.float64) for values in (spend, lines))
    return OrderDays(number, offset + first, paid, bought, customers)


@dataclass(frozen=True)
class WindowOutcome:
    """What each customer did from a day on, within the horizon."""

    orders: NDArray[np.float64]
    spend: NDArray[np.float64]
    days: NDArray[np.float64]
    """The number of the day of the next order, 1 for the first one; HORIZON where there was none."""

    @property
    def active(self) -> NDArray[np.bool_]:
        """Whether they ordered at all."""
        return self.orders > 0

    def select(self, rows: NDArray[Any]) -> "WindowOutcome":
        """The outcome of some customers."""
        return WindowOutcome(self.orders[rows], self.spend[rows], self.days[rows])


def outcome_after(days: OrderDays, cut: int) -> WindowOutcome:
    """What became of all customers within the horizon that begins with this day."""
    window = days.since(cut).before(cut + HORIZON)
    next_day = np.full(days.customers, HORIZON, np.float64)
    np.minimum.at(next_day, window.customer, window.day - cut + 1.0)
    return WindowOutcome(window.count(), window.add_up(window.spend), next_day)
