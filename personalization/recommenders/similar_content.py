"""What reads alike in the catalogue: known on the day that a product is added, before anyone has bought it."""

import numpy as np

from personalization.recommenders import History, Limits, Neighbours
from personalization.recommenders._pairs import keep_strongest, no_neighbours
from personalization.recommenders._words import PAIRS_PER_BLOCK, alike

SAME_KIND = 0.2
"""How much of the weight the category is worth; the rest is the words."""


class SimilarContent:
    """0.8 x cosine of title, description and attribute values (TF-IDF) + 0.2 when both are of the same kind."""

    name = "similar_content"

    def __init__(self, pairs_per_block: int = PAIRS_PER_BLOCK) -> None:
        self.pairs_per_block = pairs_per_block

    def fit(self, history: History, limits: Limits) -> Neighbours:
        kind = history.catalogue.kind
        near = no_neighbours(history, limits)
        for anchor, other, cosine in alike(history.catalogue, self.pairs_per_block):
            same_kind = (kind[anchor] >= 0) & (kind[anchor] == kind[other])
            closeness = np.round((1 - SAME_KIND) * cosine + SAME_KIND * same_kind, 6)
            keep_strongest(near, anchor, other, closeness)
        return near


recommender = SimilarContent()
