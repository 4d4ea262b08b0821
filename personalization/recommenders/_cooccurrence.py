"""Counts pairs of products in blocks of bounded memory. What several recommenders share."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.recommenders import GUEST, ProductLinks, bounded_sum

DAMPING = 10.0
"""Added to the denominator (shrinkage), so that a few observations do not make a pair of rare products look certain."""
PAIRS_PER_BLOCK = 1_000_000
"""Bounds the memory of a fit: about 100 bytes per pair."""


@dataclass(frozen=True)
class PairCounts:
    """One entry for each pair, sorted by anchor, then by the other; a block holds all pairs of its anchors."""

    anchor: NDArray[np.int64]
    other: NDArray[np.int64]
    """Never the anchor itself."""
    times: NDArray[np.int64]
    """How often the pair was there, by customers and guests."""
    customers: NDArray[np.int64]
    """The number of different customers behind it, without guests; newcomers count at most as many as others."""


@dataclass(frozen=True)
class GroupRuns:
    """Pairs in run-length form: entry i pairs `anchor[i]` with each of `other[start[i] : start[i] + size[i]]`."""

    anchor: NDArray[np.int64]
    """Ascending."""
    customer: NDArray[np.int64]
    """The customer behind the entry, or GUEST."""
    start: NDArray[np.int64]
    size: NDArray[np.int64]
    other: NDArray[np.int64]
    established: NDArray[np.bool_]
    """Of each customer, see `HistoryArrays.established`."""
    products: int

    def blocks(self, pairs_per_block: int) -> list[range]:
        """Ranges of anchors with about `pairs_per_block` pairs each."""
        cut = cut_into_blocks(self.anchor, self.size, pairs_per_block)
        return [range(int(self.anchor[part][0]), int(self.anchor[part][-1]) + 1) for part in cut]

    def pairs(self, block: range) -> PairCounts:
        """The counts of all pairs of a block's anchors."""
        first, end = np.searchsorted(self.anchor, [block.start, block.stop])
        entries = slice(first, end)
        size = self.size[entries]
        offset = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
        other = self.other[np.repeat(self.start[entries], size) + offset]
        anchor = np.repeat(self.anchor[entries], size)
        customer = np.repeat(self.customer[entries], size) - GUEST
        codes = int(customer.max(initial=0)) + 1
        pair = (anchor * self.products + other)[anchor != other]
        each, times = np.unique(pair * codes + customer[anchor != other], return_counts=True)
        pair, first = np.unique(each // codes, return_index=True)
        behind = each % codes + GUEST
        established, signed_in = self.established[behind], behind != GUEST
        return PairCounts(
            anchor=pair // self.products,
            other=pair % self.products,
            times=_sum_from(first, times),
            customers=bounded_sum(
                _sum_from(first, signed_in & established), _sum_from(first, signed_in & ~established)
            ),
        )


def _sum_from(first: NDArray[np.int64], values: NDArray[Any]) -> NDArray[np.int64]:
    """The sum of the values from each first one up to the next."""
    return np.add.reduceat(values.astype(np.int64), first) if len(first) else np.empty(0, np.int64)


def cut_into_blocks(anchor: NDArray[Any], cost: NDArray[Any], cost_per_block: int) -> Iterator[slice]:
    """Slices of whole anchors that cost about `cost_per_block` each; `anchor` is ascending."""
    total = np.cumsum(cost)
    first = 0
    while first < len(anchor):
        before = total[first - 1] if first else 0
        last = max(first, int(np.searchsorted(total, before + cost_per_block, "right")) - 1)
        end = int(np.searchsorted(anchor, anchor[last], "right"))
        yield slice(first, end)
        first = end


def pairs_within_groups(
    group: NDArray[Any],
    product: NDArray[Any],
    customer: NDArray[Any],
    established: NDArray[np.bool_],
    products: int,
) -> GroupRuns:
    """The pairs of each product with all products of its group. One entry a row; `group` is ascending from 0;
    `established` is that of the history."""
    group_size = np.bincount(group)
    start = np.cumsum(group_size) - group_size
    by_product = np.argsort(product, kind="stable")
    group_of = group[by_product]
    return GroupRuns(
        anchor=product[by_product].astype(np.int64),
        customer=customer[by_product].astype(np.int64),
        start=start[group_of],
        size=group_size[group_of],
        other=product.astype(np.int64),
        established=established,
        products=products,
    )


def latest_of_each_group(
    group: NDArray[Any], product: NDArray[Any], moment: NDArray[Any], cap: int
) -> NDArray[np.int64]:
    """The rows of the `cap` newest products of each group: each product once, at its first moment.

    The cap keeps a customer with thousands of rows from outweighing the others.

    Returns
    -------
    Indices into the three arrays, sorted by group, then by product.
    """
    rows = np.lexsort((moment, product, group))
    rows = rows[_group_starts(group[rows], product[rows])]
    by_age = rows[np.lexsort((product[rows], -moment[rows], group[rows]))]
    kept = by_age[_index_in_group(group[by_age]) < cap]
    return kept[np.lexsort((product[kept], group[kept]))]


def cap_basket_size(order: NDArray[Any], product: NDArray[Any], cap: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """(order, product) with at most `cap` products of each order, chosen by a hash, which prefers no age of product."""
    hashed = (product * 2_654_435_761) % 2**32
    rows = np.lexsort((product, hashed, order))
    size = np.bincount(order, minlength=1)
    position = np.arange(len(rows)) - (np.cumsum(size) - size)[order[rows]]
    rows = np.sort(rows[position < cap])
    return order[rows], product[rows]


def number_groups(group: NDArray[Any]) -> NDArray[np.int64]:
    """The groups renumbered from 0 without gaps; `group` is ascending."""
    return np.cumsum(_group_starts(group)) - 1


def _group_starts(*columns: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each row differs from the one before it."""
    begins = np.ones(len(columns[0]), bool)
    begins[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return begins


def _index_in_group(group: NDArray[Any]) -> NDArray[np.int64]:
    """Each row's position in its group, from 0; `group` is ascending."""
    first = np.flatnonzero(_group_starts(group))
    return np.arange(len(group)) - np.repeat(first, np.diff(np.append(first, len(group))))


def damped_cosine(both: NDArray[Any], one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.float64]:
    """both / (sqrt(one x other) + DAMPING), in 0..1, to six digits."""
    cosine: NDArray[np.float64] = both / (np.sqrt(one * other.astype(np.float64)) + DAMPING)
    return np.round(cosine, 6)


def strongest_links(anchor: NDArray[Any], other: NDArray[Any], closeness: NDArray[Any], limit: int) -> ProductLinks:
    """The `limit` closest neighbours of each anchor; of equally close ones the lower product number first.

    Parameters
    ----------
    anchor, other, closeness : one entry for each pair, sorted by anchor, then by other; closeness in 0..1, six digits.
    """
    millionths = np.rint(closeness * 1e6).astype(np.int64)
    rows = np.argsort(number_groups(anchor) * 1_000_001 - millionths, kind="stable")
    rows = rows[_index_in_group(anchor[rows]) < limit]
    return ProductLinks(anchor[rows].astype(np.int32), other[rows].astype(np.int32), closeness[rows].astype(np.float32))
