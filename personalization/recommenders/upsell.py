"""Something better of the same kind: dearer, and bought by the same customers."""

import numpy as np
from numpy.typing import NDArray

from personalization.recommenders import GUEST, History, InBlocks, Limits, Links, Plan
from personalization.recommenders._cooccurrence import (
    PAIRS_PER_BLOCK,
    Runs,
    closest,
    damped_cosine,
    latest_of_each_group,
    numbered,
    within_groups,
)

DEARER = 1.15
"""So many times the price at least: less is no step up."""
MUCH_DEARER = 2.0
"""So many times the price at most: more is another purchase."""


class Premium(InBlocks):
    """Damped cosine over customers who ever bought both, among dearer products of the same kind.

    The price says nothing of size: of a shop that sells one thing in several sizes the larger ones will be among them.
    """

    name = "upsell"

    def __init__(self, pairs_per_block: int = PAIRS_PER_BLOCK) -> None:
        self.pairs_per_block = pairs_per_block

    def plan(self, history: History, limits: Limits) -> Plan:
        kind, price = history.catalogue.kind, history.catalogue.price.astype(np.float64)
        priced = (kind >= 0) & (price > 0)
        lines = np.flatnonzero((history.customer != GUEST) & priced[history.product])
        shelf = history.customer[lines] * np.int64(kind.max(initial=0) + 1) + kind[history.product[lines]]
        rows = latest_of_each_group(shelf, history.product[lines], history.placed[lines], limits.basket_cap)
        shelf, customer, product = numbered(shelf[rows]), history.customer[lines][rows], history.product[lines][rows]
        buyers = np.bincount(product, minlength=history.products)
        runs = within_groups(shelf, product, customer, history.products)
        blocks = runs.blocks(self.pairs_per_block)
        return Plan(_links, (runs, price, buyers, limits), blocks, history.products, limits.neighbours)


def _links(block: range, runs: Runs, price: NDArray, buyers: NDArray, limits: Limits) -> Links:
    pairs = runs.pairs(block)
    dearer = np.round(price[pairs.other] / price[pairs.anchor], 6)
    kept = (pairs.customers >= limits.min_customers) & (dearer >= DEARER) & (dearer <= MUCH_DEARER)
    anchor, other = pairs.anchor[kept], pairs.other[kept]
    closeness = damped_cosine(pairs.customers[kept], buyers[anchor], buyers[other])
    return closest(anchor, other, closeness, limits.neighbours)


recommender = Premium()
