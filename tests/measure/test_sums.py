"""Sums of any arms give a finite result, or say that it is not known."""

import math
from random import Random

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as some
from scipy import stats

from personalization.measure.adjustment import sharpen
from personalization.measure.always_valid import (
    always_valid_interval,
    always_valid_minimum,
    always_valid_p_value,
)
from personalization.measure.capping import cap_revenue, revenue_cap
from personalization.measure.comparison import (
    Difference,
    absolute_difference,
    estimate_mean,
    estimate_ratio,
    estimate_share,
    lift_interval,
    relative_difference,
)
from personalization.measure.sample_ratio import chi_square_tail, sample_ratio_p_value
from personalization.measure.student_t import t_quantile, t_tail
from personalization.measure.sums import NO_UNITS, MetricSums, StrataSums, merge_sums, sum_conversions, sum_units

amounts = some.one_of(some.just(0.0), some.floats(-1e6, 1e6), some.integers(0, 5).map(float))
unit_lists = some.lists(some.tuples(amounts, amounts), max_size=12)


def summed(units):
    return sum_units([y for y, _ in units], [x for _, x in units])


arms = unit_lists.map(summed)
strata = some.builds(StrataSums, arms, some.lists(amounts, max_size=12).map(sum_units))
conversions = some.integers(0, 40).flatmap(
    lambda units: some.builds(sum_conversions, some.just(units), some.integers(0, units))
)
ESTIMATES = [estimate_share, estimate_mean, estimate_ratio]


def assert_finite(*numbers):
    assert all(number is None or math.isfinite(number) for number in numbers), numbers


@pytest.mark.parametrize("estimate", ESTIMATES)
@given(control=arms, arm=arms)
@example(control=NO_UNITS, arm=NO_UNITS)
@example(control=sum_conversions(5, 0), arm=sum_conversions(5, 5))
@example(control=sum_conversions(5, 5), arm=sum_conversions(5, 5))
@example(control=sum_units([5e-324, 0.0]), arm=sum_units([1e6, 0.0]))
@example(control=sum_units([0.1] * 7), arm=sum_units([0.1] * 11))
def test_any_two_arms_have_a_finite_result_or_none(estimate, control, arm):
    pair = estimate(control), estimate(arm)
    for compare in (absolute_difference, relative_difference):
        difference = compare(*pair)
        if difference is not None:
            assert_finite(difference.estimate, difference.z, *difference.interval())
            assert_finite(*always_valid_interval(difference, tuned_for=5_000))
            assert_finite(always_valid_minimum(difference, tuned_for=5_000))
            assert 0 <= difference.p_value <= 1
            assert 0 <= always_valid_p_value(difference, tuned_for=5_000) <= 1
    if None not in pair:
        assert_finite(*lift_interval(*pair, 2.0))


@given(strata, strata)
def test_any_two_arms_are_sharpened_or_not(control, arm):
    sharpened = sharpen(control, arm)
    if sharpened is not None:
        assert_finite(sharpened.slope, sharpened.control.mean, sharpened.arm.mean, sharpened.extra_visitors)
        assert sharpened.control.variance >= 0 and sharpened.arm.variance >= 0


@pytest.mark.parametrize("estimate", ESTIMATES)
@given(control=arms, arm=arms)
def test_the_arms_the_other_way_round_are_the_other_way_round(estimate, control, arm):
    pair = estimate(control), estimate(arm)
    there, back = absolute_difference(*pair), absolute_difference(*pair[::-1])
    assert (there is None) == (back is None)
    if there is not None:
        assert there.estimate == -back.estimate
        assert there.p_value == pytest.approx(back.p_value, abs=1e-9)


@given(unit_lists, unit_lists, some.sampled_from([0.01, 0.5, 100.0]))
def test_cents_and_euros_have_one_p_value(control, arm, factor):
    pair = [estimate_mean(summed(units)) for units in (control, arm)]
    scaled = [estimate_mean(summed([(y * factor, x) for y, x in units])) for units in (control, arm)]
    one, other = absolute_difference(*pair), absolute_difference(*scaled)
    assume(one is not None and other is not None and one.standard_error > 1e-3)
    assert other.estimate == pytest.approx(one.estimate * factor, rel=1e-6, abs=1e-6)
    assert other.p_value == pytest.approx(one.p_value, abs=1e-6)


@given(unit_lists, some.randoms(use_true_random=False), some.integers(1, 5))
def test_sums_are_merged_in_any_order(units, chance, parts):
    split = [summed(units[number::parts]) for number in range(parts)]
    expected = merge_sums(split)
    chance.shuffle(split)
    assert merge_sums(split) == expected
    merged = sum(split, NO_UNITS)
    assert merged.n == len(units)
    assert merged.y == pytest.approx(math.fsum(y for y, _ in units), abs=1e-6)
    assert merged.xy == pytest.approx(math.fsum(y * x for y, x in units), rel=1e-9, abs=1e-3)


def test_variance_and_covariance_are_those_of_the_units():
    y, x = [1.0, 5, 0, 14, 9, 18], [0.0, 3, 0, 12, 8, 15]
    sums = sum_units(y, x)
    assert [sums.variance_y, sums.variance_x] == pytest.approx([np.var(y, ddof=1), np.var(x, ddof=1)])
    assert sums.covariance == pytest.approx(np.cov(x, y)[0, 1])


@pytest.mark.parametrize(
    ("control", "arm"),
    [
        (sum_conversions(0, 0), sum_conversions(100, 5)),
        (sum_conversions(1, 0), sum_conversions(100, 5)),
        (sum_conversions(100, 0), sum_conversions(100, 0)),
        (sum_conversions(100, 100), sum_conversions(100, 100)),
        (sum_conversions(100, 0), sum_conversions(100, 100)),
    ],
)
def test_without_units_or_variance_nothing_is_known(control, arm):
    assert absolute_difference(estimate_share(control), estimate_share(arm)) is None


def test_a_lift_over_nothing_is_not_known():
    pair = estimate_share(sum_conversions(100, 0)), estimate_share(sum_conversions(100, 5))
    assert relative_difference(*pair) is None
    assert lift_interval(*pair, 2.0) == (None, None)
    assert absolute_difference(*pair).estimate == 0.05
    losses = estimate_mean(sum_units([-1, -2, 0])), estimate_mean(sum_units([1, 2, 0]))
    assert relative_difference(*losses) is None


def test_a_ratio_without_denominators_is_not_known():
    assert estimate_ratio(MetricSums(n=10, y=5, yy=9)) is None


@given(conversions, conversions, some.floats(0.5, 8))
def test_the_lift_of_a_verdict_holds_zero_exactly_when_the_difference_is_within_the_bound(control, arm, bound):
    pair = estimate_share(control), estimate_share(arm)
    difference = absolute_difference(*pair)
    assume(difference is not None and abs(abs(difference.z) - bound) > 1e-6)
    low, high = lift_interval(*pair, bound)
    outside = (low is not None and low > 0) or (high is not None and high < 0)
    assume(low is not None or high is not None)
    assert outside == (abs(difference.z) > bound)


def test_the_lift_of_a_verdict_covers_the_truth_as_often_as_it_says():
    chance, covered = np.random.default_rng(5), 0
    sold = chance.binomial(2_000, [0.03, 0.036], (4_000, 2))
    for control, arm in sold.tolist():
        pair = (estimate_share(sum_conversions(2_000, converted)) for converted in (control, arm))
        low, high = lift_interval(*pair, 1.96)
        covered += low <= 0.2 <= high
    assert covered / 4_000 == pytest.approx(0.95, abs=0.012)


def test_the_difference_and_the_lift_are_two_questions():
    """On the same sums p is 0.020 for one and 0.062 for the other; Fieller's interval sides with the first."""
    control, arm = (estimate_mean(MetricSums(n, n * m, (n - 1) * sd**2 + n * m * m)) for n, m, sd in REVENUE)
    assert absolute_difference(control, arm).p_value < 0.05 < relative_difference(control, arm).p_value
    assert relative_difference(control, arm).interval()[0] < 0 < lift_interval(control, arm, 1.96)[0]


REVENUE = [(3_407, 0.41, 3.9), (3_461, 0.70, 6.2)]


def test_a_past_that_says_nothing_is_not_used():
    chance = np.random.default_rng(3)
    pair = [StrataSums(sum_units(chance.normal(1, 1, 500), chance.normal(1, 1, 500))) for _ in range(2)]
    assert not sharpen(*pair).is_worth_it
    constant = [StrataSums(sum_units(chance.normal(1, 1, 500), [2.0] * 500)) for _ in range(2)]
    assert sharpen(*constant) is None


def test_whether_there_is_a_past_sharpens_too():
    """Customers buy much, strangers little; one group happens to have more customers."""
    chance = np.random.default_rng(4)

    def arm(customers):
        past = chance.normal(20, 5, customers)
        return StrataSums(
            sum_units(past + chance.normal(0, 1, customers), past), sum_units(chance.normal(1, 1, 1_000 - customers))
        )

    sharpened = sharpen(arm(300), arm(330))
    assert sharpened.extra_visitors > 50
    assert abs(sharpened.arm.mean - sharpened.control.mean) < 0.2
    assert 6 < sharpened.control.mean < 8


def test_a_sharpened_difference_is_that_of_a_regression():
    chance = np.random.default_rng(8)
    past, has_past = chance.gamma(2, 3, 400), np.arange(400) % 3 > 0
    past = past * has_past
    spent = 2 + 0.5 * past + 3 * has_past + chance.normal(0, 1, 400)
    halves = [np.arange(400) < 200, np.arange(400) >= 200]
    pair = [
        StrataSums(sum_units(spent[half & has_past], past[half & has_past]), sum_units(spent[half & ~has_past]))
        for half in halves
    ]
    design = np.column_stack([np.ones(400), past, has_past])
    rest = spent - design[:, 1:] @ np.linalg.lstsq(design, spent, rcond=None)[0][1:]
    expected = stats.ttest_ind(rest[halves[1]], rest[halves[0]], equal_var=False)
    sharpened = sharpen(*pair)
    difference = absolute_difference(sharpened.control, sharpened.arm)
    assert difference.estimate == pytest.approx(rest[halves[1]].mean() - rest[halves[0]].mean())
    assert difference.p_value == pytest.approx(expected.pvalue)


@pytest.mark.parametrize("degrees", [1, 1.5, 2, 5, 10, 33.3, 1_000, 50_000, 2e6])
def test_student_s_t_is_that_of_the_tables(degrees):
    for value in (0.0, 0.3, 1.0, 1.96, 3.3, 8.0):
        assert t_tail(value, degrees) == pytest.approx(2 * stats.t.sf(value, degrees), rel=1e-4, abs=1e-9)
    for tail in (0.5, 0.05, 0.01, 1e-4):
        assert t_quantile(tail, degrees) == pytest.approx(stats.t.isf(tail / 2, degrees), rel=1e-5)


@pytest.mark.parametrize("degrees", [1, 2, 3])
def test_chi_square_is_that_of_the_tables(degrees):
    for distance in (0.0, 0.5, 4.0, 12.0, 60.0):
        assert chi_square_tail(distance, degrees) == pytest.approx(stats.chi2.sf(distance, degrees), rel=1e-9)


def test_few_units_have_no_sample_ratio():
    assert sample_ratio_p_value([0, 0], [1, 1]) is None
    assert sample_ratio_p_value([9, 0], [1, 1]) is None
    assert sample_ratio_p_value([12, 0], [1, 1]) == pytest.approx(0.000532, abs=1e-6)
    assert sample_ratio_p_value([100, 100, 100, 100], [1, 1, 1, 1]) == 1
    with pytest.raises(ValueError, match="1 counts and 1 shares"):
        sample_ratio_p_value([1], [1])


def test_the_cap_is_that_of_buyers():
    baskets = [Random(1).lognormvariate(3, 0.9) for _ in range(50)] + list(map(float, range(1, 1_001)))
    assert revenue_cap([]) is None
    assert revenue_cap(baskets) == pytest.approx(np.percentile(baskets, 99.5))
    assert [cap_revenue(amount, 100.0) for amount in (-5.0, 99.0, 1e9)] == [-5.0, 99.0, 100.0]
    assert cap_revenue(1e9, None) == 1e9


def test_the_one_sided_limit_is_wrong_at_most_once_in_a_hundred_runs():
    """Read at 200 moments, from a hundredth of the planned units on."""
    chance = np.random.default_rng(9)
    units = np.linspace(50, 5_000, 200)
    walks = np.cumsum(chance.normal(0, np.sqrt(np.diff(units, prepend=0)), (3_000, 200)), axis=1) / units
    width = [-always_valid_minimum(Difference(0.0, n**-0.5, n, n), tuned_for=5_000) for n in units]
    assert (walks > width).any(axis=1).mean() <= 0.01
