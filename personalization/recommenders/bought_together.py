"""Which products lie in the same baskets."""

import numpy as np

from personalization.recommenders import GUEST, History, Limits, Neighbours, distinct
from personalization.recommenders._pairs import DAMPING, keep_strongest, no_neighbours, within_groups

PAIRS_PER_BLOCK = 1_000_000
"""Bounds the memory of a fit: about 100 bytes a pair."""


OTHERS_WEIGHT = 0.25
"""How far the other product's own frequency counts against it: 0 would recommend milk with everything, 1 oddities.
Chosen by what completed baskets: see docs/evaluation.md."""


class BoughtTogether:
    """How often a basket with one product holds the other, damped: both / (one x other ** 0.25 + 10), in baskets.

    The work is done in blocks of products; the size of a block changes nothing in the result.
    """

    name = "bought_together"

    def __init__(self, pairs_per_block: int = PAIRS_PER_BLOCK) -> None:
        self.pairs_per_block = pairs_per_block

    def fit(self, history: History, limits: Limits) -> Neighbours:
        basket, product = distinct(history.order, history.product)
        basket, product = _capped(basket, product, limits.basket_cap)
        customer = np.full(int(history.order.max(initial=-1)) + 1, GUEST)
        customer[history.order] = history.customer
        holding = np.bincount(product, minlength=history.products)
        near = no_neighbours(history, limits)
        runs = within_groups(basket, product, customer[basket], history.products)
        for pairs in runs.pairs(self.pairs_per_block):
            backed = pairs.customers >= limits.min_customers
            anchor, other = pairs.anchor[backed], pairs.other[backed]
            size = holding[anchor] * holding[other].astype(np.float64) ** OTHERS_WEIGHT
            keep_strongest(near, anchor, other, np.round(pairs.times[backed] / (size + DAMPING), 6))
        return near


def _capped(order: np.ndarray, product: np.ndarray, cap: int) -> tuple[np.ndarray, np.ndarray]:
    """The first `cap` products of each order, in an arbitrary but fixed sequence that prefers no age of product."""
    shuffled = (product * 2_654_435_761) % 2**32
    rows = np.lexsort((product, shuffled, order))
    size = np.bincount(order, minlength=1)
    place = np.arange(len(rows)) - (np.cumsum(size) - size)[order[rows]]
    rows = np.sort(rows[place < cap])
    return order[rows], product[rows]


recommender = BoughtTogether()
