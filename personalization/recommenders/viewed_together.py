"""Item-kNN over view sessions: which products the same customers view on one day."""

from typing import Any

from numpy.typing import NDArray

from personalization.recommenders import BlockPlan, BlockRecommender, HistoryArrays, LearningLimits, ProductLinks
from personalization.recommenders._cooccurrence import (
    PAIRS_PER_BLOCK,
    GroupRuns,
    damped_cosine,
    pairs_within_groups,
    strongest_links,
)
from personalization.recommenders._view_sessions import customers_per_pair, session_views


class ViewedTogether(BlockRecommender):
    """Damped cosine: customers who viewed both on one day / (sqrt(viewers of one x viewers of the other) + 10).

    A customer counts once for a pair. Days are those of UTC: a visit over midnight is two sessions.
    """

    name = "viewed_together"

    def __init__(self, pairs_per_block: int = PAIRS_PER_BLOCK) -> None:
        self.pairs_per_block = pairs_per_block

    def plan(self, history: HistoryArrays, limits: LearningLimits) -> BlockPlan:
        sessions = session_views(history.views, limits.max_order_products)
        viewers = customers_per_pair(history, sessions.customer, sessions.product)
        runs = pairs_within_groups(
            sessions.session, sessions.product, sessions.customer, history.established, history.products
        )
        blocks = runs.blocks(self.pairs_per_block)
        return BlockPlan(
            _co_view_links, (runs, viewers, limits), blocks, history.products, limits.neighbours_per_product
        )


def _co_view_links(block: range, runs: GroupRuns, viewers: NDArray[Any], limits: LearningLimits) -> ProductLinks:
    pairs = runs.pairs(block)
    supported = pairs.customers >= limits.min_customers
    anchor, other = pairs.anchor[supported], pairs.other[supported]
    closeness = damped_cosine(pairs.customers[supported], viewers[anchor], viewers[other])
    return strongest_links(anchor, other, closeness, limits.neighbours_per_product)


recommender = ViewedTogether()
