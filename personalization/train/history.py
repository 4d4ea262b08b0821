"""The only road from rows to arrays: the shop's orders and catalogue as recommenders see them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from personalization.oscar import catalogue, orders
from personalization.recommenders import Catalogue, History, Views

Progress = Callable[[Iterable, str, int], Iterable]
"""Passes a stream on and shows how far it is: (stream, what it is, how long it is)."""


@dataclass(frozen=True)
class Shop:
    """All that a training run reads."""

    history: History
    product_id: NDArray[np.int64]
    """The primary keys of the products that `history` numbers, ascending."""
    created: NDArray[np.float64]
    """When each of them was created, in seconds since 1970."""
    members: catalogue.Members


def read(now: float, progress: Progress) -> Shop:
    """The shop up to now. Lines of products that cannot be browsed (any more) are left out."""
    product_id, created = catalogue.products()
    lines = orders.bought_lines()
    rows = progress(orders.line_values(lines), "Reading order lines", lines.count())
    bought = orders.purchases(rows, until=now)
    place = np.minimum(np.searchsorted(product_id, bought.product), max(len(product_id) - 1, 0))
    known = product_id[place] == bought.product if len(product_id) else np.zeros(0, bool)
    _, order = np.unique(bought.order[known], return_inverse=True)
    history = History(
        customer=bought.customer[known],
        order=order.astype(np.int32),
        product=place[known].astype(np.int32),
        placed=bought.placed[known],
        products=len(product_id),
        now=now,
        catalogue=Catalogue.blank(len(product_id)),
        views=Views.none(),
    )
    return Shop(history, product_id, created, catalogue.members())
