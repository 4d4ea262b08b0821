"""Which products speak for which, when all of a customer's products are heard together."""

import numpy as np
import pytest

from personalization.recommenders import DAY, LearningLimits
from personalization.recommenders.ease import LARGEST_MATRIX, REGULARISATION, Ease
from personalization.testing import REFERENCE_TIME, even_and_odd_shop, make_history

LIMITS = LearningLimits(min_customers=5, neighbours_per_product=50)


def fit(rows, products, ease=None):
    return (ease or Ease()).fit(make_history(rows, products), LIMITS)


def bought(customers, *products, days=1):
    return [
        (c, c * 100 + day, p, REFERENCE_TIME - day * DAY) for c in customers for day in range(days) for p in products
    ]


def found(near, product):
    return near.index[product][near.index[product] >= 0].tolist()


def same(one, other):
    return np.array_equal(one.index, other.index) and np.array_equal(one.weight, other.weight)


def test_of_two_products_the_weight_is_that_of_a_ridge_regression():
    both, one = 400, 100
    near = fit(bought(range(both), 0, 1) + bought(range(both, both + one), 0), 2)
    square = np.log1p(1) ** 2
    assert near.weight[0, 0] == pytest.approx(both * square / ((both + one) * square + REGULARISATION), abs=1e-5)
    assert near.weight[1, 0] == pytest.approx(both * square / (both * square + REGULARISATION), abs=1e-5)


def test_days_count_by_their_logarithm():
    near = fit(bought(range(400), 0, 1, days=3), 2)
    square = np.log1p(3) ** 2
    assert near.weight[0, 0] == pytest.approx(400 * square / (400 * square + REGULARISATION), abs=1e-5)


def test_what_another_product_explains_is_not_said_twice():
    # 0 goes with 1, and 1 with 2; 0 and 2 meet only because 1 brings them together
    rows = bought(range(3_000), 1) + bought(range(1_500), 0) + bought(range(750, 2_250), 2)
    near = fit(rows, 3)
    assert found(near, 0)[0] == 1 and found(near, 2)[0] == 1
    assert dict(zip(found(near, 0), near.weight[0].tolist(), strict=False)).get(2, 0) < 0.1 < near.weight[0, 0]


def test_even_products_speak_for_even_products_only():
    near = Ease().fit(even_and_odd_shop(customers=200), LIMITS)
    for product in range(20):
        assert found(near, product) and {other % 2 for other in found(near, product)} == {product % 2}


def test_every_edge_weighs_something():
    near = Ease().fit(even_and_odd_shop(customers=40), LIMITS)
    assert (near.index >= 0).any() and (near.weight[near.index >= 0] >= 1e-5).all()


def test_an_edge_needs_five_customers():
    rows = bought(range(4), 0, 1, days=90) + bought(range(4, 50), 0) + bought(range(50, 99), 1)
    assert found(fit(rows, 2), 0) == []
    assert found(fit(rows + bought([100], 0, 1), 2), 0) == [1]


def test_only_the_most_bought_products_are_looked_at():
    rows = bought(range(60), 0, 1) + bought(range(20), 2, 3)
    near = fit(rows, 4, Ease(products=2))
    assert [found(near, product) for product in range(4)] == [[1], [0], [], []]


def test_more_products_than_a_machine_can_hold_are_refused_in_words():
    with pytest.raises(ValueError, match=r"^EASE over 5001 products takes 600 MB; give it 5000 or fewer$"):
        Ease(LARGEST_MATRIX + 1)
    assert Ease(LARGEST_MATRIX).products == LARGEST_MATRIX


def test_who_buys_one_product_ten_thousand_times_on_a_day_counts_once():
    others = bought(range(20), 0, 1)
    often = [(20, 9_000 + line, 0, REFERENCE_TIME - line) for line in range(10_000)]
    assert same(fit(others + often, 2), fit(others + often[:1], 2))


def test_who_buys_every_product_of_the_shop_moves_each_weight_a_little_and_makes_no_edge():
    groups = [bought(range(group * 30, group * 30 + 30), *range(group * 5, group * 5 + 5)) for group in range(6)]
    others = [row for group in groups for row in group]
    greedy = [(999, 99_999, product, REFERENCE_TIME) for product in range(30)]
    before, after = fit(others, 30), fit(others + greedy, 30)
    assert [sorted(found(after, product)) for product in range(30)] == [
        sorted(found(before, product)) for product in range(30)
    ]
    assert 0 < np.abs(before.weight - after.weight).max() < np.log1p(1) ** 2 / REGULARISATION


def test_fewer_than_two_products_say_nothing():
    assert found(fit(bought(range(9), 0), 1), 0) == []
    assert found(fit([], 1), 0) == []
