"""The shelf of recommenders: one file is one recommender, which learns from a shop's history.

Arrays in, arrays out, no Django, no clock, no chance: the same history gives the same arrays to the last bit.
Products are numbers 0..n-1 here; who they are in the shop only `train` knows.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

GUEST = -1
"""The customer of an order that was placed without signing in."""

UNKNOWN_COUNTRY = -1
"""The country of an order of which none is known."""

DAY = 86_400.0
"""Seconds of a day."""


@dataclass(frozen=True)
class CatalogueArrays:
    """What the shop says of its products: one entry a product."""

    leaf_category: NDArray[np.int32]
    """0..kinds-1: the most special category that the product lies in; -1 where it lies in none."""
    price: NDArray[np.float32]
    """The least that the product costs, in the shop's currency; 0 where it has no price."""
    created: NDArray[np.float64]
    """When it was added to the shop, in seconds since 1970."""
    text: Sequence[str]
    """Title, description and attribute values, as the shop wrote them."""

    @classmethod
    def empty(cls, products: int) -> "CatalogueArrays":
        """The catalogue of a shop that says nothing of so many products."""
        return cls(
            leaf_category=np.full(products, -1, np.int32),
            price=np.zeros(products, np.float32),
            created=np.zeros(products),
            text=[""] * products,
        )


@dataclass(frozen=True)
class ViewArrays:
    """Product pages that customers looked at: one entry a view, in any order."""

    customer: NDArray[np.int32]
    """As in the history, whose numbers go on here for customers who only looked."""
    product: NDArray[np.int32]
    """0..products-1; a child product counts as its parent."""
    seen: NDArray[np.float64]
    """When, in seconds since 1970."""

    @classmethod
    def empty(cls) -> "ViewArrays":
        """Nobody looked at anything."""
        return cls(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0))


@dataclass(frozen=True)
class HistoryArrays:
    """A shop's purchases up to `now`. The first four arrays and `country` have an entry an order line, in any order."""

    customer: NDArray[np.int32]
    """0..customers-1, or GUEST."""
    order: NDArray[np.int32]
    """0..orders-1."""
    product: NDArray[np.int32]
    """0..products-1; a child product counts as its parent."""
    ordered_at: NDArray[np.float64]
    """When the order was placed, in seconds since 1970."""
    products: int
    """How many products the shop has."""
    now: float
    """The moment of learning, in seconds since 1970; no line is later."""
    catalogue: CatalogueArrays
    views: ViewArrays
    country: NDArray[np.int32]
    """Where each line was sent: 0..countries-1, or UNKNOWN_COUNTRY."""
    countries: Sequence[str]
    """The ISO codes of these, ascending."""

    def until(self, moment: float) -> "HistoryArrays":
        """What was known at an earlier moment; of the catalogue, what is known now."""
        bought, seen = self.ordered_at <= moment, self.views.seen <= moment
        views = ViewArrays(self.views.customer[seen], self.views.product[seen], self.views.seen[seen])
        return replace(
            self,
            customer=self.customer[bought],
            order=self.order[bought],
            product=self.product[bought],
            ordered_at=self.ordered_at[bought],
            country=self.country[bought],
            now=moment,
            views=views,
        )

    @property
    def customer_product(self) -> NDArray[np.int64]:
        """Who placed each line: the customer, and for each order of a guest somebody else."""
        return np.where(self.customer == GUEST, -1 - self.order.astype(np.int64), self.customer)

    @property
    def day(self) -> NDArray[np.int64]:
        """The day of each line, counted from 1970."""
        return (self.ordered_at // DAY).astype(np.int64)

    def customer_counts(self, lines: NDArray[np.bool_]) -> NDArray[np.int32]:
        """For each product, how many persons bought it, among the lines that are true in the mask."""
        product, _ = distinct_pairs(self.product[lines], self.customer_product[lines])
        return np.bincount(product, minlength=self.products).astype(np.int32)

    def purchases(self, lines: NDArray[np.bool_]) -> NDArray[np.int32]:
        """The same, where a person counts once for each day on which they bought it."""
        product, _, _ = distinct_pairs(self.product[lines], self.customer_product[lines], self.day[lines])
        return np.bincount(product, minlength=self.products).astype(np.int32)

    def purchases_with_support(self, lines: NDArray[np.bool_], min_customers: int) -> NDArray[np.int32]:
        """The same, and 0 for products that fewer persons bought."""
        return np.where(self.customer_counts(lines) >= min_customers, self.purchases(lines), 0).astype(np.int32)


def distinct_pairs(*columns: NDArray[np.integer]) -> tuple[NDArray[np.int64], ...]:
    """The distinct rows of a table that is given by its columns, sorted, again as columns."""
    return count_by_product(*columns)[:-1]


def count_by_product(*columns: NDArray[np.integer]) -> tuple[NDArray[np.int64], ...]:
    """The same, and as a last column how often each row was there."""
    lows = [int(column.min(initial=0)) for column in columns]
    spans = [int(column.max(initial=0)) - low + 1 for column, low in zip(columns, lows, strict=True)]
    if math.prod(spans) >= 2**63:
        raise OverflowError(f"cannot count over {len(columns)} columns with {spans} values each")
    key = np.zeros(len(columns[0]), np.int64)
    for column, low, span in zip(columns, lows, spans, strict=True):
        key = key * span + (column.astype(np.int64) - low)
    key, count = np.unique(key, return_counts=True)
    found = [count]
    for low, span in zip(reversed(lows), reversed(spans), strict=True):
        key, value = np.divmod(key, span)
        found.append(value + low)
    return (*reversed(found[1:]), count)


@dataclass(frozen=True)
class LearningLimits:
    """What a recommender must keep to, from the shop's settings."""

    min_customers: int = 5
    """Nothing is learned from fewer customers than this."""
    popularity_window_days: int = 28
    """The days that count as lately."""
    max_order_products: int = 100
    """Only so many products of one order are looked at."""
    neighbours_per_product: int = 50
    """How many neighbours a product has at most."""
    purchase_half_life_days: int = 112
    """A purchase this many days old counts half."""


@dataclass(frozen=True)
class ProductScores:
    """One number for each product; 0 says that nothing is known of it."""

    score: NDArray[np.float32]
    """Shape (products,), all finite, none negative."""
    customers: NDArray[np.int32]
    """Shape (products,): how many customers stand behind the score; 0, or at least `min_customers`."""


@dataclass(frozen=True)
class ProductLinks:
    """The neighbours of some products, one entry a pair: sorted by anchor, an anchor's strongest first."""

    anchor: NDArray[np.int32]
    other: NDArray[np.int32]
    weight: NDArray[np.float32]


@dataclass(frozen=True)
class Neighbours:
    """For each product the products that go with it, the strongest first."""

    index: NDArray[np.int32]
    """Shape (products, neighbours); -1 where there are no more."""
    weight: NDArray[np.float32]
    """Shape (products, neighbours), in 0..1, falling along a row; 0 where index is -1."""

    @classmethod
    def from_links(cls, links: Iterable[ProductLinks], products: int, most: int) -> "Neighbours":
        """These links as a table, each product's in one of them; `most` is the width."""
        near = cls(np.full((products, most), -1, np.int32), np.zeros((products, most), np.float32))
        for found in links:
            place = np.arange(len(found.anchor)) - np.searchsorted(found.anchor, found.anchor)
            near.index[found.anchor, place] = found.other
            near.weight[found.anchor, place] = found.weight
        return near


@dataclass(frozen=True)
class BlockPlan:
    """Work on neighbours that is cut into blocks. A block can be done at any time, by anyone, and twice: its links
    depend on nothing but what is given."""

    function: Callable[..., ProductLinks]
    """The links of one block, from the block and what is given. A plain function of a module."""
    args: tuple[Any, ...]
    """Numbers, texts, arrays, sparse matrices, and dataclasses of these."""
    blocks: Sequence[range]
    """Of each block the products whose neighbours it finds, ascending; of others there are none."""
    products: int
    neighbours: int

    def links(self, block: range) -> ProductLinks:
        """The result of one block."""
        return self.function(block, *self.args)

    def assemble(self, links: Iterable[ProductLinks]) -> Neighbours:
        """The results of all blocks, put together in any sequence."""
        return Neighbours.from_links(links, self.products, self.neighbours)


class BlockRecommender:
    """A recommender whose work is cut into blocks: it plans, and fitting is doing all blocks here and now. The size of
    the blocks changes nothing in the result."""

    def plan(self, history: HistoryArrays, limits: LearningLimits) -> BlockPlan:
        """What is to be done."""
        raise NotImplementedError

    def fit(self, history: HistoryArrays, limits: LearningLimits) -> Neighbours:
        """What comes of it."""
        plan = self.plan(history, limits)
        return plan.assemble(map(plan.links, plan.blocks))


class Recommender(Protocol):
    """What every file of this shelf offers under the name `recommender`."""

    name: str
    """Also the name of its arrays in a snapshot."""

    def fit(self, history: HistoryArrays, limits: LearningLimits) -> ProductScores | Neighbours:
        """What the history says, within the limits."""
        ...
