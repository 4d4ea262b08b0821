"""What is known of each candidate for one visitor, as numbers: a row a feature, a column a candidate."""

from collections.abc import Iterator
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rank.visitor_history import VisitorHistory
from personalization.recommenders import DAY

NO_BASKET = np.empty(0, np.int64)
MAX_ANCHORS = 100
"""So many of the visitor's products speak for others."""
NEIGHBOURS_PER_ANCHOR = 25
"""So many neighbours of each of them are heard, the closest ones."""
NEVER_BOUGHT_DAYS = 1_000.0
"""Days since a purchase that never was."""
DEFAULT_INTERVAL_DAYS = 30.0
"""Days between two purchases of a product of which no rhythm is known."""
PRIOR_PURCHASES = 2.0
"""How many purchases the repeat rate of a product is worth beside the customer's own."""
CUSTOMER_BASE_WEIGHT = 0.5
"""How much the usual habit of a product's customers is worth beside the customer's own."""

VISITOR_FEATURES = (
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
PRODUCT_FEATURES = ("kind.popular", "kind.share", "age")
BASKET_FEATURES = ("basket.kind", "basket.size")


def feature_names(learned: SnapshotArrays) -> list[str]:
    """The features, in the order of the rows. A recommender that is added to the shelf adds its own."""
    linked = [f"{name}.{how}" for name in learned.neighbour_recommenders() for how in ("own", "basket", "closest")]
    return [*VISITOR_FEATURES, *PRODUCT_FEATURES, *BASKET_FEATURES, *learned.score_recommenders(), *linked]


def compute_features(
    person: VisitorHistory,
    learned: SnapshotArrays,
    now: float,
    places: NDArray[np.int64],
    basket: NDArray[np.int64] = NO_BASKET,
) -> NDArray[np.float32]:
    """The features of the candidates at these places, each place once: shape (features, candidates)."""
    table = FeatureTable(learned, places)
    rows = chain(
        _visitor_features(person, table, now),
        _product_features(table, now),
        _basket_features(basket, table),
        (learned.scores(name).score[places] for name in learned.score_recommenders()),
        _neighbour_features(person, basket, table),
    )
    found = np.empty((len(feature_names(learned)), len(places)), np.float32)
    for row, values in enumerate(rows):
        found[row] = values
    return found


class FeatureTable:
    """The candidates of one decision, and where each product of the shop stands among them."""

    def __init__(self, learned: SnapshotArrays, places: NDArray[np.int64]) -> None:
        self.learned = learned
        self.places = places
        self.size = len(places)
        self.column = np.full(len(learned.ids) + 1, self.size, np.int32)
        self.column[places] = np.arange(self.size)

    def zeros(self) -> NDArray[np.float64]:
        return np.zeros(self.size)

    def scatter(self, places: NDArray, values: NDArray, empty: float = 0.0) -> NDArray[np.float64]:
        """The values, each in its product's column."""
        row = np.full(self.size + 1, empty)
        row[self.column[places]] = values
        return row[:-1]

    def sum_by_product(self, places: NDArray, values: NDArray) -> NDArray[np.float64]:
        """The sum of the values in each product's column; place -1 is nobody's."""
        sums = np.bincount(self.column[places].ravel(), values.ravel(), self.size + 1)
        return sums[: self.size].astype(np.float64)

    def max_by_product(self, places: NDArray, values: NDArray) -> NDArray[np.float64]:
        """The highest of the values in each product's column, or 0."""
        row = np.zeros(self.size + 1)
        np.maximum.at(row, self.column[places].ravel(), values.ravel())
        return row[:-1]


def _visitor_features(person: VisitorHistory, table: FeatureTable, now: float) -> Iterator[NDArray]:
    own, total = person.purchased, max(float(person.weight.sum()), 1e-9)
    since = np.maximum(now - person.last, 0) / DAY
    yield table.scatter(own, person.weight)
    yield table.scatter(own, person.weight / total)
    yield table.scatter(own, person.days)
    yield table.scatter(own, since, empty=NEVER_BOUGHT_DAYS)
    yield table.scatter(own, since / expected_interval(person, table.learned))
    yield table.scatter(own, repurchase_strength(person, table.learned))
    yield table.scatter(person.neighbour_products, person.neighbour_weight)
    yield _category_purchase_share(person, table)
    yield _price_log_ratio(person, table)
    yield np.full(table.size, len(own))
    yield np.full(table.size, person.repurchase_share)


def repurchase_strength(person: VisitorHistory, learned: SnapshotArrays) -> NDArray[np.float64]:
    """How much of a habit each of the visitor's own products is: their own weight, how readily people buy it again
    (worth two purchases), and half the usual habit of its customers."""
    repeat = learned.scores("repurchase_rate").score[person.purchased]
    return (
        person.weight
        + PRIOR_PURCHASES * repeat
        + CUSTOMER_BASE_WEIGHT * learned.scores("repurchase_frequency").score[person.purchased]
    )


def expected_interval(person: VisitorHistory, learned: SnapshotArrays) -> NDArray[np.float64]:
    """After how many days the visitor buys each of their products again; the product's own rhythm counts as one gap."""
    usual = learned.scores("repurchase_interval").score[person.purchased]
    usual = np.where(usual > 0, usual, DEFAULT_INTERVAL_DAYS)
    return np.maximum(((person.last - person.first) / DAY + usual) / np.maximum(person.days, 1), 1)


def _category_purchase_share(person: VisitorHistory, table: FeatureTable) -> NDArray[np.float64]:
    """The part of the candidate's kind in what the visitor buys."""
    kind = table.learned.arrays["product.kind"]
    total = max(float(person.weight.sum()), 1e-9)
    of_kind = np.bincount(kind[person.purchased] + 1, person.weight, int(kind.max(initial=-1)) + 2) / total
    return of_kind[kind[table.places] + 1]


def _price_log_ratio(person: VisitorHistory, table: FeatureTable) -> NDArray[np.float64]:
    """The logarithm of the price against what the visitor usually pays."""
    price = table.learned.arrays["product.price"]
    known = price[person.purchased] > 0
    if not known.any():
        return table.zeros()
    usual = np.average(np.log(price[person.purchased][known]), weights=person.weight[known] + 1e-9)
    return np.where(price[table.places] > 0, np.log(np.maximum(price[table.places], 1e-2)) - usual, 0)


def _product_features(table: FeatureTable, now: float) -> Iterator[NDArray]:
    arrays = table.learned.arrays
    yield arrays["product.kind_popular"][table.places]
    yield arrays["product.kind_share"][table.places]
    yield np.clip((now - arrays["product.created"][table.places]) / DAY, 0, NEVER_BOUGHT_DAYS)


def _basket_features(basket: NDArray, table: FeatureTable) -> Iterator[NDArray]:
    kind = table.learned.arrays["product.kind"]
    yield np.isin(kind[table.places], kind[basket]) & (kind[table.places] >= 0)
    yield np.full(table.size, len(basket))


def _neighbour_features(person: VisitorHistory, basket: NDArray, table: FeatureTable) -> Iterator[NDArray]:
    """By every recommender that links: how closely a candidate goes with the visitor's products and the basket's."""
    anchors = person.purchased[:MAX_ANCHORS]
    say = np.log1p(person.weight[:MAX_ANCHORS])
    say = say / max(float(say.sum()), 1e-9)
    nothing = np.zeros(table.size)
    for name in table.learned.neighbour_recommenders():
        near, heard = table.learned.neighbours(name), name not in table.learned.empty_recommenders
        own, asked = heard and len(anchors), heard and len(basket)
        index, weight = near.index[anchors, :NEIGHBOURS_PER_ANCHOR], near.weight[anchors, :NEIGHBOURS_PER_ANCHOR]
        yield table.sum_by_product(index, weight * say[:, None]) if own else nothing
        yield table.sum_by_product(near.index[basket], near.weight[basket]) / len(basket) if asked else nothing
        yield table.max_by_product(near.index[basket], near.weight[basket]) if asked else nothing
