"""Which products lie in the same baskets."""

import numpy as np
from numpy.typing import NDArray

from personalization.recommenders import (
    GUEST,
    BlockPlan,
    BlockRecommender,
    HistoryArrays,
    LearningLimits,
    ProductLinks,
    distinct_pairs,
)
from personalization.recommenders._cooccurrence import (
    DAMPING,
    PAIRS_PER_BLOCK,
    GroupRuns,
    pairs_within_groups,
    strongest_links,
)

POPULARITY_EXPONENT = 0.25
"""How far the other product's own frequency counts against it: 0 would recommend milk with everything, 1 oddities.
Chosen by what completed baskets: see docs/evaluation.md."""


class BoughtTogether(BlockRecommender):
    """How often a basket with one product holds the other, damped: both / (one x other ** 0.25 + 10), in baskets."""

    name = "bought_together"

    def __init__(self, pairs_per_block: int = PAIRS_PER_BLOCK) -> None:
        self.pairs_per_block = pairs_per_block

    def plan(self, history: HistoryArrays, limits: LearningLimits) -> BlockPlan:
        basket, product = distinct_pairs(history.order, history.product)
        basket, product = _cap_basket_size(basket, product, limits.max_order_products)
        customer = np.full(int(history.order.max(initial=-1)) + 1, GUEST)
        customer[history.order] = history.customer
        holding = np.bincount(product, minlength=history.products)
        runs = pairs_within_groups(basket, product, customer[basket], history.products)
        blocks = runs.blocks(self.pairs_per_block)
        return BlockPlan(
            _co_purchase_links, (runs, holding, limits), blocks, history.products, limits.neighbours_per_product
        )


def _co_purchase_links(block: range, runs: GroupRuns, holding: np.ndarray, limits: LearningLimits) -> ProductLinks:
    pairs = runs.pairs(block)
    backed = pairs.customers >= limits.min_customers
    anchor, other = pairs.anchor[backed], pairs.other[backed]
    size = holding[anchor] * holding[other].astype(np.float64) ** POPULARITY_EXPONENT
    return strongest_links(
        anchor, other, np.round(pairs.times[backed] / (size + DAMPING), 6), limits.neighbours_per_product
    )


def basket_share(weight: NDArray, one: NDArray, other: NDArray) -> NDArray:
    """What a weight says of two products of which so many baskets hold the one and so many the other: the share of the
    baskets with the one that hold both, damped."""
    return weight * (one * other.astype(np.float64) ** POPULARITY_EXPONENT + DAMPING) / (one + DAMPING)


def _cap_basket_size(order: np.ndarray, product: np.ndarray, cap: int) -> tuple[np.ndarray, np.ndarray]:
    """The first `cap` products of each order, in an arbitrary but fixed sequence that prefers no age of product."""
    shuffled = (product * 2_654_435_761) % 2**32
    rows = np.lexsort((product, shuffled, order))
    size = np.bincount(order, minlength=1)
    place = np.arange(len(rows)) - (np.cumsum(size) - size)[order[rows]]
    rows = np.sort(rows[place < cap])
    return order[rows], product[rows]


recommender = BoughtTogether()
