"""What does the same job for about the same money, when a product cannot be had."""

import numpy as np
from numpy.typing import NDArray

from personalization.recommenders import DAY, History, Limits, Neighbours
from personalization.recommenders._pairs import keep_strongest, no_neighbours
from personalization.recommenders._words import PAIRS_PER_BLOCK, alike

PRICE_RATIO = 1.25
"""Neither product costs more than so many times the other."""
WORDS = 0.7
"""How much of the likeness is the words; the rest is how close the prices are."""


class Substitutes:
    """Products of the same kind and a similar price: the most alike first, then the best-selling.

    Likeness is 0.7 x cosine of the texts + 0.3 x closeness of the prices, to two digits, so that what sells decides
    between products that are alike to the eye. Both are in the weight: likeness in its first two digits.
    """

    name = "substitutes"

    def __init__(self, pairs_per_block: int = PAIRS_PER_BLOCK) -> None:
        self.pairs_per_block = pairs_per_block

    def fit(self, history: History, limits: Limits) -> Neighbours:
        kind, popular = history.catalogue.kind, _popularity(history, limits)
        near = no_neighbours(history, limits)
        for anchor, other, cosine in alike(history.catalogue, self.pairs_per_block):
            close = _price_closeness(history.catalogue.price, anchor, other)
            likeness = np.round(WORDS * cosine + (1 - WORDS) * close, 2)
            weight = np.round((100 * likeness + popular[other]) / 101, 6)
            fits = (kind[anchor] >= 0) & (kind[anchor] == kind[other]) & (close >= 0) & (weight > 0)
            keep_strongest(near, anchor[fits], other[fits], weight[fits])
        return near


def _price_closeness(price: NDArray, anchor: NDArray, other: NDArray) -> NDArray[np.float64]:
    """1 for the same price, 0 at PRICE_RATIO, negative beyond it; -1 where a product has no price."""
    priced = (price[anchor] > 0) & (price[other] > 0)
    magnitude = np.log(np.where(price > 0, price, 1).astype(np.float64))
    apart = np.abs(magnitude[anchor] - magnitude[other])
    return np.where(priced, np.round(1 - apart / np.log(PRICE_RATIO), 6), -1)


def _popularity(history: History, limits: Limits) -> NDArray[np.float64]:
    """0..1: 1 for what sold most lately, 0 for what too few customers bought."""
    lately = history.placed > history.now - limits.popular_days * DAY
    sold = np.log1p(history.backed_purchases(lately, limits.min_customers))
    return sold / max(sold.max(initial=0), 1)


recommender = Substitutes()
