"""Contracts that every plug-in keeps. A shop can run them on its own: `recommender_contract(MyRecommender())`."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from personalization.recommenders import (
    DAY,
    GUEST,
    NOWHERE,
    Catalogue,
    History,
    Limits,
    Neighbours,
    Recommender,
    Scores,
    Views,
)

NOW = 1_700_000_000.0


def even_and_odd(customers: int = 12, products: int = 20, weeks: int = 8) -> History:
    """A history with a known answer: even customers buy even products, odd customers odd ones, every week."""
    rows = [
        (customer, week * customers + customer, product, NOW - DAY * (1 + 7 * week))
        for week in range(weeks)
        for customer in range(customers)
        for product in range(customer % 2, products, 2)
        if (product // 2 + customer // 2 + week) % 3
    ]
    return history_of(rows, products)


def looked_and_described() -> History:
    """The same customers in a shop that has more to say: they look at everything on the day before they buy it, and
    the texts and categories of even products are even ones; each product costs a little more than the one before it.
    """
    history = even_and_odd()
    numbers = range(history.products)
    catalogue = Catalogue(
        kind=np.array([number % 2 for number in numbers], np.int32),
        price=np.array([1.1**number for number in numbers], np.float32),
        created=np.full(history.products, NOW - 100 * DAY),
        text=[f"{('even', 'odd')[number % 2]} product no{number // 4}" for number in numbers],
    )
    views = Views(history.customer, history.product, history.placed - DAY)
    return replace(history, catalogue=catalogue, views=views)


def history_of(rows: list[tuple[int, int, int, float]], products: int) -> History:
    """A history of these (customer, order, product, seconds since 1970)."""
    table = np.array(rows, np.float64).reshape(-1, 4)
    return History(
        customer=table[:, 0].astype(np.int32),
        order=table[:, 1].astype(np.int32),
        product=table[:, 2].astype(np.int32),
        placed=table[:, 3],
        products=products,
        now=NOW,
        catalogue=Catalogue.blank(products),
        views=Views.none(),
        country=np.full(len(table), NOWHERE, np.int32),
        countries=(),
    )


def recommender_contract(recommender: Recommender) -> None:
    """Raises AssertionError with a sentence when the recommender breaks the contract of its shelf."""
    limits = Limits(min_customers=5, neighbours=8)
    for history in (even_and_odd(), looked_and_described()):
        _assert_steady(recommender, history, limits)
    for few in (history_of([], 0), history_of([], 3), history_of([(0, 0, 1, NOW)], 3)):
        _assert_shapes(recommender.fit(few, limits), few.products, limits)
    _assert_shapes(recommender.fit(_views_alone(), limits), 20, limits)
    history = replace(looked_and_described(), catalogue=Catalogue.blank(20))
    for lonely in (history.customer < 4, history.customer == GUEST):
        nothing = recommender.fit(_taken(history, np.flatnonzero(lonely)), limits)
        for array in _learned_numbers(nothing):
            assert not array.any(), "something was learned from fewer customers than min_customers"


def _assert_steady(recommender: Recommender, history: History, limits: Limits) -> None:
    learned = recommender.fit(history, limits)
    _assert_shapes(learned, history.products, limits)
    _assert_same(learned, recommender.fit(history, limits), "the same history gave another result")
    shuffled = np.random.default_rng(7).permutation(len(history.product))
    _assert_same(
        learned,
        recommender.fit(_taken(history, shuffled), limits),
        "the sequence of the lines changed the result",
    )


def _views_alone() -> History:
    return replace(history_of([], 20), views=looked_and_described().views)


def _taken(history: History, lines: NDArray) -> History:
    """These lines only, and the views of the same places where the history has any."""
    views = history.views
    if len(views.customer):
        views = Views(views.customer[lines], views.product[lines], views.seen[lines])
    return replace(
        history,
        customer=history.customer[lines],
        order=history.order[lines],
        product=history.product[lines],
        placed=history.placed[lines],
        country=history.country[lines],
        views=views,
    )


def _learned_numbers(learned: Scores | Neighbours) -> list[NDArray]:
    return [learned.score, learned.customers] if isinstance(learned, Scores) else [learned.weight]


def _assert_same(one: Scores | Neighbours, other: Scores | Neighbours, message: str) -> None:
    for name, array in vars(one).items():
        assert np.array_equal(array, vars(other)[name]), f"{message}: {name}"


def _assert_shapes(learned: Scores | Neighbours, products: int, limits: Limits) -> None:
    if isinstance(learned, Scores):
        assert learned.score.shape == (products,) and learned.score.dtype == np.float32, "score: (products,) float32"
        assert learned.customers.shape == (products,), "customers: (products,)"
        assert np.isfinite(learned.score).all() and (learned.score >= 0).all(), "score: finite and not negative"
        assert not ((learned.customers > 0) & (learned.customers < limits.min_customers)).any(), "too few customers"
        return
    shape = (products, limits.neighbours)
    assert learned.index.shape == shape and learned.index.dtype == np.int32, f"index: {shape} int32"
    assert learned.weight.shape == shape and learned.weight.dtype == np.float32, f"weight: {shape} float32"
    assert ((learned.index >= -1) & (learned.index < max(products, 0))).all(), "index: -1 or a product"
    assert (learned.weight[learned.index == -1] == 0).all(), "weight: 0 where there is no neighbour"
    assert ((learned.weight >= 0) & (learned.weight <= 1)).all(), "weight: in 0..1"
    assert (np.diff(learned.weight, axis=1) <= 0).all(), "weight: falls along a row"
    assert not (learned.index == np.arange(products)[:, None]).any(), "a product is no neighbour of itself"
