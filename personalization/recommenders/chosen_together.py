"""Which products the same customers choose, in one basket or in many."""

import numpy as np
from scipy import sparse

from personalization.recommenders import History, Limits, Neighbours
from personalization.recommenders._pairs import damped_cosine, keep_strongest, no_neighbours
from personalization.recommenders._tastes import strongest

ANCHORS_PER_BLOCK = 1_000
"""Bounds the memory of a fit."""


class ChosenTogether:
    """Damped cosine over customers: customers of both / (sqrt(customers of one x of the other) + 10).

    Each customer speaks with their most bought products, as many as a basket may hold. The work is done in blocks of
    products; the size of a block changes nothing in the result.
    """

    name = "chosen_together"

    def __init__(self, anchors_per_block: int = ANCHORS_PER_BLOCK) -> None:
        self.anchors_per_block = anchors_per_block

    def fit(self, history: History, limits: Limits) -> Neighbours:
        customer, product, _ = strongest(history, limits.basket_cap)
        neighbours = no_neighbours(history, limits)
        shape = (int(customer.max(initial=-1)) + 1, history.products)
        chose = sparse.csr_matrix((np.ones(len(product), np.int32), (customer, product)), shape)
        by_product = chose.T.tocsr()
        customers = np.bincount(product, minlength=history.products)
        for first in range(0, history.products, self.anchors_per_block):
            both = (by_product[first : first + self.anchors_per_block] @ chose).tocoo()
            anchor, other = both.row.astype(np.int64) + first, both.col.astype(np.int64)
            backed = (both.data >= limits.min_customers) & (anchor != other)
            anchor, other, together = anchor[backed], other[backed], both.data[backed]
            order = np.lexsort((other, anchor))
            anchor, other, together = anchor[order], other[order], together[order]
            closeness = damped_cosine(together, customers[anchor], customers[other])
            keep_strongest(neighbours, anchor, other, closeness)
        return neighbours


recommender = ChosenTogether()
