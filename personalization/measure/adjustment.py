"""Sharpening: what customers did before takes away the part of the noise that has nothing to do with the experiment.

Each unit's metric is lessened by what its past lets expect, so the arms differ by the same amount with less spread.
What is used was measured before the first exposure, so no arm can have changed it. Units without a past are a stratum
of their own: whether there is a past is a covariate like the past itself.

References
----------
A. Deng, Y. Xu, R. Kohavi, T. Walker: Improving the sensitivity of online controlled experiments by utilizing
pre-experiment data. WSDM 2013 (CUPED).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from personalization.measure.comparison import ArmEstimate
from personalization.measure.sums import ROUNDING, MetricSums, StrataSums, sample_covariance

MIN_GAIN = 0.05
"""It is used when it lowers the variance of the difference by at least this part."""


@dataclass(frozen=True)
class SharpenedPair:
    """Two arms, sharpened with one slope."""

    slope: float
    """θ: how much of the metric a unit of the covariate lets expect."""
    control: ArmEstimate
    arm: ArmEstimate
    extra_visitors: float
    """It is worth as much as this share of visitors more."""

    @property
    def is_worth_it(self) -> bool:
        """Whether it lowers the variance by enough."""
        return 1 - 1 / (1 + self.extra_visitors) >= MIN_GAIN


def sharpen(control: StrataSums, arm: StrataSums) -> SharpenedPair | None:
    """Both arms, their means as if all units had the same past. The slope is that of both arms together, so that
    symmetric arms stay symmetric. None where the past says nothing, or there are too few units to know."""
    totals = control.total, arm.total
    if min(total.n for total in totals) < 2:
        return None
    pooled = StrataSums(control.with_past + arm.with_past, control.without_past + arm.without_past)
    slopes = _slopes(pooled)
    if slopes is None:
        return None
    center = _covariate_means(pooled)
    adjusted = [_adjust(one, slopes, center) for one in (control, arm)]
    plain_variance = sum(total.variance_y / total.n for total in totals)
    variance = sum(one.mean_variance for one in adjusted)
    if variance <= ROUNDING * plain_variance:
        return None
    return SharpenedPair(float(slopes[0]), adjusted[0], adjusted[1], plain_variance / variance - 1)


def _slopes(strata: StrataSums) -> NDArray[np.float64] | None:
    """Of the covariate, and of having a past; the second is 0 where all units have one."""
    if strata.total.variance_y == 0:
        return None
    spread, with_metric = _covariate_moments(strata)
    varies = spread.diagonal() > 0
    slopes = np.zeros(2)
    if varies.all():
        determinant = spread[0, 0] * spread[1, 1] - spread[0, 1] ** 2
        if determinant > ROUNDING * spread[0, 0] * spread[1, 1]:
            slopes = np.array(
                [
                    (spread[1, 1] * with_metric[0] - spread[0, 1] * with_metric[1]) / determinant,
                    (spread[0, 0] * with_metric[1] - spread[0, 1] * with_metric[0]) / determinant,
                ]
            )
        else:
            slopes[0] = with_metric[0] / spread[0, 0]
    elif varies.any():
        slopes[varies] = with_metric[varies] / spread.diagonal()[varies]
    return slopes if slopes.any() and np.isfinite(slopes).all() else None


def _covariate_means(strata: StrataSums) -> NDArray[np.float64]:
    total = strata.total
    return np.array([total.mean_x, strata.with_past.n / total.n])


def _covariate_moments(strata: StrataSums) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The covariances of the covariate and of having a past, with each other and with the metric."""
    total, past = strata.total, strata.with_past
    has_past = MetricSums(total.n, x=past.n, xx=past.n)
    across = sample_covariance(total.n, total.x, past.n, past.x)
    spread = np.array([[total.variance_x, across], [across, has_past.variance_x]])
    return spread, np.array([total.covariance, sample_covariance(total.n, past.n, total.y, past.y)])


def _adjust(strata: StrataSums, slopes: NDArray[np.float64], center: NDArray[np.float64]) -> ArmEstimate:
    total = strata.total
    spread, with_metric = _covariate_moments(strata)
    mean = total.mean_y - float(slopes @ (_covariate_means(strata) - center))
    variance = total.variance_y - 2 * float(slopes @ with_metric) + float(slopes @ spread @ slopes)
    return ArmEstimate(total.n, mean, max(variance, 0.0))
