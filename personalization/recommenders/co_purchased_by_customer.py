"""Item-kNN over customers: which products the same customers buy, in one order or in several."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.recommenders import BlockPlan, BlockRecommender, HistoryArrays, LearningLimits, ProductLinks
from personalization.recommenders._cooccurrence import damped_cosine, strongest_links
from personalization.recommenders._user_items import UserItems, top_items_per_customer

ANCHORS_PER_BLOCK = 1_000
"""Bounds the memory of a fit."""


class CoPurchasedByCustomer(BlockRecommender):
    """Damped cosine: customers of both / (sqrt(customers of one x customers of the other) + 10).

    Only the products that a customer bought most count, as many as of one order at most.

    References
    ----------
    M. Deshpande, G. Karypis: Item-based top-N recommendation algorithms. ACM TOIS 22(1), 2004.
    """

    name = "co_purchased_by_customer"

    def __init__(self, anchors_per_block: int = ANCHORS_PER_BLOCK) -> None:
        self.anchors_per_block = anchors_per_block

    def plan(self, history: HistoryArrays, limits: LearningLimits) -> BlockPlan:
        customer, product, _ = top_items_per_customer(history, limits.max_order_products)
        users = UserItems.from_pairs(customer, product, history.products, history)
        customers = np.bincount(product, minlength=history.products)
        firsts = range(0, history.products, self.anchors_per_block)
        blocks = [range(first, min(first + self.anchors_per_block, history.products)) for first in firsts]
        return BlockPlan(
            _customer_links, (users, customers, limits), blocks, history.products, limits.neighbours_per_product
        )


def _customer_links(block: range, users: UserItems, customers: NDArray[Any], limits: LearningLimits) -> ProductLinks:
    both = users.customers_of_both(block).tocoo()
    anchor, other = both.row.astype(np.int64) + block.start, both.col.astype(np.int64)
    supported = (both.data >= limits.min_customers) & (anchor != other)
    anchor, other, shared = anchor[supported], other[supported], both.data[supported]
    order = np.lexsort((other, anchor))
    anchor, other, shared = anchor[order], other[order], shared[order]
    closeness = damped_cosine(shared, customers[anchor], customers[other])
    return strongest_links(anchor, other, closeness, limits.neighbours_per_product)


recommender = CoPurchasedByCustomer()
