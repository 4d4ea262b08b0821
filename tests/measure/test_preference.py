"""Which of two orders is liked better, from signs of units and weeks."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from personalization.measure.preference import PreferenceSums, preference_sign, sum_preferences

signs = some.lists(some.lists(some.sampled_from([-1, 0, 1]), max_size=5), max_size=20)


def test_an_addition_counts_as_three_clicks():
    assert preference_sign(clicks_a=2, adds_a=0, clicks_b=0, adds_b=1) == 1
    assert preference_sign(clicks_a=3, adds_a=0, clicks_b=0, adds_b=1) == 0
    assert preference_sign(clicks_a=100, adds_a=0, clicks_b=0, adds_b=2) == -1


def test_ties_count_half():
    liked = sum_preferences([[1], [1], [1], [-1], [0], [0]])
    assert liked.share_of_b == pytest.approx((3 + 2 / 2) / 6)
    assert liked.z == pytest.approx(2 / math.sqrt(4))
    assert liked.interval_within(1.96) == pytest.approx((4 / 6 - 1.96 * 2 / 12, 4 / 6 + 1.96 * 2 / 12))


def test_one_eager_visitor_decides_nothing():
    assert sum_preferences([[1] * 50]).z == 1
    assert sum_preferences([[1]] * 50).z == pytest.approx(math.sqrt(50))


def test_without_a_choice_nothing_is_known():
    nothing, ties = PreferenceSums(), sum_preferences([[0], [0, 0]])
    assert (nothing.share_of_b, nothing.z, nothing.interval_within(2)) == (None, None, None)
    assert (ties.share_of_b, ties.z, ties.interval_within(2)) == (0.5, None, None)


@given(signs, signs)
def test_sums_can_be_added_and_turned_round(one, other):
    assert sum_preferences(one) + sum_preferences(other) == sum_preferences(one + other)
    liked, turned = sum_preferences(one), sum_preferences([[-sign for sign in unit] for unit in one])
    assert turned.total == -liked.total and turned.squares == liked.squares
    if liked.z is not None:
        low, high = liked.interval_within(2.0)
        assert 0 <= low <= liked.share_of_b <= high <= 1


def test_equal_orders_are_told_apart_once_in_twenty_times():
    chance, found = np.random.default_rng(6), 0
    for _ in range(2_000):
        units = chance.choice([-1, 0, 1], size=(60, 2), p=[0.3, 0.4, 0.3])
        found += abs(sum_preferences(units.tolist()).z) > 1.96
    assert found / 2_000 == pytest.approx(0.05, abs=0.015)
