"""Similar texts in the catalogue (TF-IDF): known as soon as a product is added, before anybody buys it."""

import numpy as np
from numpy.typing import NDArray

from personalization.recommenders import (
    BlockPlan,
    BlockRecommender,
    CatalogueArrays,
    HistoryArrays,
    LearningLimits,
    ProductLinks,
)
from personalization.recommenders._cooccurrence import strongest_links
from personalization.recommenders._known_links import KnownLinks, join_links
from personalization.recommenders._tfidf import PAIRS_PER_BLOCK, SimilarPairs, TfidfTexts, weigh_texts

SAME_CATEGORY_WEIGHT = 0.2
"""The weight of a common category; the rest is the text's."""


class ContentSimilarity(BlockRecommender):
    """0.8 x TF-IDF cosine of title, description and attribute values + 0.2 where both have the same leaf category.

    Where the catalogue has what an earlier run learned from the texts, only what changed is compared: with all others,
    and those of whom it was a neighbour. The links are the very ones that comparing all would give, with the words
    weighed as they were.
    """

    name = "content_similarity"

    def __init__(self, pairs_per_block: int = PAIRS_PER_BLOCK) -> None:
        self.pairs_per_block = pairs_per_block

    def plan(self, history: HistoryArrays, limits: LearningLimits) -> BlockPlan:
        texts, known = weigh_texts(history.catalogue).texts, _known_links(history.catalogue, limits)
        blocks = texts.blocks(self.pairs_per_block, known)
        return BlockPlan(
            _similarity_links, (texts, known, limits), blocks, history.products, limits.neighbours_per_product
        )


def _known_links(catalogue: CatalogueArrays, limits: LearningLimits) -> KnownLinks:
    weighed, kept = weigh_texts(catalogue), catalogue.kept_texts
    if kept is None or weighed.changed is None or kept.links.index.shape[1] != limits.neighbours_per_product:
        return KnownLinks.nothing(weighed.texts.terms)
    return KnownLinks.after_changes(kept.links, weighed.texts.terms, weighed.changed)


def _similarity_links(block: range, texts: TfidfTexts, known: KnownLinks, limits: LearningLimits) -> ProductLinks:
    products, width = np.arange(block.start, block.stop), limits.neighbours_per_product
    anew, others = products[known.is_open[products]], products[~known.is_open[products]]
    bonus = SAME_CATEGORY_WEIGHT / (1 - SAME_CATEGORY_WEIGHT)
    anchor, other, cosine = texts.similar_pairs(anew, width, bonus)
    found = strongest_links(anchor, other, _text_closeness(texts, (anchor, other, cosine)), width)
    return join_links([found, *_updated_links(others, texts, known, width)]) if len(others) else found


def _updated_links(products: NDArray[np.int64], texts: TfidfTexts, known: KnownLinks, width: int) -> list[ProductLinks]:
    """The links of products that need not be compared with all: those that still hold, and those with what changed."""
    pairs = texts.pairs_with_changed(products, known)
    anchor, other, closeness = pairs[0], pairs[1], _text_closeness(texts, pairs)
    near = closeness.astype(np.float32) >= known.farthest(anchor)
    gained = np.unique(anchor[near])
    still = known.links(gained)
    anchor, other = np.concatenate([anchor[near], still.anchor]), np.concatenate([other[near], still.other])
    closeness = np.concatenate([closeness[near], still.weight.astype(np.float64)])
    rows = np.lexsort((other, anchor))
    return [
        known.links(np.setdiff1d(products, gained, assume_unique=True)),
        strongest_links(anchor[rows], other[rows], closeness[rows], width),
    ]


def _text_closeness(texts: TfidfTexts, pairs: SimilarPairs) -> NDArray[np.float64]:
    anchor, other, cosine = pairs
    same_category = (texts.leaf_category[anchor] >= 0) & (texts.leaf_category[anchor] == texts.leaf_category[other])
    closeness: NDArray[np.float64] = (1 - SAME_CATEGORY_WEIGHT) * cosine + SAME_CATEGORY_WEIGHT * same_category
    return np.round(closeness, 6)


recommender = ContentSimilarity()
