"""Links of an earlier training run that still hold, and which products have to be compared again."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from personalization.recommenders import KeptLinks, ProductLinks


@dataclass(frozen=True)
class KnownLinks:
    """What is known of the closest neighbours of each product, whose texts are weighed as they were."""

    index: NDArray[np.int32]
    """Shape (products, neighbours), the closest first; -1 where there is none (any more)."""
    weight: NDArray[np.float32]
    is_open: NDArray[np.bool_]
    """Whether a product has to be compared with all: it is new or changed, or one of a full list of neighbours changed
    or is gone, so that nobody knows who comes after the last."""
    changed: NDArray[np.int64]
    """The products, ascending, with which all others have to be compared."""
    changed_columns: sparse.csr_matrix
    """Their terms, shape (terms, changed products)."""

    @classmethod
    def nothing(cls, terms: sparse.csr_matrix) -> "KnownLinks":
        """All products have to be compared with all."""
        products = terms.shape[0]
        none, never = np.empty((products, 0), np.int32), np.empty((products, 0), np.float32)
        columns = sparse.csr_matrix((terms.shape[1], 0))
        return cls(none, never, np.ones(products, bool), np.empty(0, np.int64), columns)

    @classmethod
    def after_changes(cls, kept: KeptLinks, terms: sparse.csr_matrix, changed: NDArray[np.bool_]) -> "KnownLinks":
        """What the kept links are worth once these products changed, or came."""
        rows = kept.number >= 0
        number, old = kept.number[rows], kept.index[rows]
        other = np.where(old >= 0, kept.number[old], -1)
        lost = (old >= 0) & ((other < 0) | changed[other])
        shape = (len(changed), old.shape[1])
        index, weight, is_open = np.full(shape, -1, np.int32), np.zeros(shape, np.float32), changed.copy()
        index[number] = np.where(lost, -1, other)
        weight[number] = np.where(index[number] >= 0, kept.weight[rows], 0)
        is_open[number] |= lost.any(axis=1) & (old[:, -1:] >= 0).any(axis=1)
        columns = terms[changed].T.tocsr()
        return cls(index, weight, is_open, np.flatnonzero(changed), columns)

    def farthest(self, products: NDArray[np.int64]) -> NDArray[np.float32]:
        """How close somebody has to be, at least, to become one of the neighbours of each of these."""
        if not self.index.shape[1]:
            return np.zeros(len(products), np.float32)
        farthest: NDArray[np.float32] = self.weight[products, -1]
        return farthest

    def links(self, products: NDArray[np.int64]) -> ProductLinks:
        """The links of these products that still hold."""
        index = self.index[products]
        row, place = np.nonzero(index >= 0)
        return ProductLinks(products[row].astype(np.int32), index[row, place], self.weight[products[row], place])


def join_links(parts: list[ProductLinks]) -> ProductLinks:
    """These links as one, each anchor's in their sequence; an anchor's are all in one of them."""
    columns: list[NDArray[Any]] = [
        np.concatenate(column) for column in zip(*(vars(part).values() for part in parts), strict=True)
    ]
    rows = np.argsort(columns[0], kind="stable")
    return ProductLinks(*(column[rows] for column in columns))
