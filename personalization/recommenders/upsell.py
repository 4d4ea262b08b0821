"""Dearer products of the same leaf category that the same customers buy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.recommenders import GUEST, BlockPlan, BlockRecommender, HistoryArrays, LearningLimits, ProductLinks
from personalization.recommenders._cooccurrence import (
    PAIRS_PER_BLOCK,
    GroupRuns,
    damped_cosine,
    latest_of_each_group,
    number_groups,
    pairs_within_groups,
    strongest_links,
)

MIN_PRICE_RATIO = 1.15
"""With less than this multiple of the price a product is no upgrade."""
MAX_PRICE_RATIO = 2.0
"""With more than this multiple of the price it is another kind of purchase."""


class Upsell(BlockRecommender):
    """Damped cosine over the customers of both, among dearer products of the same leaf category.

    Weak spot: a price says nothing about size, so where a shop sells a product in several sizes, the larger ones are
    among its upgrades.
    """

    name = "upsell"

    def __init__(self, pairs_per_block: int = PAIRS_PER_BLOCK) -> None:
        self.pairs_per_block = pairs_per_block

    def plan(self, history: HistoryArrays, limits: LearningLimits) -> BlockPlan:
        category, price = history.catalogue.leaf_category, history.catalogue.price.astype(np.float64)
        priced = (category >= 0) & (price > 0)
        lines = np.flatnonzero((history.customer != GUEST) & priced[history.product])
        group = history.customer[lines] * np.int64(category.max(initial=0) + 1) + category[history.product[lines]]
        rows = latest_of_each_group(group, history.product[lines], history.ordered_at[lines], limits.max_order_products)
        group, customer, product = (
            number_groups(group[rows]),
            history.customer[lines][rows],
            history.product[lines][rows],
        )
        buyers = np.bincount(product, minlength=history.products)
        runs = pairs_within_groups(group, product, customer, history.established, history.products)
        blocks = runs.blocks(self.pairs_per_block)
        return BlockPlan(
            _upsell_links, (runs, price, buyers, limits), blocks, history.products, limits.neighbours_per_product
        )


def _upsell_links(
    block: range, runs: GroupRuns, price: NDArray[Any], buyers: NDArray[Any], limits: LearningLimits
) -> ProductLinks:
    pairs = runs.pairs(block)
    ratio = np.round(price[pairs.other] / price[pairs.anchor], 6)
    kept = (pairs.customers >= limits.min_customers) & (ratio >= MIN_PRICE_RATIO) & (ratio <= MAX_PRICE_RATIO)
    anchor, other = pairs.anchor[kept], pairs.other[kept]
    closeness = damped_cosine(pairs.customers[kept], buyers[anchor], buyers[other])
    return strongest_links(anchor, other, closeness, limits.neighbours_per_product)


recommender = Upsell()
