"""What does the same job for about the same money, when a product cannot be had."""

import numpy as np
from numpy.typing import NDArray

from personalization.recommenders import DAY, BlockPlan, BlockRecommender, HistoryArrays, LearningLimits, ProductLinks
from personalization.recommenders._cooccurrence import strongest_links
from personalization.recommenders._tfidf import PAIRS_PER_BLOCK, TfidfTexts, vectorize_texts

PRICE_RATIO = 1.25
"""Neither product costs more than so many times the other."""
TEXT_WEIGHT = 0.7
"""How much of the likeness is the words; the rest is how close the prices are."""


class Substitutes(BlockRecommender):
    """Products of the same kind and a similar price: the most alike first, then the best-selling.

    Likeness is 0.7 x cosine of the texts + 0.3 x closeness of the prices, to two digits, so that what sells decides
    between products that are alike to the eye. Both are in the weight: likeness in its first two digits.
    """

    name = "substitutes"

    def __init__(self, pairs_per_block: int = PAIRS_PER_BLOCK) -> None:
        self.pairs_per_block = pairs_per_block

    def plan(self, history: HistoryArrays, limits: LearningLimits) -> BlockPlan:
        texts, price, popular = (
            vectorize_texts(history.catalogue),
            history.catalogue.price,
            _popularity(history, limits),
        )
        blocks = texts.blocks(self.pairs_per_block)
        return BlockPlan(
            _substitute_links, (texts, price, popular, limits), blocks, history.products, limits.neighbours_per_product
        )


def _substitute_links(
    block: range, texts: TfidfTexts, price: NDArray, popular: NDArray, limits: LearningLimits
) -> ProductLinks:
    anchor, other, cosine = texts.similar_pairs(block)
    close = _price_closeness(price, anchor, other)
    likeness = np.round(TEXT_WEIGHT * cosine + (1 - TEXT_WEIGHT) * close, 2)
    weight = np.round((100 * likeness + popular[other]) / 101, 6)
    same_kind = (texts.leaf_category[anchor] >= 0) & (texts.leaf_category[anchor] == texts.leaf_category[other])
    fits = same_kind & (close >= 0) & (weight > 0)
    return strongest_links(anchor[fits], other[fits], weight[fits], limits.neighbours_per_product)


def _price_closeness(price: NDArray, anchor: NDArray, other: NDArray) -> NDArray[np.float64]:
    """1 for the same price, 0 at PRICE_RATIO, negative beyond it; -1 where a product has no price."""
    priced = (price[anchor] > 0) & (price[other] > 0)
    magnitude = np.log(np.where(price > 0, price, 1).astype(np.float64))
    apart = np.abs(magnitude[anchor] - magnitude[other])
    return np.where(priced, np.round(1 - apart / np.log(PRICE_RATIO), 6), -1)


def _popularity(history: HistoryArrays, limits: LearningLimits) -> NDArray[np.float64]:
    """0..1: 1 for what sold most lately, 0 for what too few customers bought."""
    lately = history.ordered_at > history.now - limits.popularity_window_days * DAY
    sold = np.log1p(history.purchases_with_support(lately, limits.min_customers))
    return sold / max(sold.max(initial=0), 1)


recommender = Substitutes()
