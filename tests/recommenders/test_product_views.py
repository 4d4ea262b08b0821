"""What is learned from the product pages that customers looked at."""

from dataclasses import replace

import numpy as np
import pytest

from personalization.recommenders import DAY, GUEST, LearningLimits, ViewArrays, view_to_purchase, viewed_together
from personalization.recommenders.view_to_purchase import ViewToPurchase
from personalization.recommenders.viewed_together import ViewedTogether
from personalization.testing import REFERENCE_TIME, make_history, views_and_texts

LIMITS = LearningLimits(min_customers=5, neighbours_per_product=10)
NOON = REFERENCE_TIME // DAY * DAY - DAY / 2
"""Noon of the day before the moment of learning."""


def looked(views, bought=(), products=10):
    """A history of these views, (customer, product, seconds since 1970), and order lines."""
    table = np.array(views, np.float64).reshape(-1, 3)
    seen = ViewArrays(table[:, 0].astype(np.int32), table[:, 1].astype(np.int32), table[:, 2])
    return replace(make_history(list(bought), products), views=seen)


def together(views, limits=LIMITS):
    return viewed_together.recommender.fit(looked(views), limits)


def then_bought(views, bought, limits=LIMITS):
    return view_to_purchase.recommender.fit(looked(views, bought), limits)


def found(near, product):
    return near.index[product][near.index[product] >= 0].tolist()


def pair(customers, *products, at=NOON):
    return [(customer, product, at) for customer in customers for product in products]


def orders(customers, product, at, first=0):
    """One order of the product for each of the customers, numbered from `first`."""
    return [(customer, first + 100 * product + customer, product, at) for customer in customers]


def test_the_weight_of_a_pair_is_the_damped_cosine_of_its_viewers():
    near = together(pair(range(5), 0, 1) + pair([9], 1))
    assert [found(near, 0), found(near, 1)] == [[1], [0]]
    assert near.weight[:2, 0] == pytest.approx([5 / ((5 * 6) ** 0.5 + 10)] * 2, abs=1e-6)


def test_looks_on_different_days_are_no_pair():
    near = together(pair(range(9), 0) + pair(range(9), 1, at=NOON - DAY))
    assert not near.weight.any()


def test_a_pair_needs_five_viewers_however_often_four_of_them_look():
    near = together([look for day in range(50) for look in pair(range(4), 0, 1, at=NOON - day * DAY)])
    assert not near.weight.any()


def test_a_customer_counts_once_for_a_pair_on_however_many_days():
    once = together(pair(range(6), 0, 1))
    daily = together([look for day in range(50) for look in pair(range(6), 0, 1, at=NOON - day * DAY)])
    assert np.array_equal(once.weight, daily.weight)


def test_views_of_guests_are_nobodys():
    assert not together(pair([GUEST] * 50, 0, 1)).weight.any()


HONEST = pair(range(12), 0, 1) + pair(range(12, 20), 0, 2) + pair(range(20, 26), 0, 3)
"""Product 0 is looked at with 1 by twelve customers, with 2 by eight, with 3 by six."""


def test_ten_thousand_forged_views_count_as_one_look_and_move_no_rank():
    forged = [(99, product, NOON - second) for second in range(5_000) for product in (0, 3)]
    honest, attacked = together(HONEST), together(HONEST + forged)
    assert np.array_equal(attacked.weight, together(HONEST + pair([99], 0, 3)).weight)
    assert np.array_equal(attacked.index, honest.index)
    assert found(attacked, 0) == [1, 2, 3]


def test_whoever_looks_at_everything_is_heard_only_for_the_last_products_of_the_day():
    limits = replace(LIMITS, max_order_products=2)
    crawled = [(99, product, NOON + second) for second in range(1_000) for product in range(10)]
    last = pair([99], 9, at=NOON) + pair([99], 8, at=NOON)  # all ten begin in the same second: the lower numbers stay
    attacked = together(HONEST + crawled, limits)
    assert np.array_equal(attacked.weight, together(HONEST + pair([99], 0, 1), limits).weight)
    assert not np.array_equal(attacked.weight, together(HONEST + last, limits).weight)


def test_of_a_long_day_the_products_that_came_last_are_learned():
    views = [(customer, product, NOON + product) for customer in range(5) for product in range(10)]
    near = together(views, replace(LIMITS, max_order_products=3))
    assert [found(near, product) for product in (6, 7, 8, 9)] == [[], [8, 9], [7, 9], [7, 8]]


def test_what_was_bought_in_the_week_after_the_look_follows_it():
    near = then_bought(pair(range(5), 0, at=NOON - 7 * DAY), orders(range(5), 1, NOON))
    assert [found(near, 0), found(near, 1)] == [[1], []]
    assert near.weight[0, 0] == pytest.approx(5 / (5 + 10), abs=1e-6)


@pytest.mark.parametrize("days", [-0.5, 7.1, 300])
def test_what_was_bought_before_the_look_or_later_than_that_does_not(days):
    assert not then_bought(pair(range(9), 0, at=NOON - days * DAY), orders(range(9), 1, NOON)).weight.any()


def test_what_everyone_buys_comes_after_what_these_viewers_buy():
    views = pair(range(10), 0) + pair(range(10, 40), 5)
    near = then_bought(views, orders(range(8), 1, NOON + 60) + orders(range(40), 2, NOON + 60))
    assert found(near, 0) == [1, 2]
    assert near.weight[0, :2] == pytest.approx([8 / (80**0.5 + 10), 10 / (400**0.5 + 10)], abs=1e-6)


def test_what_sold_to_those_who_never_looked_is_not_taken_for_popular():
    views, bought = pair(range(6), 0), orders(range(6), 1, NOON + 60)
    before = orders(range(50, 90), 1, NOON) + orders(range(6), 1, NOON - 90 * DAY, first=1_000)
    assert np.array_equal(then_bought(views, bought).weight, then_bought(views, bought + before).weight)


def test_that_the_product_itself_was_bought_teaches_nothing():
    assert not then_bought(pair(range(9), 0), orders(range(9), 0, NOON + 60)).weight.any()


def test_four_viewers_who_buy_every_hour_are_too_few():
    bought = [(customer, 4 * hour + customer, 1, NOON + hour * 3600) for customer in range(4) for hour in range(99)]
    guests = [(GUEST, 1000 + order, 1, NOON + 60) for order in range(50)]
    views = pair(range(4), 0) + pair([GUEST] * 50, 0)
    assert not then_bought(views, bought + guests).weight.any()


def test_ten_thousand_forged_views_and_a_purchase_count_as_one_customer():
    views = pair(range(19), 0)
    bought = orders(range(12), 1, NOON + 60) + orders(range(12, 19), 2, NOON + 60) + orders([99], 2, NOON + 60)
    forged = [(99, product, NOON - second) for second in range(1_000) for product in range(10)]
    attacked = then_bought(views + forged, bought)
    assert np.array_equal(attacked.weight, then_bought(views + pair([99], *range(10)), bought).weight)
    assert found(attacked, 0) == found(then_bought(views, bought), 0) == [1, 2]


@pytest.mark.parametrize("kind", [ViewedTogether, ViewToPurchase])
def test_even_products_go_with_even_products_only(kind):
    near = kind().fit(views_and_texts(), LearningLimits(min_customers=5))
    for product in range(20):
        assert sorted(found(near, product)) == [other for other in range(product % 2, 20, 2) if other != product]


@pytest.mark.parametrize("kind", [ViewedTogether, ViewToPurchase])
@pytest.mark.parametrize("pairs_per_block", [1, 7, 100, 10**9])
def test_the_size_of_a_block_changes_nothing(kind, pairs_per_block):
    whole, blocks = (each.fit(views_and_texts(), LIMITS) for each in (kind(), kind(pairs_per_block)))
    assert np.array_equal(whole.index, blocks.index) and np.array_equal(whole.weight, blocks.weight)


@pytest.mark.parametrize("kind", [ViewedTogether, ViewToPurchase])
@pytest.mark.parametrize("views", [[], pair([0], *range(10)), pair(range(20), 0)], ids=["none", "one person", "one"])
def test_without_pairs_of_several_customers_nothing_is_learned(kind, views):
    history = looked(views, orders(range(20), 0, NOON + 60))
    assert not kind().fit(history, LIMITS).weight.any()


def test_what_a_customer_is_numbered_changes_nothing():
    history = views_and_texts()
    views = replace(history.views, customer=1_000 - history.views.customer)
    renumbered = replace(history, customer=1_000 - history.customer, views=views)
    for kind in (ViewedTogether, ViewToPurchase):
        one, other = kind().fit(history, LIMITS), kind().fit(renumbered, LIMITS)
        assert np.array_equal(one.index, other.index) and np.array_equal(one.weight, other.weight)
