"""Intervals that hold at every moment, however often somebody looks.

They are wider than those of `sequential_bounds`, which are read once a week to a planned end, so they only watch for
harm, where waiting costs more than a missed gain.

References
----------
I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas: Time-uniform central limit theory and asymptotic
confidence sequences. Annals of Statistics 52(6), 2024 (Gaussian mixtures, two-sided and one-sided).
"""

import math

from personalization.measure.comparison import Difference, Interval


def always_valid_interval(difference: Difference, *, tuned_for: float, alpha: float = 0.05) -> Interval:
    """An interval that at all moments together misses the truth with probability `alpha`.

    Parameters: `tuned_for`, the number of units of both arms at which it shall be narrowest.
    """
    scale = _mixture_scale(tuned_for, alpha) * difference.units + 1
    return difference.interval_within(_half_width(scale, math.log(math.sqrt(scale) / alpha)))


def always_valid_p_value(difference: Difference, *, tuned_for: float, alpha: float = 0.05) -> float:
    """A p value that holds at all moments together. Parameters: as of `always_valid_interval`; alpha only tunes it."""
    scale = _mixture_scale(tuned_for, alpha) * difference.units + 1
    evidence = difference.z**2 * (scale - 1) / (2 * scale) - math.log(scale) / 2
    return math.exp(-max(evidence, 0.0))


def always_valid_minimum(difference: Difference, *, tuned_for: float, alpha: float = 0.01) -> float:
    """A limit that the true difference falls below, at any moment, with probability `alpha` at most; one-sided."""
    scale = _mixture_scale(tuned_for, 2 * alpha) * difference.units + 1
    return difference.estimate - difference.standard_error * _half_width(
        scale, math.log1p(math.sqrt(scale) / (2 * alpha))
    )


def _mixture_scale(tuned_for: float, alpha: float) -> float:
    """The variance of the mixture that is narrowest at so many units."""
    log = -2 * math.log(alpha)
    return (log + math.log(log + 1)) / tuned_for


def _half_width(scale: float, log_evidence: float) -> float:
    """In standard errors. Parameters: `scale`, n times the variance of the mixture, plus 1."""
    return math.sqrt(2 * scale / (scale - 1) * log_evidence)
