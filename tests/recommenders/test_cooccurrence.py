"""Which products the same customers choose, in one basket or in many."""

import numpy as np
import pytest

from personalization.recommenders import DAY, LearningLimits
from personalization.recommenders.co_purchased_by_customer import CoPurchasedByCustomer
from personalization.testing import REFERENCE_TIME, even_and_odd_shop, make_history

LIMITS = LearningLimits(min_customers=5, neighbours_per_product=50)


def fit(rows, products, limits=LIMITS):
    return CoPurchasedByCustomer().fit(make_history(rows, products), limits)


def found(near, product):
    return near.index[product][near.index[product] >= 0].tolist()


def same(one, other):
    return np.array_equal(one.index, other.index) and np.array_equal(one.weight, other.weight)


def each_alone(customers, *products):
    """These customers buy these products, each in an order of its own."""
    return [
        (c, c * 100 + place, p, REFERENCE_TIME - place * DAY) for c in customers for place, p in enumerate(products)
    ]


def test_products_go_together_though_they_never_lay_in_one_basket():
    near = fit(each_alone(range(6), 0, 1) + each_alone(range(6, 12), 2, 3), 4)
    assert [found(near, product) for product in range(4)] == [[1], [0], [3], [2]]


def test_the_weight_is_the_damped_cosine_over_customers():
    near = fit(each_alone(range(5), 0, 1) + each_alone(range(5, 9), 1), 2)
    assert near.weight[:, 0] == pytest.approx([5 / (np.sqrt(5 * 9) + 10)] * 2, abs=1e-6)


def test_even_products_are_chosen_with_even_products_only():
    near = CoPurchasedByCustomer().fit(even_and_odd_shop(), LIMITS)
    for product in range(20):
        assert sorted(found(near, product)) == [n for n in range(product % 2, 20, 2) if n != product]


def test_the_closest_stands_first():
    near = fit(each_alone(range(9), 0, 1) + each_alone(range(5), 2) + each_alone(range(8), 3), 4)
    assert found(near, 0) == [1, 3, 2]


def test_an_edge_needs_five_customers_however_often_four_of_them_chose_both():
    rows = [(line % 4, line, line // 4 % 2, REFERENCE_TIME - line * DAY) for line in range(400)]
    assert found(fit(rows, 2), 0) == []
    assert found(fit(rows + each_alone([4], 0, 1), 2), 0) == [1]


@pytest.mark.parametrize("guest_orders", [0, 50])
def test_a_guest_chooses_nothing_together(guest_orders):
    guests = [(-1, 10_000 + order, product, REFERENCE_TIME) for order in range(guest_orders) for product in (0, 1, 2)]
    assert same(fit(each_alone(range(6), 0, 1) + guests, 3), fit(each_alone(range(6), 0, 1), 3))


@pytest.mark.parametrize("anchors_per_block", [1, 3, 7, 20, 10**6])
def test_the_size_of_a_block_changes_nothing(anchors_per_block):
    whole = CoPurchasedByCustomer().fit(even_and_odd_shop(), LIMITS)
    assert same(whole, CoPurchasedByCustomer(anchors_per_block).fit(even_and_odd_shop(), LIMITS))


def test_who_buys_one_product_ten_thousand_times_counts_as_one_customer():
    others = each_alone(range(6), 0, 1)
    often = [(6, 9_000 + line, 0, REFERENCE_TIME - line * 8) for line in range(10_000)]
    assert same(fit(others + often, 2), fit(others + often[:1], 2))


def test_who_buys_every_product_of_the_shop_moves_no_edge_by_more_than_one_customer_s_share():
    products = 300
    others = [row for c in range(60) for row in each_alone([c], *range(c % 6 * 50, c % 6 * 50 + 8))]
    greedy = [(60, 99_999, product, REFERENCE_TIME) for product in range(products)]
    before, after = fit(others, products), fit(others + greedy, products)
    assert [sorted(found(after, product)) for product in range(products)] == [
        sorted(found(before, product)) for product in range(products)
    ]
    moved = np.abs(weights(before) - weights(after))
    assert 0 < moved.max() <= 1 / (10 + 10)  # of ten customers of both


def weights(near):
    """The weight of each edge, as a square."""
    square = np.zeros((len(near.index), len(near.index) + 1))
    np.put_along_axis(square, near.index, near.weight, axis=1)
    return square[:, :-1]


def test_of_a_customer_who_bought_thousands_only_the_most_bought_are_heard():
    rows = [
        (c, c * 10 + day, p, REFERENCE_TIME - day * DAY)
        for c in range(6)
        for day in range(2)
        for p in range(day * 20, 30)
    ]
    near = fit(rows, 30, LearningLimits(min_customers=5, neighbours_per_product=50, max_order_products=10))
    assert [len(found(near, product)) for product in range(30)] == [0] * 20 + [9] * 10
