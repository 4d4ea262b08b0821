"""What a shop can do without any of this: the ways beside which a forecast has to stand."""

import numpy as np
from numpy.typing import NDArray

from personalization.train.customer_value.order_days import HORIZON, OrderDays

QUINTILES = 5


def last_window_again(days: OrderDays, cut: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(orders, spend) of each customer if the coming days were like the last ones."""
    window = days.before(cut).since(cut - HORIZON)
    return window.count(), window.add_up(window.spend)


def rfm_sums(days: OrderDays, cut: int) -> NDArray[np.float64]:
    """The sum of each customer's fifths by recency, frequency and money, over their whole history: 3 to 15; 0 for those
    without an order."""
    past = days.before(cut)
    last = np.full(days.customers, -1)
    np.maximum.at(last, past.customer, past.day)
    some = past.count() > 0
    sums = np.zeros(days.customers)
    for value in (last.astype(np.float64), past.count(), past.add_up(past.spend)):
        sums[some] += _fifths(value[some])
    return sums


def _fifths(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 for the smallest fifth to 5; equal values have one."""
    below = np.searchsorted(np.sort(values), values)
    return 1 + np.floor(QUINTILES * below / max(len(values), 1))
