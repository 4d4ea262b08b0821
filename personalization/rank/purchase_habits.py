"""What somebody buys and how often: one function for genomes, for learning, and for products as for categories."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from personalization.recommenders import DAY, distinct_pairs

DECIMALS = 4
"""Weights are rounded, so that what is learned from arrays is what a genome's row holds."""


@dataclass(frozen=True)
class PurchaseHabits:
    """One entry for each customer and thing that they bought; a customer's strongest first."""

    customer: NDArray[np.int64]
    """Ascending."""
    item: NDArray[np.int64]
    """A product or a category."""
    weight: NDArray[np.float64]
    """The sum over the days on which it was bought of 0.5 ** (age / half life)."""
    days: NDArray[np.int64]
    """On how many days it was bought."""
    first: NDArray[np.int64]
    """The noon of the first of them, in seconds since 1970."""
    last: NDArray[np.int64]
    """The noon of the last."""

    def bounds(self, customers: int) -> NDArray[np.int64]:
        """Where each customer's entries begin, for customers 0..customers-1, and where the last one's end."""
        return np.searchsorted(self.customer, np.arange(customers + 1))


def purchase_habits(
    customer: NDArray[np.integer],
    thing: NDArray[np.integer],
    placed: NDArray[np.float64],
    now: float,
    half_life_days: float,
) -> PurchaseHabits:
    """The habits of these customers from their purchases, one entry a line: who, what, and when in epoch seconds."""
    customer, thing, day = distinct_pairs(customer, thing, (placed // DAY).astype(np.int64))
    new = np.ones(len(day), bool)
    new[1:] = (customer[1:] != customer[:-1]) | (thing[1:] != thing[:-1])
    first = np.flatnonzero(new)
    if not len(first):
        return PurchaseHabits(customer, thing, np.empty(0), day, day, day)
    fade = 0.5 ** ((now / DAY - day) / half_life_days)
    weight: NDArray[np.float64] = np.round(np.add.reduceat(fade, first), DECIMALS).astype(np.float64)
    end = np.append(first[1:], len(day))
    noon = ((day + 0.5) * DAY).astype(np.int64)
    order = np.lexsort((thing[first], -weight, customer[first]))
    return PurchaseHabits(
        customer=customer[first][order],
        item=thing[first][order],
        weight=weight[order],
        days=(end - first)[order],
        first=noon[first][order],
        last=noon[end - 1][order],
    )
