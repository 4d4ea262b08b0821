"""View sessions: what a customer views on one day. What several recommenders share."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.recommenders import DAY, GUEST, HistoryArrays, ViewArrays
from personalization.recommenders._cooccurrence import latest_of_each_group, number_groups


@dataclass(frozen=True)
class SessionViews:
    """One entry for each customer, day and product, sorted by these."""

    customer: NDArray[np.int64]
    session: NDArray[np.int64]
    """A number for each customer and day, from 0, ascending."""
    product: NDArray[np.int64]
    seen: NDArray[np.float64]
    """When the customer first viewed it on that day, in seconds since 1970."""


def session_views(views: ViewArrays, cap: int) -> SessionViews:
    """Views without repetitions on the same day, without guests, and of a customer's day only the last `cap`
    products."""
    signed_in = np.flatnonzero(views.customer != GUEST)
    customer, seen = views.customer[signed_in].astype(np.int64), views.seen[signed_in]
    day = (seen // DAY).astype(np.int64)
    day -= day.min(initial=0)
    group = customer * (int(day.max(initial=0)) + 1) + day
    rows = latest_of_each_group(group, views.product[signed_in], seen, cap)
    return SessionViews(
        customer[rows], number_groups(group[rows]), views.product[signed_in][rows].astype(np.int64), seen[rows]
    )


def customers_per_pair(history: HistoryArrays, customer: NDArray[Any], product: NDArray[Any]) -> NDArray[np.int64]:
    """The number of different customers of each product, shape (products,), in a table of these two columns."""
    pair = np.unique(customer.astype(np.int64) * max(history.products, 1) + product)
    return np.bincount(pair % max(history.products, 1), minlength=history.products)
