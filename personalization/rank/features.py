"""The features of the ranker: numbers that describe a candidate for one visitor.

A feature is one decorated function. Its name, its place in the sequence, the snapshot's fingerprint and the reference
come from the decorator, its explanation from its docstring. Every recommender adds features of its own: one that scores
products adds its score, under its name; one that links products adds those of `neighbour_feature`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rank.visitor_history import NO_BASKET, VisitorHistory
from personalization.recommenders import DAY, Neighbours

MAX_ANCHORS = 100
"""The neighbours of this many of the visitor's products count, those with the highest weight."""
NEIGHBOURS_PER_ANCHOR = 25
"""This many neighbours of each of them count, the closest ones."""
NEVER_BOUGHT_DAYS = 1_000.0
"""Stands for the days since a purchase that never was, and is the highest age of a product."""
DEFAULT_INTERVAL_DAYS = 30.0
"""Days between two purchases of a product for which no interval was learned."""
PRIOR_PURCHASES = 2.0
"""The repeat rate of a product counts as much as this many purchases of the visitor's."""
CUSTOMER_BASE_WEIGHT = 0.5
"""How much the mean weight of the product among its customers counts."""


@dataclass(frozen=True)
class Feature:
    """One number of each candidate."""

    name: str
    group: str
    """What it is about: "visitor", "product", "basket" or "recommender"."""
    description: str
    """What it says, in a sentence."""


class FeatureInputs:
    """What features are computed from: the candidates of one decision, the visitor, the basket and the moment.

    Parameters
    ----------
    learned : what a training run learned.
    candidates : indices of products, shape (candidates,), each once.
    history : the visitor's purchases.
    basket : indices of the products in the basket.
    now : seconds since 1970.
    """

    def __init__(
        self,
        learned: SnapshotArrays,
        candidates: NDArray[np.int64],
        history: VisitorHistory,
        basket: NDArray[np.int64],
        now: float,
    ) -> None:
        self.learned, self.candidates, self.history, self.basket, self.now = learned, candidates, history, basket, now
        self.size = len(candidates)
        self.column = np.full(len(learned.ids) + 1, self.size, np.int32)
        """The column of each product; that of other products, and of index -1, is behind the last candidate."""
        self.column[candidates] = np.arange(self.size)

    @cached_property
    def total_weight(self) -> float:
        """The weight of all of the visitor's purchases."""
        return max(float(self.history.weight.sum()), 1e-9)

    @cached_property
    def days_since_purchase(self) -> NDArray[np.float64]:
        """Days since the visitor last bought each of their products."""
        return np.maximum(self.now - self.history.last, 0) / DAY

    @cached_property
    def anchor_weight(self) -> NDArray[np.float64]:
        """How much each of the visitor's first products counts where products are linked; the sum is 1."""
        weight = np.log1p(self.history.weight[:MAX_ANCHORS])
        return weight / max(float(weight.sum()), 1e-9)

    def constant(self, value: float = 0.0) -> NDArray[np.float64]:
        """One value for all candidates."""
        return np.full(self.size, float(value))

    def scatter(self, indices: NDArray[Any], values: NDArray[Any], empty: float = 0.0) -> NDArray[np.float64]:
        """The values of these products, each in its column; `empty` in the others."""
        row = np.full(self.size + 1, empty)
        row[self.column[indices]] = values
        return row[:-1]

    def scatter_purchases(self, values: NDArray[Any], empty: float = 0.0) -> NDArray[np.float64]:
        """One value for each of the visitor's products, each in its column."""
        return self.scatter(self.history.purchased, values, empty)

    def sum_by_product(self, indices: NDArray[Any], values: NDArray[Any]) -> NDArray[np.float64]:
        """The sum of the values in each product's column; those of index -1 count for none."""
        sums = np.bincount(self.column[indices].ravel(), values.ravel(), self.size + 1)
        return sums[: self.size].astype(np.float64)

    def max_by_product(self, indices: NDArray[Any], values: NDArray[Any]) -> NDArray[np.float64]:
        """The highest of the values in each product's column, or 0."""
        row = np.zeros(self.size + 1)
        np.maximum.at(row, self.column[indices].ravel(), values.ravel())
        return row[:-1]


FeatureFunction = Callable[[FeatureInputs], NDArray[Any]]
NeighbourFeatureFunction = Callable[[FeatureInputs, Neighbours], NDArray[Any]]

FEATURES: dict[Feature, FeatureFunction] = {}
"""The features that any snapshot has, in the sequence of the table's rows."""
NEIGHBOUR_FEATURES: dict[str, tuple[str, NeighbourFeatureFunction]] = {}
"""By the last part of their names, the features of each recommender that links products: description and function."""


def feature(name: str, *, group: str) -> Callable[[FeatureFunction], FeatureFunction]:
    """Registers a function as a feature: one number for each candidate, shape (candidates,)."""

    def register(function: FeatureFunction) -> FeatureFunction:
        FEATURES[Feature(name, group, _first_sentence(function))] = function
        return function

    return register


def neighbour_feature(suffix: str) -> Callable[[NeighbourFeatureFunction], NeighbourFeatureFunction]:
    """Registers a feature of every recommender that links products, named "recommender.suffix"."""

    def register(function: NeighbourFeatureFunction) -> NeighbourFeatureFunction:
        NEIGHBOUR_FEATURES[suffix] = (_first_sentence(function), function)
        return function

    return register


def _first_sentence(function: Callable[..., Any]) -> str:
    return " ".join((function.__doc__ or "").split("\n\n")[0].split())


@feature("purchase.weight", group="visitor")
def purchase_weight(inputs: FeatureInputs) -> NDArray[np.float64]:
    """The number of days on which the visitor bought the product, each fading with age."""
    return inputs.scatter_purchases(inputs.history.weight)


@feature("purchase.share", group="visitor")
def purchase_share(inputs: FeatureInputs) -> NDArray[np.float64]:
    """The product's share of the weight of all of the visitor's purchases."""
    return inputs.scatter_purchases(inputs.history.weight / inputs.total_weight)


@feature("purchase.days", group="visitor")
def purchase_days(inputs: FeatureInputs) -> NDArray[np.float64]:
    """The number of days on which the visitor bought the product."""
    return inputs.scatter_purchases(inputs.history.days)


@feature("purchase.days_since", group="visitor")
def days_since_purchase(inputs: FeatureInputs) -> NDArray[np.float64]:
    """Days since the visitor last bought the product."""
    return inputs.scatter_purchases(inputs.days_since_purchase, empty=NEVER_BOUGHT_DAYS)


@feature("purchase.overdue_ratio", group="visitor")
def overdue_ratio(inputs: FeatureInputs) -> NDArray[np.float64]:
    """Days since the last purchase, as a multiple of the interval after which the visitor buys the product again."""
    return inputs.scatter_purchases(inputs.days_since_purchase / expected_interval(inputs.history, inputs.learned))


@feature("purchase.expected", group="visitor")
def expected_purchases(inputs: FeatureInputs) -> NDArray[np.float64]:
    """How much of a habit the product is: the visitor's weight, the product's repeat rate, and its usual weight."""
    return inputs.scatter_purchases(repurchase_strength(inputs.history, inputs.learned))


@feature("user_knn.score", group="visitor")
def user_knn_score(inputs: FeatureInputs) -> NDArray[np.float64]:
    """The mean weight of the product among the most similar customers."""
    return inputs.scatter(inputs.history.neighbour_products, inputs.history.neighbour_weight)


@feature("category.purchase_share", group="visitor")
def category_purchase_share(inputs: FeatureInputs) -> NDArray[np.float64]:
    """The share of the product's category in the weight of the visitor's purchases."""
    history, category = inputs.history, inputs.learned.arrays["product.leaf_category"]
    weights = np.bincount(category[history.purchased] + 1, history.weight, int(category.max(initial=-1)) + 2)
    share: NDArray[np.float64] = (weights / inputs.total_weight)[category[inputs.candidates] + 1]
    return share


@feature("price.log_ratio", group="visitor")
def price_log_ratio(inputs: FeatureInputs) -> NDArray[np.float64]:
    """The logarithm of the price divided by what the visitor usually pays; 0 where either is unknown."""
    history, price = inputs.history, inputs.learned.arrays["product.price"]
    priced = price[history.purchased] > 0
    if not priced.any():
        return inputs.constant()
    usual = np.average(np.log(price[history.purchased][priced]), weights=history.weight[priced] + 1e-9)
    price = price[inputs.candidates]
    return np.where(price > 0, np.log(np.maximum(price, 1e-2)) - usual, 0)


@feature("visitor.products", group="visitor")
def visitor_products(inputs: FeatureInputs) -> NDArray[np.float64]:
    """The number of different products that the visitor bought."""
    return inputs.constant(len(inputs.history.purchased))


@feature("visitor.repurchase_share", group="visitor")
def visitor_repurchase_share(inputs: FeatureInputs) -> NDArray[np.float64]:
    """The share of the visitor's purchases that bought a product again."""
    return inputs.constant(inputs.history.repurchase_share)


@feature("category.product_share", group="product")
def category_product_share(inputs: FeatureInputs) -> NDArray[np.float32]:
    """The product's share of the recent sales of its category."""
    return inputs.learned.arrays["product.share_of_category"][inputs.candidates]


@feature("category.sales_share", group="product")
def category_sales_share(inputs: FeatureInputs) -> NDArray[np.float32]:
    """The share of the product's category in all recent sales."""
    return inputs.learned.arrays["product.category_sales_share"][inputs.candidates]


@feature("product.age_days", group="product")
def product_age_days(inputs: FeatureInputs) -> NDArray[np.float64]:
    """Days since the product was created."""
    created = inputs.learned.arrays["product.created_at"][inputs.candidates]
    return np.clip((inputs.now - created) / DAY, 0, NEVER_BOUGHT_DAYS)


@feature("basket.same_category", group="basket")
def basket_same_category(inputs: FeatureInputs) -> NDArray[np.bool_]:
    """Whether a product of the same category lies in the basket."""
    category = inputs.learned.arrays["product.leaf_category"]
    own = category[inputs.candidates]
    return np.isin(own, category[inputs.basket]) & (own >= 0)


@feature("basket.size", group="basket")
def basket_size(inputs: FeatureInputs) -> NDArray[np.float64]:
    """The number of different products in the basket."""
    return inputs.constant(len(inputs.basket))


@neighbour_feature("purchases")
def links_with_purchases(inputs: FeatureInputs, neighbours: Neighbours) -> NDArray[np.float64]:
    """How closely the product is linked with the visitor's purchases: the mean by the logarithm of their weight."""
    anchors = inputs.history.purchased[:MAX_ANCHORS]
    if not len(anchors):
        return inputs.constant()
    index, weight = (
        neighbours.index[anchors, :NEIGHBOURS_PER_ANCHOR],
        neighbours.weight[anchors, :NEIGHBOURS_PER_ANCHOR],
    )
    return inputs.sum_by_product(index, weight * inputs.anchor_weight[:, None])


@neighbour_feature("basket")
def links_with_basket(inputs: FeatureInputs, neighbours: Neighbours) -> NDArray[np.float64]:
    """How closely the product is linked with the basket: the mean over the products in it."""
    if not len(inputs.basket):
        return inputs.constant()
    index, weight = neighbours.index[inputs.basket], neighbours.weight[inputs.basket]
    return inputs.sum_by_product(index, weight) / len(inputs.basket)


@neighbour_feature("basket_max")
def closest_link_with_basket(inputs: FeatureInputs, neighbours: Neighbours) -> NDArray[np.float64]:
    """How closely the product is linked with that product of the basket with which it is linked most closely."""
    if not len(inputs.basket):
        return inputs.constant()
    return inputs.max_by_product(neighbours.index[inputs.basket], neighbours.weight[inputs.basket])


def repurchase_strength(history: VisitorHistory, learned: SnapshotArrays) -> NDArray[np.float64]:
    """How much of a habit each of the visitor's products is, shape (purchased,): the weight of their own purchases, the
    repeat rate of the product (as much as two purchases), and half the mean weight of the product among its customers.
    """
    repeat_rate = learned.scores("repurchase_rate").score[history.purchased]
    usual_weight = learned.scores("repurchase_frequency").score[history.purchased]
    strength: NDArray[np.float64] = history.weight + PRIOR_PURCHASES * repeat_rate + CUSTOMER_BASE_WEIGHT * usual_weight
    return strength


def expected_interval(history: VisitorHistory, learned: SnapshotArrays) -> NDArray[np.float64]:
    """Days after which the visitor buys each of their products again, shape (purchased,): the mean of their own
    intervals, to which the product's usual interval is added as one more."""
    usual = learned.scores("repurchase_interval").score[history.purchased]
    usual = np.where(usual > 0, usual, DEFAULT_INTERVAL_DAYS)
    return np.maximum(((history.last - history.first) / DAY + usual) / np.maximum(history.days, 1), 1)


def features_of(learned: SnapshotArrays) -> tuple[Feature, ...]:
    """The features of a snapshot, in the sequence of the rows of `compute_features`: those of this module, then those
    of the snapshot's recommenders."""
    return _all_features(tuple(learned.score_recommenders()), tuple(learned.neighbour_recommenders()))


@lru_cache(16)  # a decision asks several times
def _all_features(score_recommenders: tuple[str, ...], neighbour_recommenders: tuple[str, ...]) -> tuple[Feature, ...]:
    scores = [Feature(name, "recommender", f"The score by `{name}`.") for name in score_recommenders]
    links = [
        Feature(f"{name}.{suffix}", "recommender", f"By `{name}`: {description[0].lower()}{description[1:]}")
        for name in neighbour_recommenders
        for suffix, (description, _) in NEIGHBOUR_FEATURES.items()
    ]
    return (*FEATURES, *scores, *links)


def feature_names(learned: SnapshotArrays) -> list[str]:
    """The names of a snapshot's features, in the sequence of the rows of `compute_features`."""
    return [one.name for one in features_of(learned)]


def compute_features(
    history: VisitorHistory,
    learned: SnapshotArrays,
    now: float,
    candidates: NDArray[np.int64],
    basket: NDArray[np.int64] = NO_BASKET,
) -> NDArray[np.float32]:
    """The features of these candidates (indices of products, each once) for one visitor.

    Returns
    -------
    Shape (features, candidates), all finite: a row for each of `features_of`, a column for each candidate.
    """
    inputs = FeatureInputs(learned, candidates, history, basket, now)
    table = np.empty((len(features_of(learned)), len(candidates)), np.float32)
    for row, values in enumerate(_feature_rows(inputs)):
        table[row] = values
    return table


def _feature_rows(inputs: FeatureInputs) -> Iterator[NDArray[Any]]:
    learned = inputs.learned
    for function in FEATURES.values():
        yield function(inputs)
    for name in learned.score_recommenders():
        yield learned.scores(name).score[inputs.candidates] / learned.score_unit(name)
    nothing = inputs.constant()
    for name in learned.neighbour_recommenders():
        for _, neighbour_function in NEIGHBOUR_FEATURES.values():
            empty = name in learned.empty_recommenders
            yield nothing if empty else neighbour_function(inputs, learned.neighbours(name))
