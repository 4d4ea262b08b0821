"""The numbers of an independent implementation (gbstats 0.8.0), to six digits."""

import pytest

from personalization.measure.adjustment import sharpen
from personalization.measure.always_valid import always_valid_interval, always_valid_p_value
from personalization.measure.comparison import (
    ArmEstimate,
    absolute_difference,
    estimate_mean,
    estimate_ratio,
    estimate_share,
    relative_difference,
)
from personalization.measure.sample_ratio import sample_ratio_p_value
from personalization.measure.sums import MetricSums, StrataSums, sum_conversions, sum_units

SIX_DIGITS = 0.6e-6
CONVERSION = estimate_share(sum_conversions(2_000, 90)), estimate_share(sum_conversions(18_000, 918))
REVENUE = ArmEstimate(3_407, 0.41, 3.9**2), ArmEstimate(3_461, 0.70, 6.2**2)
AVERAGE_ORDER = (
    estimate_ratio(MetricSums(n=2_000, y=4_500, yy=330_000, x=100, xx=120, xy=5_300)),
    estimate_ratio(MetricSums(n=18_000, y=45_900, yy=3_200_000, x=1_000, xx=1_200, xy=52_000)),
)
FIXED = [
    (absolute_difference, CONVERSION, 0.006000, (-0.003642, 0.015642), 0.222476),
    (relative_difference, CONVERSION, 0.133333, (-0.106484, 0.373151), 0.275721),
    (absolute_difference, REVENUE, 0.290000, (0.045378, 0.534622), 0.020158),
    (relative_difference, REVENUE, 0.707317, (-0.035260, 1.449894), 0.061912),
    (absolute_difference, AVERAGE_ORDER, 0.900000, (-5.472152, 7.272152), 0.781832),
    (relative_difference, AVERAGE_ORDER, 0.020000, (-0.124182, 0.164182), None),
]
ALWAYS_VALID = [
    (absolute_difference, CONVERSION, 5_000, (-0.009376, 0.021376), None),
    (absolute_difference, CONVERSION, 20_000, (-0.008924, 0.020924), None),
    (absolute_difference, REVENUE, 5_000, (-0.089410, 0.669410), 0.290745),
    (relative_difference, REVENUE, 5_000, (-0.444424, 1.859058), 0.698673),
]
GROWING = [
    (500, (-0.038491, 0.058491)),
    (2_000, (-0.011914, 0.031914)),
    (10_000, (-0.000080, 0.020080)),
    (40_000, (0.004672, 0.015328)),
]
BY_HAND = (
    StrataSums(sum_units([0, 2, 6, 9, 0, 17], [0, 0, 5, 10, 0, 20])),
    StrataSums(sum_units([1, 5, 0, 14, 9, 18], [0, 3, 0, 12, 8, 15])),
)
FROM_SUMS = (
    StrataSums(MetricSums(2_000, 14715.83, 283682.6465, 11686.11, 293603.6043, 219404.6453)),
    StrataSums(MetricSums(18_000, 136315.38, 2609689.0366, 109813.43, 2929711.9899, 2192547.8476)),
)
SHARPENED = [
    (BY_HAND, 0.941355, (2.166667, -6.719377, 11.052711), (1.695989, -0.041386, 3.433364), 0.054700),
    (FROM_SUMS, 0.601334, (0.215162, -0.217763, 0.648086), (0.060203, -0.258755, 0.379161), 0.711319),
]


def six(expected):
    return pytest.approx(expected, abs=SIX_DIGITS)


@pytest.mark.parametrize(("compare", "pair", "estimate", "interval", "p_value"), FIXED)
def test_one_reading(compare, pair, estimate, interval, p_value):
    difference = compare(*pair)
    assert difference.estimate == six(estimate)
    assert difference.interval() == six(interval)
    if p_value is not None:
        assert difference.p_value == six(p_value)


@pytest.mark.parametrize(("compare", "pair", "tuned_for", "interval", "p_value"), ALWAYS_VALID)
def test_always_valid(compare, pair, tuned_for, interval, p_value):
    difference = compare(*pair)
    assert always_valid_interval(difference, tuned_for=tuned_for) == six(interval)
    if p_value is not None:
        assert always_valid_p_value(difference, tuned_for=tuned_for) == six(p_value)


@pytest.mark.parametrize(("each", "interval"), GROWING)
def test_always_valid_with_more_and_more_units(each, interval):
    arms = (estimate_share(sum_conversions(each, each * percent // 100)) for percent in (5, 6))
    assert always_valid_interval(absolute_difference(*arms), tuned_for=5_000) == six(interval)


@pytest.mark.parametrize(("pair", "slope", "plain", "adjusted", "p_value"), SHARPENED)
def test_sharpened_by_the_past(pair, slope, plain, adjusted, p_value):
    unadjusted = absolute_difference(*(estimate_mean(arm.total) for arm in pair))
    assert (unadjusted.estimate, *unadjusted.interval()) == six(plain)
    sharpened = sharpen(*pair)
    difference = absolute_difference(sharpened.control, sharpened.arm)
    assert sharpened.slope == six(slope)
    assert (difference.estimate, *difference.interval()) == six(adjusted)
    assert difference.p_value == six(p_value)
    assert sharpened.is_worth_it


@pytest.mark.parametrize(
    ("counts", "shares", "p_value"),
    [
        ([4_900, 5_100], [1, 1], 0.04550026),
        ([4_800, 5_200], [1, 1], 0.00006334),
        ([1_080, 8_920], [1, 9], 0.00766076),
        ([500, 600], [0.5, 0.5], 0.00256883),
        ([330, 340, 330], [1, 1, 1], 0.90483742),
    ],
)
def test_sample_ratio(counts, shares, p_value):
    assert sample_ratio_p_value(counts, shares) == pytest.approx(p_value, abs=0.6e-8)
