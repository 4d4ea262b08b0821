"""Counting pairs of products in blocks of bounded memory. No recommender itself: several of them count like this."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from personalization.recommenders import GUEST, ProductLinks

DAMPING = 10.0
"""Added to the denominator, so that a pair of rare products needs more than a few observations to look certain."""
PAIRS_PER_BLOCK = 1_000_000
"""Bounds the memory of a fit: about 100 bytes a pair."""


@dataclass(frozen=True)
class PairCounts:
    """One entry a pair, sorted by anchor, then by the other; an anchor's pairs are never torn apart."""

    anchor: NDArray[np.int64]
    other: NDArray[np.int64]
    """Never the anchor itself."""
    times: NDArray[np.int64]
    """How often the pair was there, whoever stood behind it."""
    customers: NDArray[np.int64]
    """How many different customers stood behind it; a GUEST is nobody."""


@dataclass(frozen=True)
class GroupRuns:
    """What goes with what: entry i pairs `anchor[i]` with each of `other[start[i] : start[i] + size[i]]`."""

    anchor: NDArray[np.int64]
    """Ascending."""
    person: NDArray[np.int64]
    """Who stands behind the entry: a customer, or GUEST."""
    start: NDArray[np.int64]
    size: NDArray[np.int64]
    other: NDArray[np.int64]
    products: int

    def blocks(self, pairs_per_block: int) -> list[range]:
        """The anchors, cut where about so many pairs are together."""
        cut = cut_into_blocks(self.anchor, self.size, pairs_per_block)
        return [range(int(self.anchor[part][0]), int(self.anchor[part][-1]) + 1) for part in cut]

    def pairs(self, block: range) -> PairCounts:
        """All pairs of the anchors of a block, counted."""
        first, end = np.searchsorted(self.anchor, [block.start, block.stop])
        entries = slice(first, end)
        size = self.size[entries]
        inside = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
        other = self.other[np.repeat(self.start[entries], size) + inside]
        anchor = np.repeat(self.anchor[entries], size)
        person = np.repeat(self.person[entries], size) - GUEST
        people = int(person.max(initial=0)) + 1
        pair = (anchor * self.products + other)[anchor != other]
        each, times = np.unique(pair * people + person[anchor != other], return_counts=True)
        pair, first = np.unique(each // people, return_index=True)
        known = (each % people != 0).astype(np.int64)
        return PairCounts(
            anchor=pair // self.products,
            other=pair % self.products,
            times=np.add.reduceat(times, first) if len(first) else times,
            customers=np.add.reduceat(known, first) if len(first) else known,
        )


def cut_into_blocks(anchor: NDArray, cost: NDArray, cost_per_block: int) -> Iterator[slice]:
    """Runs of whole anchors that cost about so much; `anchor` is ascending."""
    done = np.cumsum(cost)
    first = 0
    while first < len(anchor):
        before = done[first - 1] if first else 0
        last = max(first, int(np.searchsorted(done, before + cost_per_block, "right")) - 1)
        end = int(np.searchsorted(anchor, anchor[last], "right"))
        yield slice(first, end)
        first = end


def pairs_within_groups(group: NDArray, product: NDArray, person: NDArray, products: int) -> GroupRuns:
    """Each product with all products of its group. `group` is ascending from 0; `person` stands behind each row."""
    held = np.bincount(group)
    start = np.cumsum(held) - held
    by_product = np.argsort(product, kind="stable")
    group_of = group[by_product]
    return GroupRuns(
        anchor=product[by_product].astype(np.int64),
        person=person[by_product].astype(np.int64),
        start=start[group_of],
        size=held[group_of],
        other=product.astype(np.int64),
        products=products,
    )


def latest_of_each_group(group: NDArray, product: NDArray, moment: NDArray, cap: int) -> NDArray[np.int64]:
    """The rows of the `cap` products that came into each group last: each product once, where it came in.

    Whoever fills a group with thousands of rows is heard no more than somebody with `cap` of them. The rows come
    sorted by group, then by product.
    """
    rows = np.lexsort((moment, product, group))
    rows = rows[_group_starts(group[rows], product[rows])]
    by_age = rows[np.lexsort((product[rows], -moment[rows], group[rows]))]
    kept = by_age[_index_in_group(group[by_age]) < cap]
    return kept[np.lexsort((product[kept], group[kept]))]


def number_groups(group: NDArray) -> NDArray[np.int64]:
    """The same groups as numbers from 0; `group` is ascending."""
    return np.cumsum(_group_starts(group)) - 1


def _group_starts(*columns: NDArray) -> NDArray[np.bool_]:
    """Whether each row differs from the one before it."""
    begins = np.ones(len(columns[0]), bool)
    begins[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return begins


def _index_in_group(group: NDArray) -> NDArray[np.int64]:
    """Each row's place in its group, from 0; `group` is ascending."""
    first = np.flatnonzero(_group_starts(group))
    return np.arange(len(group)) - np.repeat(first, np.diff(np.append(first, len(group))))


def damped_cosine(both: NDArray, one: NDArray, other: NDArray) -> NDArray[np.float64]:
    """both / (sqrt(one x other) + DAMPING), in 0..1, to six digits."""
    return np.round(both / (np.sqrt(one * other.astype(np.float64)) + DAMPING), 6)


def strongest_links(anchor: NDArray, other: NDArray, closeness: NDArray, most: int) -> ProductLinks:
    """The closest others of these anchors, `most` of each; of equally close ones the lower product number first.

    The pairs come sorted by anchor, then by other; closeness is 0..1 to six digits.
    """
    millionths = np.rint(closeness * 1e6).astype(np.int64)
    rows = np.argsort(number_groups(anchor) * 1_000_001 - millionths, kind="stable")
    rows = rows[_index_in_group(anchor[rows]) < most]
    return ProductLinks(anchor[rows].astype(np.int32), other[rows].astype(np.int32), closeness[rows].astype(np.float32))
