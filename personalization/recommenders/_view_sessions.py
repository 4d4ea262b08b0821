"""Views as looks: who looked at what on which day. No recommender itself: what learns from views begins here."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from personalization.recommenders import DAY, GUEST, HistoryArrays, ViewArrays
from personalization.recommenders._cooccurrence import latest_of_each_group, number_groups


@dataclass(frozen=True)
class SessionViews:
    """One entry for each customer, day and product, sorted so."""

    customer: NDArray[np.int64]
    session: NDArray[np.int64]
    """A number for each customer and day, from 0, ascending."""
    product: NDArray[np.int64]
    seen: NDArray[np.float64]
    """When the customer first looked at it on that day."""


def session_views(views: ViewArrays, cap: int) -> SessionViews:
    """A look is one however often the page was opened that day; of one customer's day only the last `cap` count."""
    known = np.flatnonzero(views.customer != GUEST)
    customer, seen = views.customer[known].astype(np.int64), views.seen[known]
    day = (seen // DAY).astype(np.int64)
    day -= day.min(initial=0)
    group = customer * (int(day.max(initial=0)) + 1) + day
    rows = latest_of_each_group(group, views.product[known], seen, cap)
    return SessionViews(
        customer[rows], number_groups(group[rows]), views.product[known][rows].astype(np.int64), seen[rows]
    )


def customers_per_pair(history: HistoryArrays, customer: NDArray, product: NDArray) -> NDArray[np.int64]:
    """For each product, how many different customers there are among these rows of customers and products."""
    pair = np.unique(customer.astype(np.int64) * max(history.products, 1) + product)
    return np.bincount(pair % max(history.products, 1), minlength=history.products)
