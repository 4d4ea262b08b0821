"""What customers buy in the week after they looked at a product."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from personalization.recommenders import DAY, GUEST, History, InBlocks, Limits, Links, Plan, distinct
from personalization.recommenders._cooccurrence import PAIRS_PER_BLOCK, Runs, closest, damped_cosine
from personalization.recommenders._view_sessions import Looks, customers_of, looks

AFTER = 7 * DAY
"""A purchase within so many seconds of the look counts as having followed it."""


class ViewedThenBought(InBlocks):
    """Those who looked at one and then bought the other / (sqrt(those who looked x those who bought) + 10).

    The root of the buyers damps what everyone buys anyway. Only purchases that followed some look of the same customer
    count among them, so that what sold before views were recorded is not taken for popular. A customer counts once.
    """

    name = "view_to_purchase"

    def __init__(self, pairs_per_block: int = PAIRS_PER_BLOCK) -> None:
        self.pairs_per_block = pairs_per_block

    def plan(self, history: History, limits: Limits) -> Plan:
        looked, bought = looks(history.views, limits.basket_cap), _bought(history)
        runs, followed = _followed(looked, bought, history.products)
        viewers = customers_of(history, looked.customer, looked.product)
        buyers = customers_of(history, bought.customer[followed], bought.product[followed])
        blocks = runs.blocks(self.pairs_per_block)
        return Plan(_links, (runs, viewers, buyers, limits), blocks, history.products, limits.neighbours)


def _links(block: range, runs: Runs, viewers: NDArray, buyers: NDArray, limits: Limits) -> Links:
    pairs = runs.pairs(block)
    backed = pairs.customers >= limits.min_customers
    anchor, other = pairs.anchor[backed], pairs.other[backed]
    closeness = damped_cosine(pairs.customers[backed], viewers[anchor], buyers[other])
    return closest(anchor, other, closeness, limits.neighbours)


@dataclass(frozen=True)
class _Bought:
    """The products of each customer's orders, each once an order, sorted by customer and time."""

    customer: NDArray[np.int64]
    product: NDArray[np.int64]
    placed: NDArray[np.float64]


def _bought(history: History) -> _Bought:
    order, product = distinct(history.order, history.product)
    orders = int(order.max(initial=-1)) + 1
    customer, placed = np.full(orders, GUEST, np.int64), np.zeros(orders)
    customer[history.order], placed[history.order] = history.customer, history.placed
    known = np.flatnonzero(customer[order] != GUEST)
    rows = known[np.lexsort((product[known], placed[order[known]], customer[order[known]]))]
    return _Bought(customer[order[rows]], product[rows], placed[order[rows]])


def _followed(looked: Looks, bought: _Bought, products: int) -> tuple[Runs, NDArray[np.bool_]]:
    """Each look with the purchases that followed it, and whether each purchase followed any look."""
    begin = min(looked.seen.min(initial=np.inf), bought.placed.min(initial=np.inf))
    end = max(looked.seen.max(initial=0), bought.placed.max(initial=0)) + AFTER
    span = int(max(end - begin, 0)) + 2  # so that one customer's last week ends before the next customer begins
    by_product = np.lexsort((looked.seen, looked.customer, looked.product))
    look = _moment(looked.customer[by_product], looked.seen[by_product], begin, span)
    purchase = _moment(bought.customer, bought.placed, begin, span)
    first = np.searchsorted(purchase, look, "left")
    last = np.searchsorted(purchase, look + int(AFTER), "right")
    edges = np.zeros(len(purchase) + 1, np.int64)
    np.add.at(edges, first, 1)
    np.add.at(edges, last, -1)
    runs = Runs(looked.product[by_product], looked.customer[by_product], first, last - first, bought.product, products)
    return runs, np.cumsum(edges[:-1]) > 0


def _moment(customer: NDArray, seconds: NDArray, begin: float, span: int) -> NDArray[np.int64]:
    """Customer and time as one number, which grows with the customer first."""
    return customer * span + (seconds - begin).astype(np.int64) if len(customer) else np.empty(0, np.int64)


recommender = ViewedThenBought()
