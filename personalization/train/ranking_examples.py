"""Examples to learn a ranker from: what did the shop's customers buy in the evaluation weeks, given all that was known
before?"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization import conf
from personalization.rank import tasks
from personalization.rank.purchase_habits import PurchaseHabits, purchase_habits
from personalization.rank.query_features import EngineHits
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rank.tasks import RankingTask
from personalization.rank.visitor_history import NO_BASKET, VisitorHistory
from personalization.recommenders import GUEST, HistoryArrays
from personalization.recommenders._user_neighbours import UserItemWeights, neighbour_products, sample_pool

MAX_CUSTOMERS = max(task.max_examples for task in tasks.RANKING_TASKS.values())
BASKETS_PER_CUSTOMER = 10
CATEGORIES_PER_CUSTOMER = 12
"""At most this many examples of one customer."""
MIN_BASKET_SIZE = 3
MAX_VISIBLE_PRODUCTS = 5
"""At most this many products of an order are given: at least one, and never more than half."""
ANONYMOUS_EVERY = 2
"""One in this many searches is learned from as that of an anonymous visitor, too."""
MIN_CATEGORY_SIZE = 10
MAX_CATEGORY_SIZE = 300


@dataclass(frozen=True)
class RankingExample:
    """Which of the candidates did this customer buy?"""

    customer: int
    """The customer's number in the history, or GUEST."""
    history: VisitorHistory
    """Their purchases before the cut; an empty one where the task knows no customer."""
    candidates: NDArray[np.int64]
    """Indices of products."""
    bought: NDArray[np.int64]
    """Indices of the products that were bought, whether they are among the candidates or not."""
    basket: NDArray[np.int64] = field(default_factory=lambda: NO_BASKET)
    """Indices of the products of the order that are given."""
    hits: EngineHits | None = None
    """The search and what the engine found, where the task is one."""


@dataclass(frozen=True)
class ObservedSearch:
    """A search of a customer, and what they chose among the hits."""

    customer: int
    hits: EngineHits
    chosen: NDArray[np.int64]
    """Indices of products."""


@dataclass(frozen=True)
class Backtest:
    """A history cut in time: what was learned before the cut, and what was bought after it."""

    train_history: HistoryArrays
    """The purchases before the cut."""
    learned: SnapshotArrays
    """What was learned from them."""
    customer: NDArray[np.int64]
    order: NDArray[np.int64]
    product: NDArray[np.int64]
    """The order lines after the cut, one entry each."""
    searches: Sequence["ObservedSearch"] = ()
    """Searches after the cut, and what was chosen."""

    @classmethod
    def cutoff(
        cls, whole: HistoryArrays, before: HistoryArrays, learned: SnapshotArrays, until: float = inf
    ) -> "Backtest":
        """The lines of the whole history that are later than those from which was learned, up to a moment (seconds
        since 1970)."""
        after = (whole.ordered_at > before.now) & (whole.ordered_at <= until)
        customer, order, product = (
            line[after].astype(np.int64) for line in (whole.customer, whole.order, whole.product)
        )
        return cls(before, learned, customer, order, product)

    def with_learned(self, learned: SnapshotArrays) -> "Backtest":
        """A copy with other arrays, the ranker's among them, that shares what was computed from the history."""
        past = replace(self, learned=learned)
        past.__dict__.update(histories=self.histories, habits=self.habits)  # cached properties
        return past

    def with_searches(self, searches: Sequence["ObservedSearch"]) -> "Backtest":
        """A copy with these searches, that shares what was computed from the history."""
        past = replace(self, searches=searches)
        past.__dict__.update(histories=self.histories, habits=self.habits)  # cached properties
        return past

    @cached_property
    def habits(self) -> PurchaseHabits:
        """The habits of all customers before the cut."""
        history = self.train_history
        signed_in = history.customer != GUEST
        lines = (history.customer[signed_in], history.product[signed_in], history.ordered_at[signed_in])
        return purchase_habits(*lines, history.now, conf.get_settings().PURCHASE_HALF_LIFE_DAYS)

    @cached_property
    def customers_before(self) -> int:
        """The number of customers before the cut; each order of a guest counts as one."""
        return len(np.unique(self.train_history.buyer))

    @cached_property
    def histories(self) -> dict[int, VisitorHistory]:
        """By number, at most MAX_CUSTOMERS customers who bought both before and after the cut."""
        everyone = np.unique(self.train_history.customer[self.train_history.customer != GUEST])
        chosen = _deterministic_shuffle(np.intersect1d(everyone, self.customer))[:MAX_CUSTOMERS]
        bounds = self.habits.bounds(int(everyone.max(initial=-1)) + 1)
        return dict(zip(chosen.tolist(), self._visitor_histories(chosen, bounds), strict=True))

    def _visitor_histories(self, customers: NDArray[np.int64], bounds: NDArray[np.int64]) -> Iterator[VisitorHistory]:
        pool = self.habits.customer[np.sort(np.unique(self.habits.customer, return_index=True)[1])]
        pool = pool[sample_pool(len(pool))]
        pool_row = np.full(int(pool.max(initial=-1)) + 2, -1)
        pool_row[pool] = np.arange(len(pool))
        settings = conf.get_settings()
        neighbours = neighbour_products(
            self._user_items(customers, bounds),
            self._user_items(pool, bounds),
            pool_row[np.minimum(customers, len(pool_row) - 1)],
            settings.MIN_CUSTOMERS,
        )
        for customer, (products, weight) in zip(customers.tolist(), neighbours, strict=True):
            first, last = bounds[customer], bounds[customer + 1]
            own = slice(first, min(last, first + settings.GENOME_MAX_PRODUCTS))
            yield VisitorHistory(
                purchased=self.habits.item[own],
                weight=self.habits.weight[own],
                days=self.habits.days[own],
                first=self.habits.first[own].astype(np.float64),
                last=self.habits.last[own].astype(np.float64),
                neighbour_products=products,
                neighbour_weight=weight,
            )

    def _user_items(self, customers: NDArray[np.int64], bounds: NDArray[np.int64]) -> UserItemWeights:
        size = np.minimum(bounds[customers + 1] - bounds[customers], conf.get_settings().GENOME_MAX_PRODUCTS)
        row = np.repeat(np.arange(len(customers)), size)
        entry = np.repeat(bounds[customers], size) + np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
        products = self.train_history.products
        return UserItemWeights(row, self.habits.item[entry], self.habits.weight[entry], len(customers), products)


ExampleBuilder = Callable[[Backtest, RankingTask], Iterator[RankingExample]]

EXAMPLE_BUILDERS: dict[RankingTask, ExampleBuilder] = {}
"""How the past answers each task."""


def builds_examples(*answered: RankingTask) -> Callable[[ExampleBuilder], ExampleBuilder]:
    """Registers a function as the one that makes the examples of these tasks."""

    def register(function: ExampleBuilder) -> ExampleBuilder:
        EXAMPLE_BUILDERS.update(dict.fromkeys(answered, function))
        return function

    return register


def ranking_examples(past: Backtest, task: RankingTask) -> Iterator[RankingExample]:
    """The examples of a task, at most `task.max_examples`, in a fixed arbitrary sequence."""
    return islice(EXAMPLE_BUILDERS[task](past, task), task.max_examples)


def examples_of_windows(windows: Sequence[Backtest], task: RankingTask) -> Iterator[tuple[RankingExample, Backtest]]:
    """The examples of a task from several cuts of one history, each with its cut: as many of each cut as of the others,
    at most `task.max_examples` in all."""
    for past in windows:
        for example in islice(ranking_examples(past, task), -(-task.max_examples // len(windows))):
            yield example, past


@builds_examples(tasks.HOME)
def home_examples(past: Backtest, task: RankingTask) -> Iterator[RankingExample]:
    """For each customer: all that they bought after the cut."""
    for customer, bought in purchases_after_cut(past):
        yield _customer_example(customer, bought, past, task)


@builds_examples(tasks.DISCOVERY)
def discovery_examples(past: Backtest, task: RankingTask) -> Iterator[RankingExample]:
    """For each customer: what they bought after the cut and never before."""
    for customer, bought in purchases_after_cut(past):
        new = np.setdiff1d(bought, past.histories[customer].purchased)
        if len(new):
            yield _customer_example(customer, new, past, task)


@builds_examples(tasks.BASKET, tasks.GUEST_BASKET)
def basket_examples(past: Backtest, task: RankingTask) -> Iterator[RankingExample]:
    """For each order after the cut: some of its products are given, the others are asked for. A guest basket comes
    without the history of its customer, and guests' orders are among them."""
    orders: Counter[int] = Counter()
    for customer, given, rest in _split_orders(past):
        orders[customer] += 1
        history = VisitorHistory.empty() if task is tasks.GUEST_BASKET else past.histories.get(customer)
        if history is not None and (customer == GUEST or orders[customer] <= BASKETS_PER_CUSTOMER):
            yield RankingExample(customer, history, _candidates(task, history, past, given), rest, given)


@builds_examples(tasks.CATEGORY)
def category_examples(past: Backtest, task: RankingTask) -> Iterator[RankingExample]:
    """For each customer and some of the categories that they bought from: the products of the category."""
    members = _category_members(past)
    category = past.train_history.catalogue.leaf_category
    for customer, bought in purchases_after_cut(past):
        categories = _deterministic_shuffle(np.unique(category[bought]), seed=customer)
        for number in categories[:CATEGORIES_PER_CUSTOMER].tolist():
            chosen, listed = bought[category[bought] == number], members.get(number)
            if listed is not None and np.isin(chosen, listed).any():
                yield RankingExample(customer, past.histories[customer], listed, chosen)


@builds_examples(tasks.SEARCH)
def search_examples(past: Backtest, task: RankingTask) -> Iterator[RankingExample]:
    """For each search after the cut: the products that the engine found. Some as an anonymous visitor, too."""
    for number, search in enumerate(past.searches):
        candidates = search.hits.product_indices[search.hits.product_indices >= 0]
        for history in (
            past.histories[search.customer],
            *([] if number % ANONYMOUS_EVERY else [VisitorHistory.empty()]),
        ):
            yield RankingExample(search.customer, history, candidates, search.chosen, hits=search.hits)


def _customer_example(customer: int, bought: NDArray[Any], past: Backtest, task: RankingTask) -> RankingExample:
    history = past.histories[customer]
    return RankingExample(customer, history, _candidates(task, history, past), bought)


def _candidates(
    task: RankingTask, history: VisitorHistory, past: Backtest, basket: NDArray[Any] = NO_BASKET
) -> NDArray[np.int64]:
    assert task.candidates is not None
    return task.candidates(history, past.learned, basket, "")


def purchases_after_cut(past: Backtest) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """(customer, what they bought after the cut) of each of `past.histories`."""
    order = np.lexsort((past.product, past.customer))
    customer, product = past.customer[order], past.product[order]
    for number in past.histories:
        first, last = np.searchsorted(customer, [number, number + 1])
        yield number, np.unique(product[first:last])


def _split_orders(past: Backtest) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
    """(customer, some products of an order, its other products) of the orders after the cut, shuffled."""
    rows = np.lexsort((past.product, past.order))
    order, product, customer = past.order[rows], past.product[rows], past.customer[rows]
    numbers, first = np.unique(order, return_index=True)
    last = np.append(first[1:], len(order))
    for number in _deterministic_shuffle(np.arange(len(numbers))).tolist():
        products = np.unique(product[first[number] : last[number]])
        if len(products) >= MIN_BASKET_SIZE:
            products = _deterministic_shuffle(products, seed=int(numbers[number]))
            visible = min(MAX_VISIBLE_PRODUCTS, len(products) // 2)
            yield int(customer[first[number]]), products[:visible], products[visible:]


def _category_members(past: Backtest) -> dict[int, NDArray[np.int64]]:
    """The products of each leaf category that were ever bought, best-selling first."""
    ever = past.learned.scores("all_time_popular").score
    lately = past.learned.scores("popular").score
    sold = np.flatnonzero(ever)
    best_first = sold[np.lexsort((sold, -ever[sold], -lately[sold]))]
    category = past.train_history.catalogue.leaf_category[best_first]
    members = {}
    for number in np.unique(category[category >= 0]).tolist():
        listed = best_first[category == number]
        if len(listed) >= MIN_CATEGORY_SIZE:
            members[number] = listed[:MAX_CATEGORY_SIZE].astype(np.int64)
    return members


def _deterministic_shuffle(numbers: NDArray[np.int64], seed: int = 0) -> NDArray[np.int64]:
    """The numbers in a sequence that looks random and depends on nothing but them and the seed (Fibonacci hashing)."""
    mixed = (numbers.astype(np.uint64) + np.uint64(seed % 2**32)) * np.uint64(11_400_714_819_323_198_485)
    return numbers[np.lexsort((numbers, mixed >> np.uint64(32)))]
