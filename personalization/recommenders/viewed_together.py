"""Which products the same customers look at on one day."""

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
    """Damped cosine over customers: who looked at both on one day / (sqrt(who looked at one x at the other) + 10).

    A customer counts once for a pair, on however many days and however often they looked. Days are those of UTC: a
    visit over midnight is two visits.
    """

    name = "viewed_together"

    def __init__(self, pairs_per_block: int = PAIRS_PER_BLOCK) -> None:
        self.pairs_per_block = pairs_per_block

    def plan(self, history: HistoryArrays, limits: LearningLimits) -> BlockPlan:
        looked = session_views(history.views, limits.max_order_products)
        viewers = customers_per_pair(history, looked.customer, looked.product)
        runs = pairs_within_groups(looked.session, looked.product, looked.customer, history.products)
        blocks = runs.blocks(self.pairs_per_block)
        return BlockPlan(
            _co_view_links, (runs, viewers, limits), blocks, history.products, limits.neighbours_per_product
        )


def _co_view_links(block: range, runs: GroupRuns, viewers: NDArray, limits: LearningLimits) -> ProductLinks:
    pairs = runs.pairs(block)
    backed = pairs.customers >= limits.min_customers
    anchor, other = pairs.anchor[backed], pairs.other[backed]
    closeness = damped_cosine(pairs.customers[backed], viewers[anchor], viewers[other])
    return strongest_links(anchor, other, closeness, limits.neighbours_per_product)


recommender = ViewedTogether()
