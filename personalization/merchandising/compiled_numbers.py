"""Numbers of products that a decision reads: arrays, looked up for a whole list at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ProductGroups:
    """One number a product, as far as it has one: its category, class or value of an attribute, or its price."""

    product_ids: NDArray[np.int64]
    """Sorted, each once for each of its groups."""
    values: NDArray[np.float64]

    def of_product(self, product_id: int) -> set[float]:
        """All numbers of this product."""
        first, last = np.searchsorted(self.product_ids, [product_id, product_id + 1])
        return set(self.values[first:last].tolist())


def numbers_of(numbers: ProductGroups, product_ids: Sequence[int]) -> NDArray[np.float64]:
    """The number of each product, 0 for none."""
    found, has_number = _look_up(numbers, product_ids)
    return np.where(has_number, found, 0.0)


def relative_ranks(numbers: ProductGroups, product_ids: Sequence[int]) -> NDArray[np.float64]:
    """For each product where its number stands among theirs: 1 for the highest, -1 for the lowest, 0 for none."""
    ranks = np.zeros(len(product_ids))
    found, has_number = _look_up(numbers, product_ids)
    values = found[has_number]
    if len(values) > 1:
        in_order = np.sort(values)
        below = np.searchsorted(in_order, values, side="left")
        above = len(values) - np.searchsorted(in_order, values, side="right")
        ranks[has_number] = (below - above) / (len(values) - 1)
    return ranks


def _look_up(numbers: ProductGroups, product_ids: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(the number of each product, whether it has one)"""
    keys = np.asarray(product_ids, np.int64)
    if not len(numbers.product_ids):
        return np.zeros(len(keys)), np.zeros(len(keys), np.bool_)
    index = np.minimum(np.searchsorted(numbers.product_ids, keys), len(numbers.product_ids) - 1)
    return numbers.values[index], numbers.product_ids[index] == keys
