"""User-kNN: what the most similar customers buy. No recommender of this folder, because it is about customers: its
result is kept in the customer's own genome, never in a snapshot.

References
----------
H. Hu et al.: Modeling personalized item frequency information for next-basket recommendation (TIFU-kNN). SIGIR 2020.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

CUSTOMERS_PER_BLOCK = 100
"""Bounds the memory."""
MAX_NEIGHBOURS = 300
"""The k of user-kNN, as in TIFU-kNN."""
POOL_SIZE = 3_000
"""Customers are compared with a sample of this size, so that the work grows with their number and not with its
square."""
MAX_PRODUCTS = 200
"""At most this many products of the similar customers are kept."""


@dataclass(frozen=True)
class UserItemWeights:
    """A user-item matrix: one entry for each customer and product, customers 0..customers-1."""

    customer: NDArray[np.int64]
    product: NDArray[np.int64]
    weight: NDArray[np.float64]
    customers: int
    products: int

    def matrix(self) -> sparse.csr_matrix:
        """Shape (customers, products)."""
        positive = self.weight > 0  # a weight that decayed to 0 must not become a stored zero
        shape, entries = (self.customers, self.products), (self.customer[positive], self.product[positive])
        return sparse.csr_matrix((self.weight[positive].astype(np.float32), entries), shape)


def sample_pool(customers: int) -> NDArray[np.int64]:
    """The customers with whom all are compared: a sample by hash, so that it is always the same. Indices, ascending."""
    hashed = (np.arange(customers) * 2_654_435_761) % 2**32
    return np.sort(np.argsort(hashed, kind="stable")[:POOL_SIZE])


def neighbour_products(
    users: UserItemWeights, pool: UserItemWeights, pool_index: NDArray[np.int64], min_customers: int
) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """What the most similar customers of the pool buy, by cosine of the weights.

    Parameters
    ----------
    users, pool : the customers, and those with whom they are compared.
    pool_index : each user's number in the pool, or -1: nobody is their own neighbour.
    min_customers : only products that this many of the similar customers bought are given.

    Returns
    -------
    For each user (products, mean weight among the similar customers), the highest weight first.
    """
    pool_weights = pool.matrix()
    bought = pool_weights.copy()
    bought.data[:] = 1
    pool_unit = _normalize_rows(pool_weights)
    users_unit = _normalize_rows(users.matrix())
    found = []
    for first in range(0, users.customers, CUSTOMERS_PER_BLOCK):
        rows = slice(first, first + CUSTOMERS_PER_BLOCK)
        closeness = np.round((users_unit[rows] @ pool_unit.T).toarray(), 6)
        itself = pool_index[rows]
        closeness[np.flatnonzero(itself >= 0), itself[itself >= 0]] = -1
        similar = _most_similar(closeness)
        weight, buyers = (similar @ pool_weights).tocsr(), (similar @ bought).tocsr()
        found += _top_products(weight, buyers, similar, min_customers)
    return found


def _normalize_rows(weights: sparse.csr_matrix) -> sparse.csr_matrix:
    length = np.sqrt(np.asarray(weights.multiply(weights).sum(axis=1)).ravel())
    return (sparse.diags_array(1 / np.maximum(length, 1e-9)).astype(np.float32) @ weights).tocsr()


def _most_similar(closeness: NDArray[Any]) -> sparse.csr_matrix:
    """Shape (users, pool): 1 where a customer of the pool is among the most similar, and has anything in common."""
    order = np.argsort(-closeness, axis=1, kind="stable")[:, :MAX_NEIGHBOURS]
    is_similar = np.take_along_axis(closeness, order, axis=1) > 0
    row = np.repeat(np.arange(len(closeness)), order.shape[1]).reshape(order.shape)
    ones = np.ones(int(is_similar.sum()), np.float32)
    return sparse.csr_matrix((ones, (row[is_similar], order[is_similar])), closeness.shape)


def _top_products(
    weight: sparse.csr_matrix, buyers: sparse.csr_matrix, similar: sparse.csr_matrix, min_customers: int
) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    weight.sort_indices()
    buyers.sort_indices()  # now both have the same products in the same sequence
    neighbours = np.maximum(np.diff(similar.indptr), 1)
    found = []
    for row in range(weight.shape[0]):
        part = slice(weight.indptr[row], weight.indptr[row + 1])
        mean = np.round(weight.data[part].astype(np.float64) / neighbours[row], 4)
        mean[buyers.data[part] < min_customers] = 0
        best = np.lexsort((weight.indices[part], -mean))[:MAX_PRODUCTS]
        best = best[mean[best] > 0]
        found.append((weight.indices[part][best].astype(np.int64), mean[best]))
    return found
