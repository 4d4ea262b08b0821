"""What an experiment keeps of its units: sums that can be added up, from which every test is computed."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

ROUNDING = 1e-12
"""A variance below this part of the mean square is what rounding left of none."""


@dataclass(frozen=True)
class MetricSums:
    """Sums over the units of one arm."""

    n: float = 0
    """Units."""
    y: float = 0
    """The sum of the metric; of a ratio, of its numerator."""
    yy: float = 0
    x: float = 0
    """The sum of the covariate, what the unit did before; of a ratio, of its denominator."""
    xx: float = 0
    xy: float = 0

    def __add__(self, other: "MetricSums") -> "MetricSums":
        return merge_sums([self, other])

    @property
    def mean_y(self) -> float:
        """0 without units."""
        return self.y / self.n if self.n else 0.0

    @property
    def mean_x(self) -> float:
        """0 without units."""
        return self.x / self.n if self.n else 0.0

    @property
    def variance_y(self) -> float:
        """The variance of one unit, with n - 1; 0 for fewer than two."""
        return sample_variance(self.n, self.y, self.yy)

    @property
    def variance_x(self) -> float:
        """The variance of one unit, with n - 1; 0 for fewer than two."""
        return sample_variance(self.n, self.x, self.xx)

    @property
    def covariance(self) -> float:
        """With n - 1; 0 for fewer than two units."""
        return sample_covariance(self.n, self.x, self.y, self.xy)


NO_UNITS = MetricSums()


@dataclass(frozen=True)
class StrataSums:
    """The units of one arm, apart by whether the shop knew them before: only then does a covariate say something."""

    with_past: MetricSums = NO_UNITS
    without_past: MetricSums = NO_UNITS
    """Their covariate is 0."""

    @property
    def total(self) -> MetricSums:
        """All units."""
        return self.with_past + self.without_past


def sum_units(y: Sequence[float], x: Sequence[float] | None = None) -> MetricSums:
    """The sums of units with these metrics and, in the same order, covariates or denominators."""
    x = [0.0] * len(y) if x is None else x
    return MetricSums(
        n=len(y),
        y=math.fsum(y),
        yy=math.fsum(one * one for one in y),
        x=math.fsum(x),
        xx=math.fsum(one * one for one in x),
        xy=math.fsum(one * other for one, other in zip(x, y, strict=True)),
    )


def sum_conversions(units: int, converted: int) -> MetricSums:
    """The sums of a metric that is 1 for those who did it and 0 for the others."""
    return MetricSums(n=units, y=converted, yy=converted)


def merge_sums(parts: Iterable[MetricSums]) -> MetricSums:
    """The sums of all units together; in whichever order, to the last digit."""
    parts = list(parts)
    return MetricSums(*(math.fsum(getattr(part, one.name) for part in parts) for one in fields(MetricSums)))


def sample_variance(n: float, total: float, squares: float) -> float:
    """The variance of one unit, with n - 1, from sums; 0 for fewer than two, and where rounding left no more."""
    if n < 2:
        return 0.0
    central = squares - total * (total / n)
    return central / (n - 1) if central > ROUNDING * squares else 0.0


def sample_covariance(n: float, total: float, other_total: float, products: float) -> float:
    """The covariance of two sums, with n - 1; 0 for fewer than two units."""
    return (products - total * (other_total / n)) / (n - 1) if n >= 2 else 0.0
