"""Two arms compared: differences of shares, means and ratios with their standard errors, absolute and relative.

**Two different questions.** A difference can be told in the metric's own unit ("0.6 more buyers among 100") or as a
lift ("13 % more buyers"). The control's own mean is an estimate, too, so a lift is less certain than the difference
divided by that mean: `relative_difference` is the delta method, which counts that in. It can then happen that the
difference is beyond chance (p = 0.020) while the lift's interval still holds 0 (p = 0.062, on the very same sums).
Treating the control's mean as a constant, as older versions of some tools did, hides that and gives lifts that are too
sure.
Verdicts test the *difference* and tell the lift by `lift_interval` (Fieller), which holds 0 exactly when the difference
is not beyond the same bound.

None stands for what is not known: without units, without variance, or with a denominator of 0.

References
----------
B. L. Welch: The generalization of "Student's" problem when several different population variances are involved.
Biometrika 34, 1947.
A. Deng, U. Knoblich, J. Lu: Applying the delta method in metric analytics. KDD 2018.
E. C. Fieller: Some problems in interval estimation. JRSS B 16(2), 1954.
"""

import math
from dataclasses import dataclass

from personalization.measure.student_t import t_quantile, t_tail
from personalization.measure.sums import ROUNDING, MetricSums

Interval = tuple[float, float]
MAX_KNOWN = 1e75
"""No metric of a shop is larger: a mean or a variance that is, comes from a denominator of next to nothing."""


@dataclass(frozen=True)
class ArmEstimate:
    """A metric in one arm."""

    n: float
    """Units, at least 2."""
    mean: float
    variance: float
    """Of one unit; that of the mean is 1/n of it."""

    @property
    def mean_variance(self) -> float:
        """The variance of the mean."""
        return self.variance / self.n


@dataclass(frozen=True)
class Difference:
    """An arm less the control."""

    estimate: float
    standard_error: float
    """Never 0, nor what rounding leaves of 0: a difference without one is not known."""
    degrees: float
    """Of freedom, by Welch and Satterthwaite."""
    units: float
    """Of both arms."""

    @property
    def z(self) -> float:
        """The estimate in standard errors."""
        return self.estimate / self.standard_error

    @property
    def p_value(self) -> float:
        """Two-sided, for one reading whose moment was fixed before."""
        return t_tail(self.z, self.degrees)

    def interval(self, alpha: float = 0.05) -> Interval:
        """The confidence interval for one reading whose moment was fixed before."""
        return self.interval_within(t_quantile(alpha, self.degrees))

    def interval_within(self, bound: float) -> Interval:
        """All that is at most so many standard errors away."""
        return self.estimate - bound * self.standard_error, self.estimate + bound * self.standard_error


def estimate_share(sums: MetricSums) -> ArmEstimate | None:
    """The share of units that did something. Parameters: `sums` of a metric that is 0 or 1. None for fewer than two."""
    if sums.n < 2:
        return None
    share = min(max(sums.mean_y, 0.0), 1.0)
    return _known_estimate(sums.n, share, share * (1 - share))


def estimate_mean(sums: MetricSums) -> ArmEstimate | None:
    """The mean of a metric. None for fewer than two units."""
    return _known_estimate(sums.n, sums.mean_y, sums.variance_y) if sums.n >= 2 else None


def estimate_ratio(sums: MetricSums) -> ArmEstimate | None:
    """The ratio of two sums over units, such as money per order: the units are drawn, not the orders, so its variance
    is that of y - ratio * x, by the delta method.

    Parameters: `sums`, numerators in y and denominators in x. None for fewer than two units or a denominator of 0.
    """
    if sums.n < 2 or sums.mean_x == 0:
        return None
    ratio = sums.y / sums.x
    spread = sums.variance_y - 2 * ratio * sums.covariance + ratio * ratio * sums.variance_x
    scale = sums.variance_y + ratio * ratio * sums.variance_x
    variance = spread / sums.mean_x / sums.mean_x if spread > ROUNDING * scale else 0.0
    return _known_estimate(sums.n, ratio, variance)


def absolute_difference(control: ArmEstimate | None, arm: ArmEstimate | None) -> Difference | None:
    """The difference in the metric's own unit."""
    if control is None or arm is None:
        return None
    error = math.sqrt(control.mean_variance + arm.mean_variance)
    return _difference(arm.mean - control.mean, error, control, arm)


def relative_difference(control: ArmEstimate | None, arm: ArmEstimate | None) -> Difference | None:
    """The lift, 0.1 for 10 % more, by the delta method; None where the control's mean is 0 or less.

    Its p value is not that of the difference: see the module.
    """
    if control is None or arm is None or control.mean <= 0:
        return None
    ratio = arm.mean / control.mean
    error = math.hypot(
        math.sqrt(arm.mean_variance) / control.mean, ratio * math.sqrt(control.mean_variance) / control.mean
    )
    return _difference(ratio - 1, error, control, arm)


def lift_interval(control: ArmEstimate, arm: ArmEstimate, bound: float) -> tuple[float | None, float | None]:
    """The lifts that are within a bound, by Fieller: all for which the arm's mean differs from that many times the
    control's by at most `bound` standard errors.

    It holds 0 exactly when the absolute difference is within the bound. An end is None where it is not known: the
    control's mean may then be 0 itself.
    """
    if control.mean <= 0:
        return None, None
    ratio = arm.mean / control.mean
    a = 1 - _square(bound * math.sqrt(control.mean_variance) / control.mean)
    c = _square(ratio) - _square(bound * math.sqrt(arm.mean_variance) / control.mean)
    inner = _square(ratio) - a * c
    if not (math.isfinite(inner) and inner >= 0) or (a <= 0 and (c <= 0 or ratio <= 0)):
        return None, None
    root = math.sqrt(inner)
    if a <= 0:
        return c / (ratio + root) - 1, None
    return _known_number((ratio - root) / a - 1), _known_number((ratio + root) / a - 1)


def _difference(estimate: float, error: float, control: ArmEstimate, arm: ArmEstimate) -> Difference | None:
    if not (math.isfinite(error) and math.isfinite(estimate) and error > ROUNDING * abs(estimate)):
        return None
    return Difference(estimate, error, _welch_degrees(control, arm), control.n + arm.n)


def _welch_degrees(control: ArmEstimate, arm: ArmEstimate) -> float:
    part = control.mean_variance / (control.mean_variance + arm.mean_variance)
    return 1 / (part**2 / (control.n - 1) + (1 - part) ** 2 / (arm.n - 1))


def _known_estimate(n: float, mean: float, variance: float) -> ArmEstimate | None:
    return ArmEstimate(n, mean, variance) if abs(mean) < MAX_KNOWN and variance < MAX_KNOWN else None


def _known_number(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _square(number: float) -> float:
    """Infinite where it is too large, instead of an error."""
    return number * number
