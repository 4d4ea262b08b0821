"""How strong a habit a product is, after how long it is bought again, and what sells all the year round."""

import numpy as np
import pytest

from personalization.rank.purchase_habits import purchase_habits
from personalization.recommenders import (
    DAY,
    GUEST,
    LearningLimits,
    all_time_popular,
    repurchase_frequency,
    repurchase_interval,
)
from personalization.testing import REFERENCE_TIME, even_and_odd_shop, make_history

LIMITS = LearningLimits(min_customers=5)
NOON = REFERENCE_TIME // DAY * DAY + DAY / 2


def fit(recommender, *lines, products=1):
    """What is learned of (customer, product, days ago)."""
    rows = [(who, order, what, NOON - ago * DAY) for order, (who, what, ago) in enumerate(lines)]
    learned = recommender.recommender.fit(make_history(rows, products), LIMITS)
    return learned.score.tolist(), learned.customers.tolist()


def test_a_habit_is_the_mean_weight_among_the_customers_of_a_product():
    weekly = [(who, 0, 112 * time) for who in range(3) for time in range(3)]
    (score,), (customers,) = fit(repurchase_frequency, *weekly, *[(who, 0, 0) for who in range(3, 6)])
    today = 0.5 ** ((REFERENCE_TIME % DAY) / DAY / 112)
    assert (score, customers) == (pytest.approx((3 * 1.75 + 3) / 6 * today, abs=1e-4), 6)


def test_the_habit_of_a_product_is_that_of_its_customers_genomes():
    history = even_and_odd_shop()
    learned = repurchase_frequency.recommender.fit(history, LIMITS)
    own = purchase_habits(
        history.customer, history.product, history.ordered_at, history.now, LIMITS.purchase_half_life_days
    )
    means = [own.weight[own.item == product].mean() for product in range(history.products)]
    assert learned.score == pytest.approx(means, abs=1e-3)


def test_a_rhythm_is_the_mean_of_the_customers_mean_gaps():
    lines = [(who, 0, ago) for who in range(4) for ago in (0, 7, 14)] + [(4, 0, ago) for ago in (0, 30, 32)]
    once = [(who, 0, 50) for who in range(5, 40)]
    assert fit(repurchase_interval, *lines, *once) == ([pytest.approx((4 * 7 + 16) / 5, abs=0.01)], [5])


def test_what_was_bought_several_times_on_one_day_has_no_rhythm():
    assert fit(repurchase_interval, *[(who, 0, hour / 24 - 0.2) for who in range(9) for hour in range(8)]) == ([0], [0])


def test_evergreen_is_how_often_a_product_was_bought_in_all():
    assert fit(all_time_popular, *[(who, 0, ago) for who in range(6) for ago in (1, 500, 1_500)]) == ([18], [6])


@pytest.mark.parametrize("recommender", [repurchase_frequency, repurchase_interval, all_time_popular])
def test_four_customers_say_nothing_and_five_do(recommender):
    lines = [(who, 0, 10 * time) for who in range(5) for time in range(20)]
    assert fit(recommender, *lines[:80]) == ([0], [0])
    assert fit(recommender, *lines)[1] == [5]


@pytest.mark.parametrize("recommender", [repurchase_frequency, repurchase_interval])
def test_a_guest_has_no_habit(recommender):
    assert fit(recommender, *[(GUEST, 0, time) for time in range(99)]) == ([0], [0])


@pytest.mark.parametrize("recommender", [repurchase_frequency, repurchase_interval, all_time_popular])
def test_ten_thousand_purchases_of_one_day_count_as_one(recommender):
    others = [(who, 0, 10 * time) for who in range(9) for time in range(2)]
    often = [(9, 0, line / 25_000) for line in range(10_000)]
    assert fit(recommender, *others, *often) == fit(recommender, *others, often[0])


@pytest.mark.parametrize("recommender", [repurchase_frequency, all_time_popular])
def test_who_buys_every_product_on_one_day_adds_one_purchase_to_each(recommender):
    others = [(who, what, 10 * time) for what in range(20) for who in range(9) for time in range(2)]
    before, _ = fit(recommender, *others, products=20)
    after, customers = fit(recommender, *others, *[(9, what, 0) for what in range(20)], products=20)
    assert customers == [10] * 20
    assert 0 < np.abs(np.subtract(before, after)).max() <= 1


def test_who_buys_daily_for_years_moves_a_habit_by_no_more_than_the_half_life_allows():
    others = [(who, 0, 0) for who in range(9)]
    (score,), _ = fit(repurchase_frequency, *others, *[(9, 0, ago) for ago in range(4_000)])
    assert 1 < score <= (9 + 112 / np.log(2) + 1) / 10
