"""Bounds of weekly looks: frozen values of an independent recursion, and what they promise."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from personalization.measure.sample_size import (
    MAX_WEEKS_PLANNED,
    detectable_lift,
    revenue_variance,
    share_variance,
    suggest_weeks,
    visitors_needed,
)
from personalization.measure.sequential_bounds import (
    alpha_spent,
    crossing_probability,
    obrien_fleming_constant,
    spending_bounds,
)

CONSTANTS = {
    1: 1.9600,
    2: 1.9774,
    3: 2.0040,
    4: 2.0243,
    5: 2.0401,
    6: 2.0528,
    7: 2.0633,
    8: 2.0722,
    9: 2.0798,
    10: 2.0865,
    11: 2.0924,
    12: 2.0976,
    13: 2.1023,
}
MORE_VISITORS = {2: 0.8, 3: 1.7, 4: 2.4, 5: 2.8, 6: 3.2, 7: 3.5, 8: 3.7, 9: 3.8, 10: 4.0, 11: 4.1, 12: 4.2, 13: 4.3}
"""Than one reading, in percent, for a power of 80 %."""
ONE_READING_DRIFT = 2.801585
"""The expected z at which one reading has a power of 80 %."""
EIGHT = (5.544, 3.920, 3.208, 2.802, 2.539, 2.353, 2.213, 2.104)
SPENDING = [
    (tuple(week / 8 for week in range(1, 9)), EIGHT),
    ((0.25, 0.5, 0.75, 1.0), (3.920, 2.774, 2.298, 2.043)),
    ((0.2, 0.4, 0.6, 0.8, 1.0), (4.383, 3.100, 2.553, 2.254, 2.063)),
    ((0.10, 0.22, 0.30, 0.45, 0.60, 0.72, 0.90, 1.0), (6.198, 4.179, 3.587, 2.934, 2.572, 2.393, 2.162, 2.112)),
]
PRINTED = {
    0.02: ["13.4 M", "7.05 M", "3.97 M", "2.54 M"],
    0.05: ["2.14 M", "1.13 M", "634 k", "406 k"],
    0.10: ["534 k", "282 k", "159 k", "102 k"],
    0.20: ["134 k", "70 k", "40 k", "25 k"],
}
fractions_of_weeks = some.lists(
    some.integers(10, 500).map(lambda number: number / 500), min_size=1, max_size=6, unique=True
).map(sorted)


def even(looks):
    return [number / looks for number in range(1, looks + 1)]


def printed(visitors, like):
    number, unit = like.split()
    decimals = len(number.partition(".")[2])
    return f"{visitors / {'M': 1e6, 'k': 1e3}[unit]:.{decimals}f} {unit}"


@pytest.mark.parametrize(("fractions", "bounds"), SPENDING)
def test_spending_bounds(fractions, bounds):
    assert spending_bounds(fractions) == pytest.approx(bounds, abs=0.0006)


def test_thirteen_looks():
    bounds = spending_bounds(tuple(even(13)))
    assert [bounds[0], bounds[-1]] == pytest.approx([7.067, 2.140], abs=0.0006)


@pytest.mark.parametrize("looks", CONSTANTS)
def test_the_constant_of_even_looks_lets_five_percent_through(looks):
    bounds = [CONSTANTS[looks] / math.sqrt(fraction) for fraction in even(looks)]
    assert crossing_probability(bounds, even(looks)) == pytest.approx(0.05, abs=0.00001)


def test_the_constant_is_found_by_the_recursion():
    assert [round(obrien_fleming_constant(looks), 4) for looks in (1, 2, 5)] == [1.96, 1.9774, 2.0401]


@pytest.mark.parametrize("looks", MORE_VISITORS)
def test_weekly_looks_need_few_visitors_more(looks):
    bounds = [CONSTANTS[looks] / math.sqrt(fraction) for fraction in even(looks)]
    drift = ONE_READING_DRIFT * math.sqrt(1 + MORE_VISITORS[looks] / 100)
    assert crossing_probability(bounds, even(looks), drift) == pytest.approx(0.8, abs=0.0004)


def test_eight_even_looks_have_the_bounds_of_the_table():
    bounds = [CONSTANTS[8] / math.sqrt(fraction) for fraction in even(8)]
    assert bounds == pytest.approx([5.861, 4.144, 3.384, 2.931, 2.621, 2.393, 2.215, 2.072], abs=0.0006)


@settings(max_examples=25, deadline=None)
@given(fractions_of_weeks, some.sampled_from([0.05, 0.025, 0.05 / 3]))
def test_whatever_the_weeks_no_more_than_alpha_is_spent(fractions, alpha):
    bounds = spending_bounds(tuple(fractions), alpha)
    assert crossing_probability(bounds, fractions) == pytest.approx(alpha_spent(fractions[-1], alpha), abs=1e-6)
    ended = spending_bounds(tuple(fractions), alpha, is_over=True)
    assert crossing_probability(ended, fractions) == pytest.approx(alpha, abs=1e-6)
    assert ended[:-1] == bounds[:-1]


def test_one_look_is_one_reading():
    assert spending_bounds((1.0,)) == pytest.approx((1.959964,), abs=1e-6)
    assert spending_bounds((0.4,), is_over=True) == pytest.approx((1.959964,), abs=1e-6)


def test_a_week_without_visitors_has_the_bound_before_it():
    assert spending_bounds((0.25, 0.25, 0.5)) == pytest.approx((3.920, 3.920, 2.774), abs=0.0006)
    assert spending_bounds((0.25, 0.250001, 0.5)) == pytest.approx((3.920, 3.920, 2.774), abs=0.0006)
    assert spending_bounds((0.25, 0.2)) == pytest.approx((3.920, 3.920), abs=0.0006)
    assert spending_bounds((0.0, 0.0005)) == (math.inf, math.inf)
    assert spending_bounds(()) == ()


def test_more_visitors_than_planned_spend_what_is_left_and_then_nothing():
    bounds = spending_bounds((0.5, 1.2, 1.5))
    assert crossing_probability(bounds[:2], (0.5, 1.2)) == pytest.approx(0.05, abs=1e-6)
    assert bounds[2] == bounds[1]


@pytest.mark.parametrize("lift", PRINTED)
def test_visitors_that_an_experiment_needs(lift):
    needed = [visitors_needed(0.03, share_variance(0.03), lift=lift, share=share) for share in (0.05, 0.1, 0.2, 0.5)]
    assert [printed(*pair) for pair in zip(needed, PRINTED[lift], strict=True)] == PRINTED[lift]


def test_money_needs_more_than_twice_as_many():
    money = visitors_needed(1.5, revenue_variance(0.03, 50), lift=0.1, share=0.5)
    assert money / visitors_needed(0.03, share_variance(0.03), lift=0.1, share=0.5) == pytest.approx(2.29, abs=0.01)


def test_the_lift_that_so_many_visitors_show():
    visitors = visitors_needed(0.03, share_variance(0.03), lift=0.1, share=0.2)
    assert detectable_lift(0.03, share_variance(0.03), visitors=visitors, share=0.2) == pytest.approx(0.1, abs=1e-5)


def test_no_number_of_visitors_shows_a_lift_of_nothing():
    with pytest.raises(ValueError, match="a lift of 0"):
        visitors_needed(0.03, 0.03, lift=0, share=0.5)
    with pytest.raises(ValueError, match="a mean of 0"):
        visitors_needed(0, 0.03, lift=0.1, share=0.5)


def test_weeks_follow_from_the_traffic():
    assert suggest_weeks(100_000, 28_000) == 4
    assert suggest_weeks(100, 27_500) == 2
    assert suggest_weeks(100_000, 1_000) is None
    assert suggest_weeks(100_000, 0) is None
    assert suggest_weeks(12_000, 1_101) == MAX_WEEKS_PLANNED
