"""Which products lie in the same baskets."""

import numpy as np
from numpy.typing import NDArray

from personalization.recommenders import GUEST, History, InBlocks, Limits, Links, Plan, distinct
from personalization.recommenders._cooccurrence import DAMPING, PAIRS_PER_BLOCK, Runs, closest, within_groups

OTHERS_WEIGHT = 0.25
"""How far the other product's own frequency counts against it: 0 would recommend milk with everything, 1 oddities.
Chosen by what completed baskets: see docs/evaluation.md."""


class BoughtTogether(InBlocks):
    """How often a basket with one product holds the other, damped: both / (one x other ** 0.25 + 10), in baskets."""

    name = "bought_together"

    def __init__(self, pairs_per_block: int = PAIRS_PER_BLOCK) -> None:
        self.pairs_per_block = pairs_per_block

    def plan(self, history: History, limits: Limits) -> Plan:
        basket, product = distinct(history.order, history.product)
        basket, product = _capped(basket, product, limits.basket_cap)
        customer = np.full(int(history.order.max(initial=-1)) + 1, GUEST)
        customer[history.order] = history.customer
        holding = np.bincount(product, minlength=history.products)
        runs = within_groups(basket, product, customer[basket], history.products)
        blocks = runs.blocks(self.pairs_per_block)
        return Plan(_links, (runs, holding, limits), blocks, history.products, limits.neighbours)


def _links(block: range, runs: Runs, holding: np.ndarray, limits: Limits) -> Links:
    pairs = runs.pairs(block)
    backed = pairs.customers >= limits.min_customers
    anchor, other = pairs.anchor[backed], pairs.other[backed]
    size = holding[anchor] * holding[other].astype(np.float64) ** OTHERS_WEIGHT
    return closest(anchor, other, np.round(pairs.times[backed] / (size + DAMPING), 6), limits.neighbours)


def share_of_baskets(weight: NDArray, one: NDArray, other: NDArray) -> NDArray:
    """What a weight says of two products of which so many baskets hold the one and so many the other: the share of the
    baskets with the one that hold both, damped."""
    return weight * (one * other.astype(np.float64) ** OTHERS_WEIGHT + DAMPING) / (one + DAMPING)


def _capped(order: np.ndarray, product: np.ndarray, cap: int) -> tuple[np.ndarray, np.ndarray]:
    """The first `cap` products of each order, in an arbitrary but fixed sequence that prefers no age of product."""
    shuffled = (product * 2_654_435_761) % 2**32
    rows = np.lexsort((product, shuffled, order))
    size = np.bincount(order, minlength=1)
    place = np.arange(len(rows)) - (np.cumsum(size) - size)[order[rows]]
    rows = np.sort(rows[place < cap])
    return order[rows], product[rows]


recommender = BoughtTogether()
