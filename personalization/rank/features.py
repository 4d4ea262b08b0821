"""What is known of each candidate for one visitor, as numbers: a row a feature, a column a candidate."""

from collections.abc import Iterator
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from personalization.rank.snapshot_arrays import Learned
from personalization.rank.visitor_history import Person
from personalization.recommenders import DAY

NO_BASKET = np.empty(0, np.int64)
ANCHORS = 100
"""So many of the visitor's products speak for others."""
HEARD = 25
"""So many neighbours of each of them are heard, the closest ones."""
NEVER = 1_000.0
"""Days since a purchase that never was."""
USUAL_RHYTHM = 30.0
"""Days between two purchases of a product of which no rhythm is known."""
PRIOR_PURCHASES = 2.0
"""How many purchases the repeat rate of a product is worth beside the customer's own."""
HABIT = 0.5
"""How much the usual habit of a product's customers is worth beside the customer's own."""

PERSONAL = (
    "own.weight",
    "own.share",
    "own.days",
    "own.since",
    "own.due",
    "own.expected",
    "near",
    "kind.own",
    "price.above",
    "person.products",
    "person.repeat",
)
OF_THE_PRODUCT = ("kind.popular", "kind.share", "age")
OF_THE_BASKET = ("basket.kind", "basket.size")


def names(learned: Learned) -> list[str]:
    """The features, in the order of the rows. A recommender that is added to the shelf adds its own."""
    linked = [f"{name}.{how}" for name in learned.linking() for how in ("own", "basket", "closest")]
    return [*PERSONAL, *OF_THE_PRODUCT, *OF_THE_BASKET, *learned.scoring(), *linked]


def features(
    person: Person, learned: Learned, now: float, places: NDArray[np.int64], basket: NDArray[np.int64] = NO_BASKET
) -> NDArray[np.float32]:
    """The features of the candidates at these places, each place once: shape (features, candidates)."""
    table = _Table(learned, places)
    rows = chain(
        _personal(person, table, now),
        _of_the_product(table, now),
        _of_the_basket(basket, table),
        (learned.scores(name).score[places] for name in learned.scoring()),
        _linked(person, basket, table),
    )
    found = np.empty((len(names(learned)), len(places)), np.float32)
    for row, values in enumerate(rows):
        found[row] = values
    return found


class _Table:
    """The candidates of one decision, and where each product of the shop stands among them."""

    def __init__(self, learned: Learned, places: NDArray[np.int64]) -> None:
        self.learned = learned
        self.places = places
        self.size = len(places)
        self.column = np.full(len(learned.ids) + 1, self.size, np.int32)
        self.column[places] = np.arange(self.size)

    def zeros(self) -> NDArray[np.float64]:
        return np.zeros(self.size)

    def spread(self, places: NDArray, values: NDArray, empty: float = 0.0) -> NDArray[np.float64]:
        """The values, each in its product's column."""
        row = np.full(self.size + 1, empty)
        row[self.column[places]] = values
        return row[:-1]

    def summed(self, places: NDArray, values: NDArray) -> NDArray[np.float64]:
        """The sum of the values in each product's column; place -1 is nobody's."""
        sums = np.bincount(self.column[places].ravel(), values.ravel(), self.size + 1)
        return sums[: self.size].astype(np.float64)

    def highest(self, places: NDArray, values: NDArray) -> NDArray[np.float64]:
        """The highest of the values in each product's column, or 0."""
        row = np.zeros(self.size + 1)
        np.maximum.at(row, self.column[places].ravel(), values.ravel())
        return row[:-1]


def _personal(person: Person, table: _Table, now: float) -> Iterator[NDArray]:
    own, total = person.own, max(float(person.weight.sum()), 1e-9)
    since = np.maximum(now - person.last, 0) / DAY
    yield table.spread(own, person.weight)
    yield table.spread(own, person.weight / total)
    yield table.spread(own, person.days)
    yield table.spread(own, since, empty=NEVER)
    yield table.spread(own, since / rhythm(person, table.learned))
    yield table.spread(own, expected(person, table.learned))
    yield table.spread(person.near, person.near_weight)
    yield _kind_share(person, table)
    yield _price_above(person, table)
    yield np.full(table.size, len(own))
    yield np.full(table.size, person.repeat_share)


def expected(person: Person, learned: Learned) -> NDArray[np.float64]:
    """How much of a habit each of the visitor's own products is: their own weight, how readily people buy it again
    (worth two purchases), and half the usual habit of its customers."""
    repeat = learned.scores("repurchase_rate").score[person.own]
    return person.weight + PRIOR_PURCHASES * repeat + HABIT * learned.scores("repurchase_frequency").score[person.own]


def rhythm(person: Person, learned: Learned) -> NDArray[np.float64]:
    """After how many days the visitor buys each of their products again; the product's own rhythm counts as one gap."""
    usual = learned.scores("repurchase_interval").score[person.own]
    usual = np.where(usual > 0, usual, USUAL_RHYTHM)
    return np.maximum(((person.last - person.first) / DAY + usual) / np.maximum(person.days, 1), 1)


def _kind_share(person: Person, table: _Table) -> NDArray[np.float64]:
    """The part of the candidate's kind in what the visitor buys."""
    kind = table.learned.arrays["product.kind"]
    total = max(float(person.weight.sum()), 1e-9)
    of_kind = np.bincount(kind[person.own] + 1, person.weight, int(kind.max(initial=-1)) + 2) / total
    return of_kind[kind[table.places] + 1]


def _price_above(person: Person, table: _Table) -> NDArray[np.float64]:
    """The logarithm of the price against what the visitor usually pays."""
    price = table.learned.arrays["product.price"]
    known = price[person.own] > 0
    if not known.any():
        return table.zeros()
    usual = np.average(np.log(price[person.own][known]), weights=person.weight[known] + 1e-9)
    return np.where(price[table.places] > 0, np.log(np.maximum(price[table.places], 1e-2)) - usual, 0)


def _of_the_product(table: _Table, now: float) -> Iterator[NDArray]:
    arrays = table.learned.arrays
    yield arrays["product.kind_popular"][table.places]
    yield arrays["product.kind_share"][table.places]
    yield np.clip((now - arrays["product.created"][table.places]) / DAY, 0, NEVER)


def _of_the_basket(basket: NDArray, table: _Table) -> Iterator[NDArray]:
    kind = table.learned.arrays["product.kind"]
    yield np.isin(kind[table.places], kind[basket]) & (kind[table.places] >= 0)
    yield np.full(table.size, len(basket))


def _linked(person: Person, basket: NDArray, table: _Table) -> Iterator[NDArray]:
    """By every recommender that links: how closely a candidate goes with the visitor's products and the basket's."""
    anchors = person.own[:ANCHORS]
    say = np.log1p(person.weight[:ANCHORS])
    say = say / max(float(say.sum()), 1e-9)
    nothing = np.zeros(table.size)
    for name in table.learned.linking():
        near, heard = table.learned.neighbours(name), name not in table.learned.silent
        own, asked = heard and len(anchors), heard and len(basket)
        index, weight = near.index[anchors, :HEARD], near.weight[anchors, :HEARD]
        yield table.summed(index, weight * say[:, None]) if own else nothing
        yield table.summed(near.index[basket], near.weight[basket]) / len(basket) if asked else nothing
        yield table.highest(near.index[basket], near.weight[basket]) if asked else nothing
