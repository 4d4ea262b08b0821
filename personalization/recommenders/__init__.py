"""The recommenders: one file is one recommender, which learns from a shop's history. A shop adds its own by
`personalization.plugins`.

Arrays in, arrays out, no Django, no clock, no chance: a history always gives the same arrays, to the last bit. Products
are numbers 0..products-1 here; only `train` knows their primary keys.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

GUEST = -1
"""The customer of an order without an account."""

UNKNOWN_COUNTRY = -1
"""The country of an order without a shipping address."""

DAY = 86_400.0
"""Seconds of a day."""

NEWCOMER_DAYS = 28
"""A customer whose first order is not this old is a newcomer."""
YOUNG_SHOP_DAYS = 56
"""In a shop whose first order is not this old nobody is one: it has hardly any other customers."""


@dataclass(frozen=True)
class KeptWords:
    """How an earlier training run weighed the words of the catalogue."""

    word_hash: NDArray[np.int64]
    """Hashes, ascending."""
    weight: NDArray[np.float64]
    """0 for a word that was in too many texts."""
    changed: int = 0
    """How many products changed, came or went since the words were weighed."""


@dataclass(frozen=True)
class KeptLinks:
    """The products of an earlier training run and their closest neighbours, by what their texts say. One entry for each
    of its products."""

    number: NDArray[np.int32]
    """The number of the product now, ascending; -1 where it is gone."""
    digest: NDArray[np.int64]
    """Differs where the terms of the product differ."""
    index: NDArray[np.int32]
    """Shape (products, neighbours): numbers of that run; -1 where there are no more."""
    weight: NDArray[np.float32]


@dataclass(frozen=True)
class KeptTexts:
    """What an earlier training run learned from texts alone, for one that goes on from there."""

    word_weights: KeptWords
    links: KeptLinks


@dataclass(frozen=True)
class CatalogueArrays:
    """The shop's catalogue: one entry for each product."""

    leaf_category: NDArray[np.int32]
    """0..categories-1: the deepest category of the product; -1 where it has none."""
    price: NDArray[np.float32]
    """The lowest price of the product, in the shop's currency; 0 where it has none."""
    created: NDArray[np.float64]
    """When the product was created, in seconds since 1970."""
    text: Sequence[str]
    """Title, description and attribute values."""
    category_key: NDArray[np.int64] | None = None
    """Differs for each leaf category, and is the same in the next training run; None where that is unknown."""
    kept_texts: KeptTexts | None = None
    """What an earlier run learned from the texts, where it may be gone on from."""
    derived: dict[str, Any] = field(init=False, default_factory=dict, compare=False, repr=False)
    """What recommenders work out from these alone and share, by name: once for all of them, and for all cuts of a
    history."""

    @classmethod
    def empty(cls, products: int) -> "CatalogueArrays":
        """A catalogue of this many products without category, price and text."""
        return cls(
            leaf_category=np.full(products, -1, np.int32),
            price=np.zeros(products, np.float32),
            created=np.zeros(products),
            text=[""] * products,
        )


@dataclass(frozen=True)
class ViewArrays:
    """Views of product pages: one entry for each view, in any sequence."""

    customer: NDArray[np.int32]
    """As in the history, whose numbers go on here for customers who never bought anything."""
    product: NDArray[np.int32]
    """0..products-1; a child product counts as its parent."""
    seen: NDArray[np.float64]
    """When, in seconds since 1970."""

    @classmethod
    def empty(cls) -> "ViewArrays":
        """No views."""
        return cls(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0))

    def take(self, entries: NDArray[np.bool_]) -> "ViewArrays":
        """Those that the mask selects."""
        return ViewArrays(self.customer[entries], self.product[entries], self.seen[entries])


@dataclass(frozen=True)
class ShownArrays:
    """Cards of products in rows and lists: one entry for each product and week in which it was seen, in any sequence.
    A visitor counts once a week for a product in a place."""

    product: NDArray[np.int32]
    """0..products-1."""
    ended: NDArray[np.float64]
    """The end of the week, in seconds since 1970."""
    cards: NDArray[np.int64]
    """How often it was seen."""
    viewers: NDArray[np.int64]
    """At least so many visitors saw it."""
    clicks: NDArray[np.int64]
    expected: NDArray[np.float64]
    """The clicks that any product would have had in its places."""

    @classmethod
    def from_rows(cls, rows: Sequence[tuple[float, ...]]) -> "ShownArrays":
        """From (product, end of the week, cards, viewers, clicks, expected clicks)."""
        table = np.array(rows, np.float64).reshape(-1, 6)
        product, ended, cards, viewers, clicks, expected = table.T
        seen, by, clicked = (column.astype(np.int64) for column in (cards, viewers, clicks))
        return cls(product.astype(np.int32), ended, seen, by, clicked, expected)

    def select(self, entries: NDArray[Any]) -> "ShownArrays":
        """These entries only: a mask, or their numbers."""
        return ShownArrays(*(column[entries] for column in vars(self).values()))


NOTHING_SHOWN = ShownArrays.from_rows(())


@dataclass(frozen=True)
class HistoryArrays:
    """A shop's purchases up to `now`. The first four arrays and `country` have one entry for each order line, in any
    sequence."""

    customer: NDArray[np.int32]
    """0..customers-1, or GUEST."""
    order: NDArray[np.int32]
    """0..orders-1."""
    product: NDArray[np.int32]
    """0..products-1; a child product counts as its parent."""
    ordered_at: NDArray[np.float64]
    """When the order was placed, in seconds since 1970."""
    products: int
    """The number of the shop's products."""
    now: float
    """The end of the history, in seconds since 1970; no line and no view is later."""
    catalogue: CatalogueArrays
    views: ViewArrays
    country: NDArray[np.int32]
    """The shipping country of each line: 0..countries-1, or UNKNOWN_COUNTRY."""
    countries: Sequence[str]
    """The ISO codes of the countries, ascending."""
    shown: ShownArrays = NOTHING_SHOWN

    def until(self, moment: float) -> "HistoryArrays":
        """The history up to an earlier moment (seconds since 1970), with today's catalogue."""
        before = self.ordered_at <= moment
        return replace(
            self,
            customer=self.customer[before],
            order=self.order[before],
            product=self.product[before],
            ordered_at=self.ordered_at[before],
            country=self.country[before],
            now=moment,
            views=self.views.take(self.views.seen <= moment),
            shown=self.shown.select(self.shown.ended <= moment),
        )

    @cached_property
    def established(self) -> NDArray[np.bool_]:
        """Whether each customer is no newcomer. The last entry, which GUEST chooses, is the guests': nobody knows since
        when they come."""
        customers = max(int(self.customer.max(initial=-1)), int(self.views.customer.max(initial=-1))) + 1
        if self.ordered_at.min(initial=self.now) > self.now - YOUNG_SHOP_DAYS * DAY:
            return np.ones(customers + 1, bool)
        first = np.full(customers + 1, np.inf)
        np.minimum.at(first, self.customer, self.ordered_at)
        first[GUEST] = np.inf
        return first <= self.now - NEWCOMER_DAYS * DAY

    @property
    def buyer(self) -> NDArray[np.int64]:
        """The buyer of each line: the customer, or a negative number of its own for each order of a guest."""
        return np.where(self.customer == GUEST, -1 - self.order.astype(np.int64), self.customer)

    @property
    def day(self) -> NDArray[np.int64]:
        """The day of each line, in days since 1970."""
        return (self.ordered_at // DAY).astype(np.int64)

    def customer_counts(self, lines: NDArray[np.bool_]) -> NDArray[np.int32]:
        """The number of different buyers of each product, shape (products,), among the lines that the mask selects."""
        product, _ = distinct_pairs(self.product[lines], self.buyer[lines])
        return np.bincount(product, minlength=self.products).astype(np.int32)

    def bounded_customer_counts(self, lines: NDArray[np.bool_]) -> NDArray[np.int32]:
        """As `customer_counts`, but newcomers and guests count at most as many as established customers."""
        product, buyer = distinct_pairs(self.product[lines], self.buyer[lines])
        established = self.established[np.maximum(buyer, GUEST)]
        one, other = (np.bincount(product[rows], minlength=self.products) for rows in (established, ~established))
        return bounded_sum(one, other).astype(np.int32)

    def purchases(self, lines: NDArray[np.bool_]) -> NDArray[np.int32]:
        """The number of purchases of each product, shape (products,), among the lines that the mask selects; a buyer
        counts once a day."""
        product, _, _ = distinct_pairs(self.product[lines], self.buyer[lines], self.day[lines])
        return np.bincount(product, minlength=self.products).astype(np.int32)

    def purchases_with_support(self, lines: NDArray[np.bool_], min_customers: int) -> NDArray[np.int32]:
        """As `purchases`, but 0 for products with fewer than `min_customers` buyers."""
        return np.where(self.customer_counts(lines) >= min_customers, self.purchases(lines), 0).astype(np.int32)


def bounded_sum(established: NDArray[Any], others: NDArray[Any]) -> NDArray[Any]:
    """What is counted of two groups where anybody can make more of the second: these count at most as much as the
    first, and nothing without it."""
    total: NDArray[Any] = established + np.minimum(others, established)
    return total


def distinct_pairs(*columns: NDArray[np.integer]) -> tuple[NDArray[np.int64], ...]:
    """The distinct rows of a table, sorted. Takes and gives its columns."""
    return count_by_product(*columns)[:-1]


def count_by_product(*columns: NDArray[np.integer]) -> tuple[NDArray[np.int64], ...]:
    """The distinct rows of a table, sorted, and in a last column how often each was there. Takes and gives its columns.

    Raises
    ------
    OverflowError : the combinations of values are too many to be numbered in 63 bits.
    """
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
    """The limits that a recommender keeps to, from the shop's settings."""

    min_customers: int = 5
    """Nothing is learned from fewer customers than this."""
    popularity_window_days: int = 28
    """The days that count as recent."""
    max_order_products: int = 100
    """At most this many products of one order count."""
    neighbours_per_product: int = 50
    """At most this many neighbours of one product are kept."""
    purchase_half_life_days: int = 112
    """A purchase that is this many days old counts half."""


@dataclass(frozen=True)
class ProductScores:
    """One number for each product; 0 where nothing was learned of it."""

    score: NDArray[np.float32]
    """Shape (products,), all finite, none negative."""
    customers: NDArray[np.int32]
    """Shape (products,): the number of customers behind the score; 0, or at least `min_customers`."""


@dataclass(frozen=True)
class ProductLinks:
    """The neighbours of some products, one entry for each pair: sorted by anchor, each anchor's closest first."""

    anchor: NDArray[np.int32]
    other: NDArray[np.int32]
    weight: NDArray[np.float32]


@dataclass(frozen=True)
class Neighbours:
    """For each product its neighbours, the closest first."""

    index: NDArray[np.int32]
    """Shape (products, neighbours); -1 where there are no more."""
    weight: NDArray[np.float32]
    """Shape (products, neighbours), in 0..1, falling along a row; 0 where index is -1."""

    @classmethod
    def from_links(cls, links: Iterable[ProductLinks], products: int, width: int) -> "Neighbours":
        """These links as a table of this width; all links of a product are in one of them."""
        near = cls(np.full((products, width), -1, np.int32), np.zeros((products, width), np.float32))
        for found in links:
            rank = np.arange(len(found.anchor)) - np.searchsorted(found.anchor, found.anchor)
            near.index[found.anchor, rank] = found.other
            near.weight[found.anchor, rank] = found.weight
        return near


@dataclass(frozen=True)
class BlockPlan:
    """The work of finding neighbours, cut into blocks. A block can be done at any time, anywhere, and twice: its links
    depend on nothing but the arguments."""

    function: Callable[..., ProductLinks]
    """Gives the links of one block, from the block and `args`. A function at the top level of a module."""
    args: tuple[Any, ...]
    """Numbers, strings, arrays, sparse matrices, and dataclasses of these."""
    blocks: Sequence[range]
    """Of each block the products whose neighbours it finds, ascending; other products have none."""
    products: int
    neighbours: int

    def links(self, block: range) -> ProductLinks:
        """The links of one block."""
        return self.function(block, *self.args)

    def assemble(self, links: Iterable[ProductLinks]) -> Neighbours:
        """The links of all blocks, which come in any sequence, as one table."""
        return Neighbours.from_links(links, self.products, self.neighbours)


class BlockRecommender:
    """A recommender that plans its work in blocks, so that an engine can do them anywhere; `fit` does them all at once.
    The size of the blocks does not change the result."""

    def plan(self, history: HistoryArrays, limits: LearningLimits) -> BlockPlan:
        """The blocks of the work."""
        raise NotImplementedError

    def fit(self, history: HistoryArrays, limits: LearningLimits) -> Neighbours:
        """The neighbours of all products."""
        plan = self.plan(history, limits)
        return plan.assemble(map(plan.links, plan.blocks))


class Recommender(Protocol):
    """The contract of a recommender: each file of this folder offers one under the name `recommender`."""

    name: str
    """Also the name of its arrays in a snapshot and of its features: lower-case letters, digits and underscores."""

    def fit(self, history: HistoryArrays, limits: LearningLimits) -> ProductScores | Neighbours:
        """Learns from the history, within the limits: one score for each product, or the neighbours of each.

        `personalization.testing.check_recommender` tries what is expected: shapes and dtypes, that the result depends
        on nothing but the history, and that nothing is learned from fewer than `limits.min_customers` customers.
        """
        ...


def is_ranking_feature(recommender: Recommender) -> bool:
    """Whether rankers and candidates go by what the recommender learns. One with `is_ranking_feature = False` links
    products for rows alone: it costs rankers nothing and changes none of them."""
    return bool(getattr(recommender, "is_ranking_feature", True))
