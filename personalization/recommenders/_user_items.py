"""What each customer buys most. No recommender itself: several of them begin with it."""

import numpy as np
from numpy.typing import NDArray

from personalization.recommenders import GUEST, HistoryArrays, count_by_product, distinct_pairs


def bought_days(history: HistoryArrays) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(customer, product, days on which they bought it), sorted by both; guests left out."""
    known = history.customer != GUEST
    customer, product, _ = distinct_pairs(history.customer[known], history.product[known], history.day[known])
    customer, product, days = count_by_product(customer, product)
    return customer, product, days


def top_items_per_customer(
    history: HistoryArrays, cap: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The same, for each customer's `cap` products with the most days: whoever bought thousands is heard no more."""
    customer, product, days = bought_days(history)
    mixed = (product * 2_654_435_761) % 2**32
    order = np.lexsort((mixed, -days, customer))
    start = np.searchsorted(customer[order], customer[order], "left")
    kept = np.sort(order[np.arange(len(order)) - start < cap])
    return customer[kept], product[kept], days[kept]
