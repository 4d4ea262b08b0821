"""Products that can stand in for one that is not available: of its leaf category, like it in text and price."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.recommenders import (
    DAY,
    BlockPlan,
    BlockRecommender,
    CatalogueArrays,
    HistoryArrays,
    LearningLimits,
    ProductLinks,
)
from personalization.recommenders._cooccurrence import strongest_links
from personalization.recommenders._tfidf import PAIRS_PER_BLOCK, TfidfTexts, vectorize_texts

PRICE_RATIO = 1.25
"""The dearer of two substitutes costs at most this many times the other."""
TEXT_WEIGHT = 0.7
"""The weight of the texts in the similarity; the rest is the prices'."""


class Substitutes(BlockRecommender):
    """Products of one leaf category and a similar price: the most similar first, then the best-selling.

    The similarity is 0.7 x TF-IDF cosine of the texts + 0.3 x closeness of the prices, to two digits, so that sales
    decide between products that look alike. The weight holds both: the similarity in its first two digits.
    """

    name = "substitutes"

    def __init__(self, pairs_per_block: int = PAIRS_PER_BLOCK) -> None:
        self.pairs_per_block = pairs_per_block

    def plan(self, history: HistoryArrays, limits: LearningLimits) -> BlockPlan:
        texts, price, popular = (
            _texts_within_categories(history.catalogue),
            history.catalogue.price,
            _popularity(history, limits),
        )
        blocks = texts.blocks(self.pairs_per_block)
        return BlockPlan(
            _substitute_links, (texts, price, popular, limits), blocks, history.products, limits.neighbours_per_product
        )


def _texts_within_categories(catalogue: CatalogueArrays) -> TfidfTexts:
    if "texts_within_categories" not in catalogue.derived:
        catalogue.derived["texts_within_categories"] = vectorize_texts(catalogue).within_categories()
    texts: TfidfTexts = catalogue.derived["texts_within_categories"]
    return texts


def _substitute_links(
    block: range, texts: TfidfTexts, price: NDArray[Any], popular: NDArray[Any], limits: LearningLimits
) -> ProductLinks:
    anchor, other, cosine = texts.similar_pairs(block)
    closeness = _price_closeness(price, anchor, other)
    similarity = np.round(TEXT_WEIGHT * cosine + (1 - TEXT_WEIGHT) * closeness, 2)
    weight = np.round((100 * similarity + popular[other]) / 101, 6)
    same_category = (texts.leaf_category[anchor] >= 0) & (texts.leaf_category[anchor] == texts.leaf_category[other])
    fits = same_category & (closeness >= 0) & (weight > 0)
    return strongest_links(anchor[fits], other[fits], weight[fits], limits.neighbours_per_product)


def _price_closeness(price: NDArray[Any], anchor: NDArray[Any], other: NDArray[Any]) -> NDArray[np.float64]:
    """1 for the same price, 0 at PRICE_RATIO, negative beyond it; -1 where a product has no price."""
    priced = (price[anchor] > 0) & (price[other] > 0)
    log_price = np.log(np.where(price > 0, price, 1).astype(np.float64))
    distance = np.abs(log_price[anchor] - log_price[other])
    return np.where(priced, np.round(1 - distance / np.log(PRICE_RATIO), 6), -1)


def _popularity(history: HistoryArrays, limits: LearningLimits) -> NDArray[np.float64]:
    """Recent sales on a logarithmic scale, in 0..1, shape (products,): 0 for what too few customers bought."""
    recent = history.ordered_at > history.now - limits.popularity_window_days * DAY
    sold: NDArray[np.float64] = np.log1p(history.purchases_with_support(recent, limits.min_customers))
    return sold / max(float(sold.max(initial=0)), 1)


recommender = Substitutes()
