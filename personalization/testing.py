"""Contracts that every plug-in keeps. A shop can run them on its own: `recommender_contract(MyRecommender())`."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from personalization.recommenders import (
    DAY,
    GUEST,
    UNKNOWN_COUNTRY,
    CatalogueArrays,
    HistoryArrays,
    LearningLimits,
    Neighbours,
    ProductScores,
    Recommender,
    ViewArrays,
)

REFERENCE_TIME = 1_700_000_000.0


def even_and_odd_shop(customers: int = 12, products: int = 20, weeks: int = 8) -> HistoryArrays:
    """A history with a known answer: even customers buy even products, odd customers odd ones, every week."""
    rows = [
        (customer, week * customers + customer, product, REFERENCE_TIME - DAY * (1 + 7 * week))
        for week in range(weeks)
        for customer in range(customers)
        for product in range(customer % 2, products, 2)
        if (product // 2 + customer // 2 + week) % 3
    ]
    return make_history(rows, products)


def views_and_texts() -> HistoryArrays:
    """The same customers in a shop that has more to say: they look at everything on the day before they buy it, and
    the texts and categories of even products are even ones; each product costs a little more than the one before it.
    """
    history = even_and_odd_shop()
    numbers = range(history.products)
    catalogue = CatalogueArrays(
        leaf_category=np.array([number % 2 for number in numbers], np.int32),
        price=np.array([1.1**number for number in numbers], np.float32),
        created=np.full(history.products, REFERENCE_TIME - 100 * DAY),
        text=[f"{('even', 'odd')[number % 2]} product no{number // 4}" for number in numbers],
    )
    views = ViewArrays(history.customer, history.product, history.ordered_at - DAY)
    return replace(history, catalogue=catalogue, views=views)


def make_history(rows: list[tuple[int, int, int, float]], products: int) -> HistoryArrays:
    """A history of these (customer, order, product, seconds since 1970)."""
    table = np.array(rows, np.float64).reshape(-1, 4)
    return HistoryArrays(
        customer=table[:, 0].astype(np.int32),
        order=table[:, 1].astype(np.int32),
        product=table[:, 2].astype(np.int32),
        ordered_at=table[:, 3],
        products=products,
        now=REFERENCE_TIME,
        catalogue=CatalogueArrays.empty(products),
        views=ViewArrays.empty(),
        country=np.full(len(table), UNKNOWN_COUNTRY, np.int32),
        countries=(),
    )


def check_recommender(recommender: Recommender) -> None:
    """Raises AssertionError with a sentence when the recommender breaks the contract of its shelf."""
    limits = LearningLimits(min_customers=5, neighbours_per_product=8)
    for history in (even_and_odd_shop(), views_and_texts()):
        _assert_steady(recommender, history, limits)
    for few in (make_history([], 0), make_history([], 3), make_history([(0, 0, 1, REFERENCE_TIME)], 3)):
        _assert_shapes(recommender.fit(few, limits), few.products, limits)
    _assert_shapes(recommender.fit(_views_alone(), limits), 20, limits)
    history = replace(views_and_texts(), catalogue=CatalogueArrays.empty(20))
    for lonely in (history.customer < 4, history.customer == GUEST):
        nothing = recommender.fit(_arrays_of(history, np.flatnonzero(lonely)), limits)
        for array in _learned_numbers(nothing):
            assert not array.any(), "something was learned from fewer customers than min_customers"


def _assert_steady(recommender: Recommender, history: HistoryArrays, limits: LearningLimits) -> None:
    learned = recommender.fit(history, limits)
    _assert_shapes(learned, history.products, limits)
    _assert_same(learned, recommender.fit(history, limits), "the same history gave another result")
    shuffled = np.random.default_rng(7).permutation(len(history.product))
    _assert_same(
        learned,
        recommender.fit(_arrays_of(history, shuffled), limits),
        "the sequence of the lines changed the result",
    )


def _views_alone() -> HistoryArrays:
    return replace(make_history([], 20), views=views_and_texts().views)


def _arrays_of(history: HistoryArrays, lines: NDArray) -> HistoryArrays:
    """These lines only, and the views of the same places where the history has any."""
    views = history.views
    if len(views.customer):
        views = ViewArrays(views.customer[lines], views.product[lines], views.seen[lines])
    return replace(
        history,
        customer=history.customer[lines],
        order=history.order[lines],
        product=history.product[lines],
        ordered_at=history.ordered_at[lines],
        country=history.country[lines],
        views=views,
    )


def _learned_numbers(learned: ProductScores | Neighbours) -> list[NDArray]:
    return [learned.score, learned.customers] if isinstance(learned, ProductScores) else [learned.weight]


def _assert_same(one: ProductScores | Neighbours, other: ProductScores | Neighbours, message: str) -> None:
    for name, array in vars(one).items():
        assert np.array_equal(array, vars(other)[name]), f"{message}: {name}"


def _assert_shapes(learned: ProductScores | Neighbours, products: int, limits: LearningLimits) -> None:
    if isinstance(learned, ProductScores):
        assert learned.score.shape == (products,) and learned.score.dtype == np.float32, "score: (products,) float32"
        assert learned.customers.shape == (products,), "customers: (products,)"
        assert np.isfinite(learned.score).all() and (learned.score >= 0).all(), "score: finite and not negative"
        assert not ((learned.customers > 0) & (learned.customers < limits.min_customers)).any(), "too few customers"
        return
    shape = (products, limits.neighbours_per_product)
    assert learned.index.shape == shape and learned.index.dtype == np.int32, f"index: {shape} int32"
    assert learned.weight.shape == shape and learned.weight.dtype == np.float32, f"weight: {shape} float32"
    assert ((learned.index >= -1) & (learned.index < max(products, 0))).all(), "index: -1 or a product"
    assert (learned.weight[learned.index == -1] == 0).all(), "weight: 0 where there is no neighbour"
    assert ((learned.weight >= 0) & (learned.weight <= 1)).all(), "weight: in 0..1"
    assert (np.diff(learned.weight, axis=1) <= 0).all(), "weight: falls along a row"
    assert not (learned.index == np.arange(products)[:, None]).any(), "a product is no neighbour of itself"
