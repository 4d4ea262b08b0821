"""What could stand in for a product, and what is a step up from it."""

from dataclasses import replace

import numpy as np
import pytest

from personalization.recommenders import GUEST, CatalogueArrays, LearningLimits, substitutes, upsell
from personalization.recommenders.substitutes import Substitutes
from personalization.recommenders.upsell import Upsell
from personalization.testing import REFERENCE_TIME, make_history, views_and_texts

LIMITS = LearningLimits(min_customers=5, neighbours_per_product=10)


def shop(kinds, prices, texts=None, rows=()):
    """A shop of so many products, with order lines."""
    blank = CatalogueArrays.empty(len(kinds))
    catalogue = replace(
        blank, leaf_category=np.array(kinds, np.int32), price=np.array(prices, np.float32), text=texts or blank.text
    )
    return replace(make_history(list(rows), len(kinds)), catalogue=catalogue)


def instead_of(*given, **named):
    return substitutes.recommender.fit(shop(*given, **named), LIMITS)


def above(*given, **named):
    return upsell.recommender.fit(shop(*given, **named), LIMITS)


def found(near, product):
    return near.index[product][near.index[product] >= 0].tolist()


def bought(customers, *products):
    return [(customer, customer, product, REFERENCE_TIME) for customer in customers for product in products]


def test_a_substitute_is_of_the_same_kind_and_a_similar_price():
    near = instead_of([0, 0, 0, 1, -1], [4.00, 5.00, 5.01, 4.00, 4.00])
    assert found(near, 1) == [2]  # the first costs 1.25 times less: the very edge, with nothing else in common
    assert [found(near, product) for product in (0, 3, 4)] == [[], [], []]


def test_what_reads_alike_comes_before_what_costs_the_same():
    near = instead_of([0, 0, 0], [2.00, 2.00, 2.20], texts=["oat milk", "soap", "oat milk"])
    assert found(near, 0) == [2, 1]


def test_the_closer_price_comes_first_among_equal_texts():
    near = instead_of([0] * 4, [2.00, 2.40, 2.20, 1.90], texts=["oat milk"] * 4)
    assert found(near, 0) == [3, 2, 1]


def test_the_best_selling_comes_first_among_equals_and_four_customers_sell_nothing():
    rows = bought(range(9), 3) + bought(range(6), 2) + bought(range(4), 4)
    near = instead_of([0] * 5, [2.00] * 5, texts=["oat milk"] * 5, rows=rows)
    assert found(near, 0) == [3, 2, 1, 4]
    assert near.weight[0, :4] == pytest.approx([1, (100 + np.log(7) / np.log(10)) / 101, 100 / 101, 100 / 101])


def test_a_bestseller_does_not_come_before_what_is_visibly_more_alike():
    near = instead_of([0] * 3, [2.00, 2.05, 2.00], texts=["oat milk"] * 3, rows=bought(range(50), 1))
    assert found(near, 0) == [2, 1]


def test_what_has_no_price_has_no_substitute():
    near = instead_of([0] * 3, [0, 0, 2.00], texts=["oat milk"] * 3)
    assert not near.weight.any()


def test_a_step_up_is_dearer_of_the_same_kind_and_bought_by_the_same_customers():
    near = above([0, 0, 1], [2.00, 3.00, 3.00], rows=bought(range(6), 0, 1, 2))
    assert [found(near, product) for product in range(3)] == [[1], [], []]
    assert near.weight[0, 0] == pytest.approx(6 / (6 + 10), abs=1e-6)


@pytest.mark.parametrize(("price", "is_a_step_up"), [(2.29, False), (2.30, True), (4.00, True), (4.01, False)])
def test_a_step_up_costs_from_a_seventh_more_to_twice_as_much(price, is_a_step_up):
    near = above([0, 0], [2.00, price], rows=bought(range(6), 0, 1))
    assert near.weight.any() == is_a_step_up


def test_the_step_up_that_more_of_its_buyers_bought_comes_first():
    near = above([0] * 3, [2.00, 3.00, 3.00], rows=bought(range(5), 0, 1) + bought(range(10, 19), 0, 2))
    assert found(near, 0) == [2, 1]


def test_both_may_be_bought_in_different_orders():
    rows = bought(range(6), 0) + [(customer, 100 + customer, 1, REFERENCE_TIME - 9) for customer in range(6)]
    assert found(above([0, 0], [2.00, 3.00], rows=rows), 0) == [1]


def test_four_customers_who_buy_both_every_day_make_no_step_up():
    rows = [(order % 4, order, product, REFERENCE_TIME) for order in range(400) for product in (0, 1)]
    rows += [(GUEST, order, product, REFERENCE_TIME) for order in range(400, 800) for product in (0, 1)]
    assert not above([0, 0], [2.00, 3.00], rows=rows).weight.any()


def test_of_a_reseller_only_so_many_products_of_a_kind_are_learned():
    rows = [(customer, customer, product, REFERENCE_TIME + product) for customer in range(6) for product in range(12)]
    history = shop([0] * 12, 2.00 * 1.01 ** np.arange(12) * ([1, 1.5] * 6), rows=rows)
    near = Upsell().fit(history, replace(LIMITS, max_order_products=4))
    assert [found(near, product) for product in (0, 6, 8, 10)] == [[], [], [9, 11], [9, 11]]


@pytest.mark.parametrize("kind", [Upsell, Substitutes])
def test_a_blank_catalogue_gives_no_neighbours(kind):
    history = replace(views_and_texts(), catalogue=CatalogueArrays.empty(20))
    assert not kind().fit(history, LIMITS).weight.any()


@pytest.mark.parametrize("kind", [Upsell, Substitutes])
@pytest.mark.parametrize("pairs_per_block", [1, 7, 100, 10**9])
def test_the_size_of_a_block_changes_nothing(kind, pairs_per_block):
    history = views_and_texts()
    whole, blocks = kind().fit(history, LIMITS), kind(pairs_per_block).fit(history, LIMITS)
    assert whole.weight.any()
    assert np.array_equal(whole.index, blocks.index) and np.array_equal(whole.weight, blocks.weight)
