"""What customers with similar habits buy."""

import numpy as np
import pytest

from personalization.recommenders import _user_neighbours
from personalization.recommenders._user_neighbours import POOL_SIZE, UserItemWeights, neighbour_products, sample_pool


def weights(*customers, products=10):
    """Habits as one {product: weight} a customer."""
    entries = [(row, what, weight) for row, own in enumerate(customers) for what, weight in own.items()]
    row, what, weight = np.array(entries, np.float64).reshape(-1, 3).T
    return UserItemWeights(row.astype(np.int64), what.astype(np.int64), weight, len(customers), products)


def among(*customers, min_customers=5, **shop):
    """What each of these customers hears of the others, as {product: weight}, in order."""
    habits = weights(*customers, **shop)
    found = neighbour_products(habits, habits, np.arange(len(customers)), min_customers)
    return [dict(zip(products.tolist(), weight.tolist(), strict=True)) for products, weight in found]


def crowd(customers=200):
    """Customers of four tastes, each with weights of their own."""
    return [
        {who % 4 * 5 + (who // 4 + step) % 5: 1 + (who * step) % 7 for step in range(3)} for who in range(customers)
    ]


def test_one_hears_the_mean_of_those_who_buy_the_same_and_nothing_of_the_others():
    alike = [{0: 1.0, 1: 2.0}] * 5 + [{0: 1.0, 2: 5.0}] + [{8: 9.0}] * 6
    assert among(*alike)[5] == {1: 2.0, 0: 1.0}
    assert among(*alike)[11] == {8: 9.0}


def test_nobody_hears_themselves():
    assert among(*[{0: 1.0}] * 5)[0] == {}  # the four others are too few
    assert among(*[{0: 1.0}] * 5, {0: 1.0, 7: 9.0})[5] == {0: 1.0}


def test_who_has_nothing_in_common_with_anybody_hears_nothing():
    assert among(*[{0: 1.0}] * 9, {5: 1.0})[9] == {}


def test_only_so_many_of_the_most_similar_are_asked(monkeypatch):
    monkeypatch.setattr(_user_neighbours, "MAX_NEIGHBOURS", 6)
    found = among(*[{0: 1.0, 1: 1.0}] * 7, *[{0: 1.0, 2: 9.0}] * 7)
    assert found[0] == {0: 1.0, 1: 1.0}


@pytest.mark.parametrize("least", [1, 5, 9])
def test_what_fewer_similar_customers_bought_is_not_named(least):
    others = [{0: 1.0} for _ in range(10)]
    for buyer in others[:least]:
        buyer[3] = 4.0
    assert 3 in among({0: 1.0}, *others, min_customers=least)[0]
    del others[0][3]
    assert 3 not in among({0: 1.0}, *others, min_customers=least)[0]


def test_what_faded_to_nothing_hides_nothing_and_reveals_nothing():
    # weights are rounded: a purchase of five years ago has weight 0
    others = [{0: 0.0, 1: 1.0, 2: 0.5} for _ in range(8)]
    others[0][3] = 1.0
    assert among(*others)[4] == {1: 1.0, 2: 0.5}
    assert among(*others, {0: 0.0})[8] == {}


@pytest.mark.parametrize("at_once", [1, 3, 64, 10**6])
def test_how_many_are_compared_at_once_changes_nothing(at_once, monkeypatch):
    whole = among(*crowd(), products=20)
    monkeypatch.setattr(_user_neighbours, "CUSTOMERS_PER_BLOCK", at_once)
    assert among(*crowd(), products=20) == whole
    assert all(whole)


def test_the_sequence_of_the_entries_changes_nothing():
    habits = weights(*crowd(), products=20)
    mixed = np.random.default_rng(3).permutation(len(habits.weight))
    again = UserItemWeights(habits.customer[mixed], habits.product[mixed], habits.weight[mixed], 200, 20)
    same = np.arange(200)
    for (one, weight), (other, too) in zip(
        neighbour_products(habits, habits, same, 5), neighbour_products(again, again, same, 5), strict=True
    ):
        assert np.array_equal(one, other) and np.array_equal(weight, too)


def test_one_customer_moves_a_weight_by_no_more_than_their_share():
    others = [{0: 1.0, 1: 1.0}] * 99
    before, after = among({0: 1.0}, *others)[0], among({0: 1.0}, *others, dict.fromkeys(range(10), 1.0))[0]
    assert before == after == {0: 1.0, 1: 1.0}
    (heavy,) = {weight for what, weight in among({0: 1.0}, *others, {0: 160.0})[0].items() if what == 0}
    assert heavy == (99 + 160) / 100


@pytest.mark.parametrize("count", [0, 1, 2_999, 3_000, 3_001, 20_000])
def test_the_pool_is_everyone_or_as_many_as_it_holds_and_always_the_same(count):
    pool = sample_pool(count)
    assert len(pool) == min(count, POOL_SIZE) == len(np.unique(pool))
    assert np.array_equal(pool, sample_pool(count)) and (np.diff(pool) > 0).all()


def test_the_pool_of_many_is_drawn_from_all_of_them():
    assert np.histogram(sample_pool(30_000), bins=10)[0].tolist() == pytest.approx([300] * 10, abs=10)


def test_who_is_not_in_the_pool_hears_it_too():
    pool = weights(*[{0: 1.0, 1: 2.0}] * 5)
    ((products, weight),) = neighbour_products(weights({0: 3.0}), pool, np.array([-1]), 5)
    assert (products.tolist(), weight.tolist()) == ([1, 0], [2, 1])


def test_nobody_asks_and_nobody_answers():
    assert among() == []
    assert neighbour_products(weights(), weights({0: 1.0}), np.empty(0, np.int64), 1) == []
    ((products, weight),) = neighbour_products(weights({0: 1.0}), weights(), np.array([-1]), 1)
    assert (products.tolist(), weight.tolist()) == ([], [])
