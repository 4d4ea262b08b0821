"""Item-kNN over orders: which products are bought in the same order."""

from typing import Any

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
    cap_basket_size,
    pairs_within_groups,
    strongest_links,
)

POPULARITY_EXPONENT = 0.25
"""How far the popularity of the neighbour counts against it: with 0 bestsellers go with everything, with 1 rarities do.
Chosen by basket completion; see docs/evaluation.md."""


class BoughtTogether(BlockRecommender):
    """Orders with both / (orders with the anchor x orders with the neighbour ** 0.25 + 10).

    References
    ----------
    M. Deshpande, G. Karypis: Item-based top-N recommendation algorithms. ACM TOIS 22(1), 2004.
    """

    name = "bought_together"

    def __init__(self, pairs_per_block: int = PAIRS_PER_BLOCK) -> None:
        self.pairs_per_block = pairs_per_block

    def plan(self, history: HistoryArrays, limits: LearningLimits) -> BlockPlan:
        basket, product = distinct_pairs(history.order, history.product)
        basket, product = cap_basket_size(basket, product, limits.max_order_products)
        customer = np.full(int(history.order.max(initial=-1)) + 1, GUEST)
        customer[history.order] = history.customer
        order_count = np.bincount(product, minlength=history.products)
        runs = pairs_within_groups(basket, product, customer[basket], history.established, history.products)
        blocks = runs.blocks(self.pairs_per_block)
        return BlockPlan(
            _co_purchase_links, (runs, order_count, limits), blocks, history.products, limits.neighbours_per_product
        )


def _co_purchase_links(block: range, runs: GroupRuns, order_count: np.ndarray, limits: LearningLimits) -> ProductLinks:
    pairs = runs.pairs(block)
    supported = pairs.customers >= limits.min_customers
    anchor, other = pairs.anchor[supported], pairs.other[supported]
    size = order_count[anchor] * order_count[other].astype(np.float64) ** POPULARITY_EXPONENT
    return strongest_links(
        anchor, other, np.round(pairs.times[supported] / (size + DAMPING), 6), limits.neighbours_per_product
    )


def basket_share(weight: NDArray[Any], one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """The damped share of the orders with the anchor that hold the neighbour, too, from the weight of the pair.

    Parameters
    ----------
    weight : as learned. one, other : the numbers of orders with the anchor and with the neighbour. All of one shape.
    """
    return weight * (one * other.astype(np.float64) ** POPULARITY_EXPONENT + DAMPING) / (one + DAMPING)


recommender = BoughtTogether()
