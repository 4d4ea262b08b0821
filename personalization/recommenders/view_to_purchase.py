"""What customers buy in the week after they viewed a product."""

from dataclasses import dataclass
from typing import Any

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
"""In seconds; a purchase within it counts as a consequence of the view."""


class ViewToPurchase(BlockRecommender):
    """Customers who viewed one and then bought the other / (sqrt(viewers of the one x buyers of the other) + 10).

    The root damps what everybody buys anyway. Only buyers whose purchase followed some view of theirs count, so that
    sales from before views were recorded do not make a product look popular. A customer counts once.
    """

    name = "view_to_purchase"

    def __init__(self, pairs_per_block: int = PAIRS_PER_BLOCK) -> None:
        self.pairs_per_block = pairs_per_block

    def plan(self, history: HistoryArrays, limits: LearningLimits) -> BlockPlan:
        viewed, bought = session_views(history.views, limits.max_order_products), _purchases_by_customer(history)
        runs, followed = _purchases_after_views(viewed, bought, history)
        viewers = customers_per_pair(history, viewed.customer, viewed.product)
        buyers = customers_per_pair(history, bought.customer[followed], bought.product[followed])
        blocks = runs.blocks(self.pairs_per_block)
        return BlockPlan(
            _conversion_links, (runs, viewers, buyers, limits), blocks, history.products, limits.neighbours_per_product
        )


def _conversion_links(
    block: range, runs: GroupRuns, viewers: NDArray[Any], buyers: NDArray[Any], limits: LearningLimits
) -> ProductLinks:
    pairs = runs.pairs(block)
    supported = pairs.customers >= limits.min_customers
    anchor, other = pairs.anchor[supported], pairs.other[supported]
    closeness = damped_cosine(pairs.customers[supported], viewers[anchor], buyers[other])
    return strongest_links(anchor, other, closeness, limits.neighbours_per_product)


@dataclass(frozen=True)
class _CustomerPurchases:
    """The products of the customers' orders, each once per order, sorted by customer and time."""

    customer: NDArray[np.int64]
    product: NDArray[np.int64]
    ordered_at: NDArray[np.float64]


def _purchases_by_customer(history: HistoryArrays) -> _CustomerPurchases:
    order, product = distinct_pairs(history.order, history.product)
    orders = int(order.max(initial=-1)) + 1
    customer, ordered_at = np.full(orders, GUEST, np.int64), np.zeros(orders)
    customer[history.order], ordered_at[history.order] = history.customer, history.ordered_at
    signed_in = np.flatnonzero(customer[order] != GUEST)
    rows = signed_in[np.lexsort((product[signed_in], ordered_at[order[signed_in]], customer[order[signed_in]]))]
    return _CustomerPurchases(customer[order[rows]], product[rows], ordered_at[order[rows]])


def _purchases_after_views(
    viewed: SessionViews, bought: _CustomerPurchases, history: HistoryArrays
) -> tuple[GroupRuns, NDArray[np.bool_]]:
    """Each view with the purchases that followed it, and for each purchase whether it followed any view."""
    begin = min(viewed.seen.min(initial=np.inf), bought.ordered_at.min(initial=np.inf))
    end = max(viewed.seen.max(initial=0), bought.ordered_at.max(initial=0)) + CONVERSION_WINDOW
    span = int(max(end - begin, 0)) + 2  # so that one customer's last week ends before the next customer begins
    by_product = np.lexsort((viewed.seen, viewed.customer, viewed.product))
    view_time = _event_time(viewed.customer[by_product], viewed.seen[by_product], begin, span)
    purchase_time = _event_time(bought.customer, bought.ordered_at, begin, span)
    first = np.searchsorted(purchase_time, view_time, "left")
    last = np.searchsorted(purchase_time, view_time + int(CONVERSION_WINDOW), "right")
    edges = np.zeros(len(purchase_time) + 1, np.int64)
    np.add.at(edges, first, 1)
    np.add.at(edges, last, -1)
    runs = GroupRuns(
        anchor=viewed.product[by_product],
        customer=viewed.customer[by_product],
        start=first,
        size=last - first,
        other=bought.product,
        established=history.established,
        products=history.products,
    )
    return runs, np.cumsum(edges[:-1]) > 0


def _event_time(customer: NDArray[Any], seconds: NDArray[Any], begin: float, span: int) -> NDArray[np.int64]:
    """Customer and time as one number that sorts by customer first, so that one binary search serves all customers."""
    return customer * span + (seconds - begin).astype(np.int64) if len(customer) else np.empty(0, np.int64)


recommender = ViewToPurchase()
