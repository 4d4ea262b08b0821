"""Every recommender of the shelf keeps the contract that a shop's own must keep, too."""

import numpy as np
import pytest

from personalization.plugins import registered_recommenders
from personalization.recommenders import (
    DAY,
    LearningLimits,
    bought_together,
    count_by_product,
    distinct_pairs,
    popular,
    repurchase_rate,
    trending,
)
from personalization.recommenders.bought_together import BoughtTogether
from personalization.testing import REFERENCE_TIME, check_recommender, even_and_odd_shop, make_history

LIMITS = LearningLimits(min_customers=5, neighbours_per_product=50)


@pytest.mark.parametrize("recommender", registered_recommenders().values(), ids=registered_recommenders())
def test_a_recommender_keeps_the_contract(recommender):
    check_recommender(recommender)


def test_the_shelf_holds_sixteen_recommenders_each_named_as_its_file():
    assert list(registered_recommenders()) == [
        "all_time_popular",
        "bought_together",
        "click_ratio",
        "co_purchased_by_customer",
        "complements",
        "content_similarity",
        "ease",
        "popular",
        "repurchase_frequency",
        "repurchase_interval",
        "repurchase_rate",
        "substitutes",
        "trending",
        "upsell",
        "view_to_purchase",
        "viewed_together",
    ]


def test_distinct_rows_come_back_sorted_and_counted():
    first, second = np.array([2, -1, 2, 2]), np.array([7, 9, 7, 3])
    assert [column.tolist() for column in distinct_pairs(first, second)] == [[-1, 2, 2], [9, 3, 7]]
    assert [column.tolist() for column in count_by_product(first, second)] == [[-1, 2, 2], [9, 3, 7], [1, 1, 2]]


def test_rows_that_no_number_can_tell_apart_are_refused():
    wide = np.array([0, 2**40])
    with pytest.raises(OverflowError, match="2 columns"):
        distinct_pairs(wide, wide)


def test_even_products_are_bought_with_even_products_only():
    near = BoughtTogether().fit(even_and_odd_shop(), LIMITS)
    for product in range(20):
        found = near.index[product][near.index[product] >= 0]
        assert sorted(found) == [other for other in range(product % 2, 20, 2) if other != product]


@pytest.mark.parametrize("pairs_per_block", [1, 7, 100, 10**9])
def test_the_size_of_a_block_changes_nothing(pairs_per_block):
    whole = bought_together.recommender.fit(even_and_odd_shop(), LIMITS)
    blocks = BoughtTogether(pairs_per_block).fit(even_and_odd_shop(), LIMITS)
    assert np.array_equal(whole.index, blocks.index) and np.array_equal(whole.weight, blocks.weight)


def test_the_weight_of_a_pair_is_the_damped_share_of_its_baskets():
    rows = [(customer, customer, product, REFERENCE_TIME) for customer in range(5) for product in (0, 1)]
    rows += [(9, 9, 1, REFERENCE_TIME)]
    near = BoughtTogether().fit(make_history(rows, 2), LIMITS)
    assert near.index[:, 0].tolist() == [1, 0]
    assert near.weight[:, 0] == pytest.approx([5 / (5 * 6**0.25 + 10), 5 / (6 * 5**0.25 + 10)], abs=1e-6)


def test_a_pair_needs_five_customers_however_often_four_of_them_bought_it():
    rows = [(order % 4, order, product, REFERENCE_TIME) for order in range(400) for product in (0, 1)]
    rows += [(-1, order, product, REFERENCE_TIME) for order in range(400, 800) for product in (0, 1)]
    assert not BoughtTogether().fit(make_history(rows, 2), LIMITS).weight.any()


def test_of_a_huge_basket_only_so_many_products_are_learned():
    rows = [(customer, customer, product, REFERENCE_TIME) for customer in range(6) for product in range(50)]
    near = BoughtTogether().fit(make_history(rows, 50), LearningLimits(min_customers=5, max_order_products=10))
    assert sorted((near.index >= 0).sum(axis=1))[-11:] == [0] + [9] * 10


def test_a_customer_who_buys_all_day_counts_once_a_day():
    rows = [(customer, customer, 0, REFERENCE_TIME) for customer in range(5)] + [
        (0, order, 0, REFERENCE_TIME) for order in range(10, 90)
    ]
    learned = popular.recommender.fit(make_history(rows, 1), LIMITS)
    assert learned.score.tolist() == [5.0]
    assert learned.customers.tolist() == [5]


def test_popular_looks_at_the_last_days_only():
    rows = [(customer, customer, 0, REFERENCE_TIME - 40 * DAY) for customer in range(9)]
    assert popular.recommender.fit(make_history(rows, 1), LIMITS).score.tolist() == [0.0]


def test_what_sells_three_times_its_usual_week_trends():
    rows = [(99, 99_999, 0, REFERENCE_TIME - 100 * DAY)]
    for week in range(1, 13):  # two steady products
        rows += [
            (c, week * 1000 + c * 2 + p, p, REFERENCE_TIME - DAY * (7 * week + 3)) for c in range(20) for p in (0, 1)
        ]
    rows += [(c, c, 0, REFERENCE_TIME - DAY) for c in range(20)] + [
        (c, 100 + c, 1, REFERENCE_TIME - DAY * (1 + c // 20)) for c in range(60)
    ]
    learned = trending.recommender.fit(make_history(rows, 2), LIMITS)
    assert learned.score[0] == 0
    assert learned.score[1] == pytest.approx(65 / (20 * 85 / 45 + 5), abs=1e-3)
    assert learned.customers.tolist() == [0, 60]


def test_the_repeat_rate_is_the_share_of_customers_who_came_back_on_another_day():
    rows = [(customer, customer, 0, REFERENCE_TIME - 9 * DAY) for customer in range(8)]
    rows += [(customer, 10 + customer, 0, REFERENCE_TIME) for customer in range(2)]
    rows += [(5, 20 + order, 0, REFERENCE_TIME - 9 * DAY) for order in range(3)]
    learned = repurchase_rate.recommender.fit(make_history(rows, 1), LIMITS)
    assert learned.score.tolist() == [0.25]
