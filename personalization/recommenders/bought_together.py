"""Which products lie in the same baskets."""

from collections.abc import Iterator

import numpy as np

from personalization.recommenders import GUEST, History, Limits, Neighbours, distinct

DAMPING = 10.0
"""Added to the denominator, so that a pair of rare products needs more than a few baskets to look certain."""
PAIRS_PER_BLOCK = 4_000_000
"""Bounds the memory of a fit: about 100 bytes a pair."""


class BoughtTogether:
    """Damped cosine over orders: baskets with both / (sqrt(baskets with one x baskets with the other) + 10).

    The work is done in blocks of products; the size of a block changes nothing in the result.
    """

    name = "bought_together"

    def __init__(self, pairs_per_block: int = PAIRS_PER_BLOCK) -> None:
        self.pairs_per_block = pairs_per_block

    def fit(self, history: History, limits: Limits) -> Neighbours:
        baskets = _Baskets(history, limits.basket_cap)
        index = np.full((history.products, limits.neighbours), -1, np.int32)
        weight = np.zeros((history.products, limits.neighbours), np.float32)
        for entries in baskets.blocks(self.pairs_per_block):
            anchor, other, together, customers = baskets.pairs(entries)
            backed = customers >= limits.min_customers
            anchor, other, together = anchor[backed], other[backed], together[backed]
            size = np.sqrt(baskets.holding[anchor] * baskets.holding[other].astype(np.float64))
            closeness = np.round(together / (size + DAMPING), 6)
            _keep_strongest(index, weight, anchor, other, closeness)
        return Neighbours(index, weight)


class _Baskets:
    """The products of each order, each once, as one flat array that is sorted by order."""

    def __init__(self, history: History, cap: int) -> None:
        order, product = distinct(history.order, history.product)
        order, product = _capped(order, product, cap)
        self.products = history.products
        self.product = product
        self.size = np.bincount(order, minlength=int(order.max(initial=-1)) + 1)
        self.start = np.concatenate([[0], np.cumsum(self.size)])
        self.order = order
        self.customer = np.full(len(self.size), GUEST, np.int64)
        orders_of = history.order < len(self.size)
        self.customer[history.order[orders_of]] = history.customer[orders_of]
        self.holding = np.bincount(product, minlength=history.products)
        self.by_product = np.argsort(product, kind="stable")

    def blocks(self, pairs_per_block: int) -> Iterator[np.ndarray]:
        """The entries, product after product, in runs of whole products of about so many pairs."""
        cost = np.cumsum(self.size[self.order[self.by_product]])
        product = self.product[self.by_product]
        first = 0
        while first < len(cost):
            done = cost[first - 1] if first else 0
            last = max(first, int(np.searchsorted(cost, done + pairs_per_block, "right")) - 1)
            end = int(np.searchsorted(product, product[last], "right"))
            yield self.by_product[first:end]
            first = end

    def pairs(self, entries: np.ndarray) -> tuple[np.ndarray, ...]:
        """(product, other product, orders with both, customers with such an order), one entry a pair."""
        order = self.order[entries]
        size = self.size[order]
        inside = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
        other = self.product[np.repeat(self.start[order], size) + inside]
        anchor = np.repeat(self.product[entries], size)
        person = np.repeat(self.customer[order], size)
        pair = anchor * self.products + other
        people = int(self.customer.max(initial=-1)) + 2
        each, orders = np.unique(pair[anchor != other] * people + person[anchor != other] + 1, return_counts=True)
        pair, first = np.unique(each // people, return_index=True)
        together = np.add.reduceat(orders, first) if len(first) else orders
        known = (each % people != GUEST + 1).astype(np.int64)
        customers = np.add.reduceat(known, first) if len(first) else known
        return pair // self.products, pair % self.products, together, customers


def _capped(order: np.ndarray, product: np.ndarray, cap: int) -> tuple[np.ndarray, np.ndarray]:
    """The first `cap` products of each order, in an arbitrary but fixed sequence that prefers no age of product."""
    shuffled = (product * 2_654_435_761) % 2**32
    rows = np.lexsort((product, shuffled, order))
    size = np.bincount(order, minlength=1)
    place = np.arange(len(rows)) - (np.cumsum(size) - size)[order[rows]]
    rows = np.sort(rows[place < cap])
    return order[rows], product[rows]


def _keep_strongest(
    index: np.ndarray, weight: np.ndarray, anchor: np.ndarray, other: np.ndarray, closeness: np.ndarray
) -> None:
    rows = np.lexsort((other, -closeness, anchor))
    anchor, other, closeness = anchor[rows], other[rows], closeness[rows]
    _, first, size = np.unique(anchor, return_index=True, return_counts=True)
    place = np.arange(len(anchor)) - np.repeat(first, size)
    kept = place < index.shape[1]
    index[anchor[kept], place[kept]] = other[kept]
    weight[anchor[kept], place[kept]] = closeness[kept]


recommender = BoughtTogether()
