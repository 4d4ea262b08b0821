"""Which products the same customers look at on one day."""

from personalization.recommenders import History, Limits, Neighbours
from personalization.recommenders._looks import customers_of, looks
from personalization.recommenders._pairs import (
    PAIRS_PER_BLOCK,
    damped_cosine,
    keep_strongest,
    no_neighbours,
    within_groups,
)


class ViewedTogether:
    """Damped cosine over customers: who looked at both on one day / (sqrt(who looked at one x at the other) + 10).

    A customer counts once for a pair, on however many days and however often they looked. Days are those of UTC: a
    visit over midnight is two visits.
    """

    name = "viewed_together"

    def __init__(self, pairs_per_block: int = PAIRS_PER_BLOCK) -> None:
        self.pairs_per_block = pairs_per_block

    def fit(self, history: History, limits: Limits) -> Neighbours:
        looked = looks(history.views, limits.basket_cap)
        viewers = customers_of(history, looked.customer, looked.product)
        runs = within_groups(looked.sitting, looked.product, looked.customer, history.products)
        near = no_neighbours(history, limits)
        for pairs in runs.pairs(self.pairs_per_block):
            backed = pairs.customers >= limits.min_customers
            anchor, other = pairs.anchor[backed], pairs.other[backed]
            closeness = damped_cosine(pairs.customers[backed], viewers[anchor], viewers[other])
            keep_strongest(near, anchor, other, closeness)
        return near


recommender = ViewedTogether()
