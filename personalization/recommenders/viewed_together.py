"""Which products the same customers look at on one day."""

from numpy.typing import NDArray

from personalization.recommenders import History, InBlocks, Limits, Links, Plan
from personalization.recommenders._cooccurrence import (
    PAIRS_PER_BLOCK,
    Runs,
    closest,
    damped_cosine,
    within_groups,
)
from personalization.recommenders._view_sessions import customers_of, looks


class ViewedTogether(InBlocks):
    """Damped cosine over customers: who looked at both on one day / (sqrt(who looked at one x at the other) + 10).

    A customer counts once for a pair, on however many days and however often they looked. Days are those of UTC: a
    visit over midnight is two visits.
    """

    name = "viewed_together"

    def __init__(self, pairs_per_block: int = PAIRS_PER_BLOCK) -> None:
        self.pairs_per_block = pairs_per_block

    def plan(self, history: History, limits: Limits) -> Plan:
        looked = looks(history.views, limits.basket_cap)
        viewers = customers_of(history, looked.customer, looked.product)
        runs = within_groups(looked.sitting, looked.product, looked.customer, history.products)
        blocks = runs.blocks(self.pairs_per_block)
        return Plan(_links, (runs, viewers, limits), blocks, history.products, limits.neighbours)


def _links(block: range, runs: Runs, viewers: NDArray, limits: Limits) -> Links:
    pairs = runs.pairs(block)
    backed = pairs.customers >= limits.min_customers
    anchor, other = pairs.anchor[backed], pairs.other[backed]
    closeness = damped_cosine(pairs.customers[backed], viewers[anchor], viewers[other])
    return closest(anchor, other, closeness, limits.neighbours)


recommender = ViewedTogether()
