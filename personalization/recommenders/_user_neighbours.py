"""What customers with similar habits buy. No recommender of the shelf: it speaks of customers, and what it says is kept
in the customer's own genome, never in a snapshot."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

CUSTOMERS_PER_BLOCK = 100
"""Customers that are compared together: bounds the memory."""
MAX_NEIGHBOURS = 300
"""So many of the most similar customers are asked, as TIFU-kNN does (Hu et al., SIGIR 2020)."""
POOL_SIZE = 3_000
"""Customers are compared with so many at most, so that the work grows with the customers and not with their square."""
MAX_PRODUCTS = 200
"""So many products of the similar customers are kept."""


@dataclass(frozen=True)
class UserItemWeights:
    """Habits of some customers as a table: one entry a customer and product, customers 0..customers-1."""

    customer: NDArray[np.int64]
    product: NDArray[np.int64]
    weight: NDArray[np.float64]
    customers: int
    products: int

    def matrix(self) -> sparse.csr_matrix:
        told = self.weight > 0  # what faded to nothing says nothing, and a product of matrices would leave it out
        shape, at = (self.customers, self.products), (self.customer[told], self.product[told])
        return sparse.csr_matrix((self.weight[told].astype(np.float32), at), shape)


def sample_pool(customers: int) -> NDArray[np.int64]:
    """Which of these customers the others are compared with: as if drawn by lot, and yet always the same."""
    lot = (np.arange(customers) * 2_654_435_761) % 2**32
    return np.sort(np.argsort(lot, kind="stable")[:POOL_SIZE])


def neighbour_products(
    asking: UserItemWeights, pool: UserItemWeights, same: NDArray[np.int64], min_customers: int
) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """For each asking customer (products, mean weight among the most similar customers of the pool), heaviest first.

    `same` is each asking customer's number in the pool, or -1. Similar is the cosine of the weights. Only products that
    `min_customers` of the similar ones bought are named.
    """
    theirs = pool.matrix()
    bought = theirs.copy()
    bought.data[:] = 1
    unit = _normalize_rows(theirs)
    ours = _normalize_rows(asking.matrix())
    found = []
    for first in range(0, asking.customers, CUSTOMERS_PER_BLOCK):
        rows = slice(first, first + CUSTOMERS_PER_BLOCK)
        closeness = np.round((ours[rows] @ unit.T).toarray(), 6)
        itself = same[rows]
        closeness[np.flatnonzero(itself >= 0), itself[itself >= 0]] = -1
        chosen = _most_similar(closeness)
        weight, buyers = (chosen @ theirs).tocsr(), (chosen @ bought).tocsr()
        found += _top_products(weight, buyers, chosen, min_customers)
    return found


def _normalize_rows(weights: sparse.csr_matrix) -> sparse.csr_matrix:
    length = np.sqrt(np.asarray(weights.multiply(weights).sum(axis=1)).ravel())
    return (sparse.diags_array(1 / np.maximum(length, 1e-9)).astype(np.float32) @ weights).tocsr()


def _most_similar(closeness: NDArray) -> sparse.csr_matrix:
    """Ones where a customer of the pool is among the most similar, by asking customer; those with nothing in common
    are never among them."""
    order = np.argsort(-closeness, axis=1, kind="stable")[:, :MAX_NEIGHBOURS]
    similar = np.take_along_axis(closeness, order, axis=1) > 0
    row = np.repeat(np.arange(len(closeness)), order.shape[1]).reshape(order.shape)
    ones = np.ones(int(similar.sum()), np.float32)
    return sparse.csr_matrix((ones, (row[similar], order[similar])), closeness.shape)


def _top_products(
    weight: sparse.csr_matrix, buyers: sparse.csr_matrix, chosen: sparse.csr_matrix, min_customers: int
) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    weight.sort_indices()
    buyers.sort_indices()  # the same products stand behind both, in the same order
    asked = np.maximum(np.diff(chosen.indptr), 1)
    found = []
    for row in range(weight.shape[0]):
        part = slice(weight.indptr[row], weight.indptr[row + 1])
        mean = np.round(weight.data[part].astype(np.float64) / asked[row], 4)
        mean[buyers.data[part] < min_customers] = 0
        best = np.lexsort((weight.indices[part], -mean))[:MAX_PRODUCTS]
        best = best[mean[best] > 0]
        found.append((weight.indices[part][best].astype(np.int64), mean[best]))
    return found
