"""What customers buy in the week after they looked at a product."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from personalization.recommenders import (
    DAY,
    GUEST,
    BlockPlan,
    BlockRecommender,
    HistoryArrays,
    LearningLimits,
    ProductLinks,
    distinct_pairs,
)
from personalization.recommenders._cooccurrence import PAIRS_PER_BLOCK, GroupRuns, damped_cosine, strongest_links
from personalization.recommenders._view_sessions import SessionViews, customers_per_pair, session_views

CONVERSION_WINDOW = 7 * DAY
"""A purchase within so many seconds of the look counts as having followed it."""


class ViewToPurchase(BlockRecommender):
    """Those who looked at one and then bought the other / (sqrt(those who looked x those who bought) + 10).

    The root of the buyers damps what everyone buys anyway. Only purchases that followed some look of the same customer
    count among them, so that what sold before views were recorded is not taken for popular. A customer counts once.
    """

    name = "view_to_purchase"

    def __init__(self, pairs_per_block: int = PAIRS_PER_BLOCK) -> None:
        self.pairs_per_block = pairs_per_block

    def plan(self, history: HistoryArrays, limits: LearningLimits) -> BlockPlan:
        looked, bought = session_views(history.views, limits.max_order_products), _purchases_by_customer(history)
        runs, followed = _purchases_after_views(looked, bought, history.products)
        viewers = customers_per_pair(history, looked.customer, looked.product)
        buyers = customers_per_pair(history, bought.customer[followed], bought.product[followed])
        blocks = runs.blocks(self.pairs_per_block)
        return BlockPlan(
            _conversion_links, (runs, viewers, buyers, limits), blocks, history.products, limits.neighbours_per_product
        )


def _conversion_links(
    block: range, runs: GroupRuns, viewers: NDArray, buyers: NDArray, limits: LearningLimits
) -> ProductLinks:
    pairs = runs.pairs(block)
    backed = pairs.customers >= limits.min_customers
    anchor, other = pairs.anchor[backed], pairs.other[backed]
    closeness = damped_cosine(pairs.customers[backed], viewers[anchor], buyers[other])
    return strongest_links(anchor, other, closeness, limits.neighbours_per_product)


@dataclass(frozen=True)
class _Bought:
    """The products of each customer's orders, each once an order, sorted by customer and time."""

    customer: NDArray[np.int64]
    product: NDArray[np.int64]
    placed: NDArray[np.float64]


def _purchases_by_customer(history: HistoryArrays) -> _Bought:
    order, product = distinct_pairs(history.order, history.product)
    orders = int(order.max(initial=-1)) + 1
    customer, placed = np.full(orders, GUEST, np.int64), np.zeros(orders)
    customer[history.order], placed[history.order] = history.customer, history.ordered_at
    known = np.flatnonzero(customer[order] != GUEST)
    rows = known[np.lexsort((product[known], placed[order[known]], customer[order[known]]))]
    return _Bought(customer[order[rows]], product[rows], placed[order[rows]])


def _purchases_after_views(looked: SessionViews, bought: _Bought, products: int) -> tuple[GroupRuns, NDArray[np.bool_]]:
    """Each look with the purchases that followed it, and whether each purchase followed any look."""
    begin = min(looked.seen.min(initial=np.inf), bought.placed.min(initial=np.inf))
    end = max(looked.seen.max(initial=0), bought.placed.max(initial=0)) + CONVERSION_WINDOW
    span = int(max(end - begin, 0)) + 2  # so that one customer's last week ends before the next customer begins
    by_product = np.lexsort((looked.seen, looked.customer, looked.product))
    look = _event_time(looked.customer[by_product], looked.seen[by_product], begin, span)
    purchase = _event_time(bought.customer, bought.placed, begin, span)
    first = np.searchsorted(purchase, look, "left")
    last = np.searchsorted(purchase, look + int(CONVERSION_WINDOW), "right")
    edges = np.zeros(len(purchase) + 1, np.int64)
    np.add.at(edges, first, 1)
    np.add.at(edges, last, -1)
    runs = GroupRuns(
        looked.product[by_product], looked.customer[by_product], first, last - first, bought.product, products
    )
    return runs, np.cumsum(edges[:-1]) > 0


def _event_time(customer: NDArray, seconds: NDArray, begin: float, span: int) -> NDArray[np.int64]:
    """Customer and time as one number, which grows with the customer first."""
    return customer * span + (seconds - begin).astype(np.int64) if len(customer) else np.empty(0, np.int64)


recommender = ViewToPurchase()
