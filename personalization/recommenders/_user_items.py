"""The user-item matrix of purchases. What several recommenders share."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from personalization.recommenders import GUEST, HistoryArrays, count_by_product, distinct_pairs


def bought_days(history: HistoryArrays) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(customer, product, days on which they bought it), one entry for each customer and product, sorted by both;
    without guests."""
    signed_in = history.customer != GUEST
    customer, product, _ = distinct_pairs(
        history.customer[signed_in], history.product[signed_in], history.day[signed_in]
    )
    customer, product, days = count_by_product(customer, product)
    return customer, product, days


def top_items_per_customer(
    history: HistoryArrays, cap: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """As `bought_days`, of each customer only the `cap` products with the most days: a customer who bought thousands
    does not outweigh the others."""
    customer, product, days = bought_days(history)
    hashed = (product * 2_654_435_761) % 2**32
    order = np.lexsort((hashed, -days, customer))
    start = np.searchsorted(customer[order], customer[order], "left")
    kept = np.sort(order[np.arange(len(order)) - start < cap])
    return customer[kept], product[kept], days[kept]


@dataclass(frozen=True)
class UserItems:
    """Which customers bought which products, as matrices of ones."""

    by_customer: sparse.csr_matrix
    """Shape (customers, products)."""
    by_product: sparse.csr_matrix
    """Its transpose."""
    newcomers: sparse.csr_matrix
    """The part of `by_customer` that is newcomers'."""

    @classmethod
    def from_pairs(
        cls, customer: NDArray[np.int64], product: NDArray[np.int64], products: int, history: HistoryArrays
    ) -> "UserItems":
        """The matrices of these pairs, each of which is there once."""
        shape = (int(customer.max(initial=-1)) + 1, products)
        new = ~history.established[customer]
        ones = np.ones(len(customer), np.int32)
        by_customer = sparse.csr_matrix((ones, (customer, product)), shape)
        newcomers = sparse.csr_matrix((ones[new], (customer[new], product[new])), shape)
        return cls(by_customer, by_customer.T.tocsr(), newcomers)

    def customers_of_both(self, anchors: range) -> sparse.csr_matrix:
        """How many customers bought one of these products and another, shape (anchors, products); newcomers count at
        most as many as others."""
        item_users = self.by_product[anchors.start : anchors.stop]
        both = (item_users @ self.by_customer).tocsr()
        if not self.newcomers.nnz:
            return both
        by_newcomers = (item_users @ self.newcomers).tocsr()
        established = both - by_newcomers
        return (established + established.minimum(by_newcomers)).tocsr()
