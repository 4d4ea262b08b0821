"""Similar texts in the catalogue (TF-IDF): known as soon as a product is added, before anybody buys it."""

import numpy as np

from personalization.recommenders import BlockPlan, BlockRecommender, HistoryArrays, LearningLimits, ProductLinks
from personalization.recommenders._cooccurrence import strongest_links
from personalization.recommenders._tfidf import PAIRS_PER_BLOCK, TfidfTexts, vectorize_texts

SAME_CATEGORY_WEIGHT = 0.2
"""The weight of a common category; the rest is the text's."""


class ContentSimilarity(BlockRecommender):
    """0.8 x TF-IDF cosine of title, description and attribute values + 0.2 where both have the same leaf category."""

    name = "content_similarity"

    def __init__(self, pairs_per_block: int = PAIRS_PER_BLOCK) -> None:
        self.pairs_per_block = pairs_per_block

    def plan(self, history: HistoryArrays, limits: LearningLimits) -> BlockPlan:
        texts = vectorize_texts(history.catalogue)
        blocks = texts.blocks(self.pairs_per_block)
        return BlockPlan(_similarity_links, (texts, limits), blocks, history.products, limits.neighbours_per_product)


def _similarity_links(block: range, texts: TfidfTexts, limits: LearningLimits) -> ProductLinks:
    bonus = SAME_CATEGORY_WEIGHT / (1 - SAME_CATEGORY_WEIGHT)
    anchor, other, cosine = texts.similar_pairs(block, limits.neighbours_per_product, bonus)
    same_category = (texts.leaf_category[anchor] >= 0) & (texts.leaf_category[anchor] == texts.leaf_category[other])
    closeness = np.round((1 - SAME_CATEGORY_WEIGHT) * cosine + SAME_CATEGORY_WEIGHT * same_category, 6)
    return strongest_links(anchor, other, closeness, limits.neighbours_per_product)


recommender = ContentSimilarity()
