"""What reads alike in the catalogue: known on the day that a product is added, before anyone has bought it."""

import numpy as np

from personalization.recommenders import History, InBlocks, Limits, Links, Plan
from personalization.recommenders._cooccurrence import closest
from personalization.recommenders._tfidf import PAIRS_PER_BLOCK, Texts, texts_of

SAME_KIND = 0.2
"""How much of the weight the category is worth; the rest is the words."""


class SimilarContent(InBlocks):
    """0.8 x cosine of title, description and attribute values (TF-IDF) + 0.2 when both are of the same kind."""

    name = "content_similarity"

    def __init__(self, pairs_per_block: int = PAIRS_PER_BLOCK) -> None:
        self.pairs_per_block = pairs_per_block

    def plan(self, history: History, limits: Limits) -> Plan:
        texts = texts_of(history.catalogue)
        blocks = texts.blocks(self.pairs_per_block)
        return Plan(_links, (texts, limits), blocks, history.products, limits.neighbours)


def _links(block: range, texts: Texts, limits: Limits) -> Links:
    anchor, other, cosine = texts.alike(block)
    same_kind = (texts.kind[anchor] >= 0) & (texts.kind[anchor] == texts.kind[other])
    closeness = np.round((1 - SAME_KIND) * cosine + SAME_KIND * same_kind, 6)
    return closest(anchor, other, closeness, limits.neighbours)


recommender = SimilarContent()
