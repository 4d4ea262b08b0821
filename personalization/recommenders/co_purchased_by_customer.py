"""Which products the same customers choose, in one basket or in many."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from personalization.recommenders import BlockPlan, BlockRecommender, HistoryArrays, LearningLimits, ProductLinks
from personalization.recommenders._cooccurrence import damped_cosine, strongest_links
from personalization.recommenders._user_items import top_items_per_customer

ANCHORS_PER_BLOCK = 1_000
"""Bounds the memory of a fit."""


class CoPurchasedByCustomer(BlockRecommender):
    """Damped cosine over customers: customers of both / (sqrt(customers of one x of the other) + 10).

    Each customer speaks with their most bought products, as many as a basket may hold.
    """

    name = "co_purchased_by_customer"

    def __init__(self, anchors_per_block: int = ANCHORS_PER_BLOCK) -> None:
        self.anchors_per_block = anchors_per_block

    def plan(self, history: HistoryArrays, limits: LearningLimits) -> BlockPlan:
        customer, product, _ = top_items_per_customer(history, limits.max_order_products)
        shape = (int(customer.max(initial=-1)) + 1, history.products)
        chose = sparse.csr_matrix((np.ones(len(product), np.int32), (customer, product)), shape)
        customers = np.bincount(product, minlength=history.products)
        firsts = range(0, history.products, self.anchors_per_block)
        blocks = [range(first, min(first + self.anchors_per_block, history.products)) for first in firsts]
        return BlockPlan(
            _customer_links,
            (chose, chose.T.tocsr(), customers, limits),
            blocks,
            history.products,
            limits.neighbours_per_product,
        )


def _customer_links(
    block: range, chose: sparse.csr_matrix, by_product: sparse.csr_matrix, customers: NDArray, limits: LearningLimits
) -> ProductLinks:
    both = (by_product[block.start : block.stop] @ chose).tocoo()
    anchor, other = both.row.astype(np.int64) + block.start, both.col.astype(np.int64)
    backed = (both.data >= limits.min_customers) & (anchor != other)
    anchor, other, together = anchor[backed], other[backed], both.data[backed]
    order = np.lexsort((other, anchor))
    anchor, other, together = anchor[order], other[order], together[order]
    closeness = damped_cosine(together, customers[anchor], customers[other])
    return strongest_links(anchor, other, closeness, limits.neighbours_per_product)


recommender = CoPurchasedByCustomer()
