"""Something better of the same kind: dearer, and bought by the same customers."""

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
"""So many times the price at least: less is no step up."""
MAX_PRICE_RATIO = 2.0
"""So many times the price at most: more is another purchase."""


class Upsell(BlockRecommender):
    """Damped cosine over customers who ever bought both, among dearer products of the same kind.

    The price says nothing of size: of a shop that sells one thing in several sizes the larger ones will be among them.
    """

    name = "upsell"

    def __init__(self, pairs_per_block: int = PAIRS_PER_BLOCK) -> None:
        self.pairs_per_block = pairs_per_block

    def plan(self, history: HistoryArrays, limits: LearningLimits) -> BlockPlan:
        kind, price = history.catalogue.leaf_category, history.catalogue.price.astype(np.float64)
        priced = (kind >= 0) & (price > 0)
        lines = np.flatnonzero((history.customer != GUEST) & priced[history.product])
        shelf = history.customer[lines] * np.int64(kind.max(initial=0) + 1) + kind[history.product[lines]]
        rows = latest_of_each_group(shelf, history.product[lines], history.ordered_at[lines], limits.max_order_products)
        shelf, customer, product = (
            number_groups(shelf[rows]),
            history.customer[lines][rows],
            history.product[lines][rows],
        )
        buyers = np.bincount(product, minlength=history.products)
        runs = pairs_within_groups(shelf, product, customer, history.products)
        blocks = runs.blocks(self.pairs_per_block)
        return BlockPlan(
            _upsell_links, (runs, price, buyers, limits), blocks, history.products, limits.neighbours_per_product
        )


def _upsell_links(
    block: range, runs: GroupRuns, price: NDArray, buyers: NDArray, limits: LearningLimits
) -> ProductLinks:
    pairs = runs.pairs(block)
    dearer = np.round(price[pairs.other] / price[pairs.anchor], 6)
    kept = (pairs.customers >= limits.min_customers) & (dearer >= MIN_PRICE_RATIO) & (dearer <= MAX_PRICE_RATIO)
    anchor, other = pairs.anchor[kept], pairs.other[kept]
    closeness = damped_cosine(pairs.customers[kept], buyers[anchor], buyers[other])
    return strongest_links(anchor, other, closeness, limits.neighbours_per_product)


recommender = Upsell()
