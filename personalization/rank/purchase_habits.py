"""What customers buy and how often: one function for genomes and for training, for products and for categories."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from personalization.recommenders import DAY, distinct_pairs

DECIMALS = 4
"""Weights are rounded as they are stored, so that training and serving see the same numbers."""


@dataclass(frozen=True)
class PurchaseHabits:
    """One entry for each customer and item that they bought; each customer's highest weight first."""

    customer: NDArray[np.int64]
    """Ascending."""
    item: NDArray[np.int64]
    """The number or key of a product or a category."""
    weight: NDArray[np.float64]
    """The sum of 0.5 ** (age / half-life) over the days on which the item was bought."""
    days: NDArray[np.int64]
    """The number of days on which the item was bought."""
    first: NDArray[np.int64]
    """Noon of the first of these days, in seconds since 1970."""
    last: NDArray[np.int64]
    """Noon of the last of these days, in seconds since 1970."""

    def bounds(self, customers: int) -> NDArray[np.int64]:
        """Where the entries of customers 0..customers-1 begin, and where the last one's end; shape (customers + 1,)."""
        return np.searchsorted(self.customer, np.arange(customers + 1))


def purchase_habits(
    customer: NDArray[np.integer],
    item: NDArray[np.integer],
    ordered_at: NDArray[np.float64],
    now: float,
    half_life_days: float,
) -> PurchaseHabits:
    """The habits of customers from their order lines.

    Parameters
    ----------
    customer, item, ordered_at : one entry for each line; `ordered_at` in seconds since 1970.
    now : seconds since 1970.
    """
    customer, item, day = distinct_pairs(customer, item, (ordered_at // DAY).astype(np.int64))
    starts = np.ones(len(day), bool)
    starts[1:] = (customer[1:] != customer[:-1]) | (item[1:] != item[:-1])
    first = np.flatnonzero(starts)
    if not len(first):
        return PurchaseHabits(customer, item, np.empty(0), day, day, day)
    decay = 0.5 ** ((now / DAY - day) / half_life_days)
    weight: NDArray[np.float64] = np.round(np.add.reduceat(decay, first), DECIMALS).astype(np.float64)
    end = np.append(first[1:], len(day))
    noon = ((day + 0.5) * DAY).astype(np.int64)
    order = np.lexsort((item[first], -weight, customer[first]))
    return PurchaseHabits(
        customer=customer[first][order],
        item=item[first][order],
        weight=weight[order],
        days=(end - first)[order],
        first=noon[first][order],
        last=noon[end - 1][order],
    )
