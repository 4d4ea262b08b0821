"""The user-item matrix of purchases. What several recommenders share."""

import numpy as np
from numpy.typing import NDArray

from personalization.recommenders import GUEST, HistoryArrays, count_by_product, distinct_pairs


def bought_days(history: HistoryArrays) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(customer, product, days on which they bought it), one entry for each customer and product, sorted by both;
    without guests."""
    signed_in = history.customer != GUEST
    customer, product, _ = distinct_pairs(
        history.customer[signed_in], history.product[signed_in], history.day[signed_in]
    )
    customer, product, days = count_by_product(customer, product)
    return customer, product, days


def top_items_per_customer(
    history: HistoryArrays, cap: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """As `bought_days`, of each customer only the `cap` products with the most days: a customer who bought thousands
    does not outweigh the others."""
    customer, product, days = bought_days(history)
    hashed = (product * 2_654_435_761) % 2**32
    order = np.lexsort((hashed, -days, customer))
    start = np.searchsorted(customer[order], customer[order], "left")
    kept = np.sort(order[np.arange(len(order)) - start < cap])
    return customer[kept], product[kept], days[kept]
