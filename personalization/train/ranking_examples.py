"""Questions that the shop's own past answers: what did its customers buy in the weeks that are held back?"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from personalization import conf
from personalization.rank import candidates, scorer
from personalization.rank.purchase_habits import PurchaseHabits, purchase_habits
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rank.visitor_history import VisitorHistory
from personalization.recommenders import GUEST, HistoryArrays
from personalization.recommenders._user_neighbours import UserItemWeights, neighbour_products, sample_pool

MAX_EXAMPLES = {
    scorer.HOME: 2_000,
    scorer.NEW: 2_000,
    scorer.BASKET: 8_000,
    scorer.GUEST_BASKET: 6_000,
    scorer.CATEGORY: 12_000,
}
"""So many questions of each kind are asked at most, so that learning costs the same in a shop of any size."""
BASKETS_EACH = 10
LISTINGS_EACH = 12
"""So many of one customer."""
SMALLEST_BASKET = 3
VISIBLE_BASKET_SHARE = 5
"""At most so many products of a basket are given; at least one, and never more than half."""
SMALLEST_LISTING = 10
LARGEST_LISTING = 300


@dataclass(frozen=True)
class RankingExample:
    """Which of the candidates did this person buy?"""

    customer: int
    person: VisitorHistory
    places: NDArray[np.int64]
    """The candidates."""
    wanted: NDArray[np.int64]
    """Places of what was bought, whether it is among the candidates or not."""
    basket: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))


@dataclass(frozen=True)
class Backtest:
    """A history cut in time: what was learned before, and what was bought after."""

    train_history: HistoryArrays
    learned: SnapshotArrays
    customer: NDArray[np.int64]
    order: NDArray[np.int64]
    product: NDArray[np.int64]
    """The lines after the cut."""

    @classmethod
    def cutoff(cls, whole: HistoryArrays, before: HistoryArrays, learned: SnapshotArrays) -> "Backtest":
        after = whole.ordered_at > before.now
        lines = (whole.customer[after], whole.order[after], whole.product[after])
        return cls(before, learned, *(line.astype(np.int64) for line in lines))

    def with_learned(self, learned: SnapshotArrays) -> "Backtest":
        """The same, with more that was learned from it."""
        past = replace(self, learned=learned)
        past.__dict__.update(people=self.people, habits=self.habits)  # what was worked out once
        return past

    @cached_property
    def habits(self) -> PurchaseHabits:
        known = self.train_history.customer != GUEST
        lines = (
            self.train_history.customer[known],
            self.train_history.product[known],
            self.train_history.ordered_at[known],
        )
        return purchase_habits(*lines, self.train_history.now, conf.get_settings().PURCHASE_HALF_LIFE_DAYS)

    @cached_property
    def customers_before(self) -> int:
        """How many customers and guests' orders there were before the cut."""
        return len(np.unique(self.train_history.customer_product))

    @cached_property
    def people(self) -> dict[int, VisitorHistory]:
        """By number, customers who bought before and after the cut: as many as questions are asked of at most."""
        everyone = np.unique(self.train_history.customer[self.train_history.customer != GUEST])
        chosen = _deterministic_shuffle(np.intersect1d(everyone, self.customer))[: max(MAX_EXAMPLES.values())]
        bounds = self.habits.bounds(int(everyone.max(initial=-1)) + 1)
        return dict(zip(chosen.tolist(), self._persons(chosen, bounds), strict=True))

    def _persons(self, customers: NDArray[np.int64], bounds: NDArray[np.int64]) -> Iterator[VisitorHistory]:
        pool = self.habits.customer[np.sort(np.unique(self.habits.customer, return_index=True)[1])]
        pool = pool[sample_pool(len(pool))]
        same = np.full(int(pool.max(initial=-1)) + 2, -1)
        same[pool] = np.arange(len(pool))
        asked = neighbour_products(
            self._weights(customers, bounds),
            self._weights(pool, bounds),
            same[np.minimum(customers, len(same) - 1)],
            conf.get_settings().MIN_CUSTOMERS,
        )
        for customer, (products, weight) in zip(customers.tolist(), asked, strict=True):
            own = slice(
                bounds[customer], min(bounds[customer + 1], bounds[customer] + conf.get_settings().GENOME_MAX_PRODUCTS)
            )
            yield VisitorHistory(
                purchased=self.habits.item[own],
                weight=self.habits.weight[own],
                days=self.habits.days[own],
                first=self.habits.first[own].astype(np.float64),
                last=self.habits.last[own].astype(np.float64),
                neighbour_products=products,
                neighbour_weight=weight,
            )

    def _weights(self, customers: NDArray[np.int64], bounds: NDArray[np.int64]) -> UserItemWeights:
        size = np.minimum(bounds[customers + 1] - bounds[customers], conf.get_settings().GENOME_MAX_PRODUCTS)
        row = np.repeat(np.arange(len(customers)), size)
        at = np.repeat(bounds[customers], size) + np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
        products = self.train_history.products
        return UserItemWeights(row, self.habits.item[at], self.habits.weight[at], len(customers), products)


def ranking_examples(past: Backtest, kind: str) -> Iterator[RankingExample]:
    """The questions of one kind, at most as many as MOST says."""
    ask = {
        scorer.HOME: home_examples,
        scorer.NEW: discovery_examples,
        scorer.BASKET: basket_examples,
        scorer.GUEST_BASKET: guest_basket_examples,
        scorer.CATEGORY: category_examples,
    }
    for count, question in enumerate(ask[kind](past)):
        if count == MAX_EXAMPLES[kind]:
            return
        yield question


def home_examples(past: Backtest) -> Iterator[RankingExample]:
    """What did the customer buy in all the weeks?"""
    for customer, bought in backtest(past):
        person = past.people[customer]
        yield RankingExample(customer, person, candidates.visitor_candidates(person, past.learned), bought)


def discovery_examples(past: Backtest) -> Iterator[RankingExample]:
    """What of it had they never bought before?"""
    for customer, bought in backtest(past):
        person = past.people[customer]
        fresh = np.setdiff1d(bought, person.purchased)
        if len(fresh):
            yield RankingExample(customer, person, candidates.discovery_candidates(person, past.learned), fresh)


def basket_examples(past: Backtest) -> Iterator[RankingExample]:
    """Given some products of an order, and who placed it: what else was in it?"""
    asked: dict[int, int] = {}
    for customer, given, rest in _split_orders(past):
        asked[customer] = asked.get(customer, 0) + 1
        if customer in past.people and asked[customer] <= BASKETS_EACH:
            person = past.people[customer]
            places = candidates.basket_candidates(person, given, past.learned)
            yield RankingExample(customer, person, places, rest, given)


def guest_basket_examples(past: Backtest) -> Iterator[RankingExample]:
    """The same, when nobody knows who placed it."""
    asked: dict[int, int] = {}
    nobody = VisitorHistory.empty()
    for customer, given, rest in _split_orders(past):
        asked[customer] = asked.get(customer, 0) + 1
        if customer == GUEST or asked[customer] <= BASKETS_EACH:
            places = candidates.basket_candidates(nobody, given, past.learned)
            yield RankingExample(customer, nobody, places, rest, given)


def category_examples(past: Backtest) -> Iterator[RankingExample]:
    """Of all products of one kind: which did the customer choose?"""
    members = _leaf_categories(past)
    kind = past.train_history.catalogue.leaf_category
    for customer, bought in backtest(past):
        person = past.people[customer]
        for chosen in _deterministic_shuffle(np.unique(kind[bought]), seed=customer)[:LISTINGS_EACH].tolist():
            wanted = bought[kind[bought] == chosen]
            listed = members.get(chosen)
            if listed is not None and np.isin(wanted, listed).any():
                yield RankingExample(customer, person, listed, wanted)


def backtest(past: Backtest) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """(customer, what they bought after the cut) for everyone who is known from before, in an arbitrary fixed order."""
    order = np.lexsort((past.product, past.customer))
    customer, product = past.customer[order], past.product[order]
    for known in past.people:
        first, last = np.searchsorted(customer, [known, known + 1])
        yield known, np.unique(product[first:last])


def _split_orders(past: Backtest) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
    """(customer, some products of an order, its other products) of the orders after the cut, shuffled."""
    rows = np.lexsort((past.product, past.order))
    order, product, customer = past.order[rows], past.product[rows], past.customer[rows]
    numbers, first = np.unique(order, return_index=True)
    last = np.append(first[1:], len(order))
    for place in _deterministic_shuffle(np.arange(len(numbers))).tolist():
        held = np.unique(product[first[place] : last[place]])
        if len(held) >= SMALLEST_BASKET:
            held = _deterministic_shuffle(held, seed=int(numbers[place]))
            given = min(VISIBLE_BASKET_SHARE, len(held) // 2)
            yield int(customer[first[place]]), held[:given], held[given:]


def _leaf_categories(past: Backtest) -> dict[int, NDArray[np.int64]]:
    """The products of each kind that were ever bought, best-selling first."""
    always = past.learned.scores("all_time_popular").score
    popular = past.learned.scores("popular").score
    sold = np.flatnonzero(always)
    order = sold[np.lexsort((sold, -always[sold], -popular[sold]))]
    kind = past.train_history.catalogue.leaf_category[order]
    found = {}
    for number in np.unique(kind[kind >= 0]).tolist():
        listed = order[kind == number]
        if len(listed) >= SMALLEST_LISTING:
            found[number] = listed[:LARGEST_LISTING].astype(np.int64)
    return found


def _deterministic_shuffle(numbers: NDArray[np.int64], seed: int = 0) -> NDArray[np.int64]:
    """The same numbers, shuffled, and always in the same way."""
    mixed = (numbers.astype(np.uint64) + np.uint64(seed % 2**32)) * np.uint64(11_400_714_819_323_198_485)
    return numbers[np.lexsort((numbers, mixed >> np.uint64(32)))]
