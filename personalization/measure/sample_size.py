"""What an experiment can find, before it begins: visitors for a lift, a lift for visitors, weeks for both.

References
----------
S.-C. Chow, J. Shao, H. Wang: Sample Size Calculations in Clinical Research, 2008, 3.2 (two means, unequal groups).
"""

import math
from statistics import NormalDist

POWER = 0.8
"""A true lift of the size asked for is found with this probability."""
LOOKS_ALLOWANCE = 1.10
"""Weekly looks need up to 4 % more visitors than one reading; the rest is for the better arm's own, larger variance."""
MIN_WEEKS, MAX_WEEKS_PLANNED = 2, 12
BASKET_SIGMA = 0.9
"""Of the logarithm of what an order is worth: a usual value, where the shop's own is not known."""


def share_variance(share: float) -> float:
    """The variance of a metric that is 1 for this share of units and 0 for the others."""
    return share * (1 - share)


def revenue_variance(conversion: float, average_order: float, sigma: float = BASKET_SIGMA) -> float:
    """The variance of the revenue of a visitor, who buys with a probability and then a log-normal basket."""
    return conversion * average_order**2 * math.exp(sigma**2) - (conversion * average_order) ** 2


def visitors_needed(mean: float, variance: float, *, lift: float, share: float, alpha: float = 0.05) -> int:
    """Visitors of both groups together, to find a lift at one reading.

    Parameters: `mean` and `variance` of the metric now, for one visitor; `lift`, relative, 0.1 for 10 %; `share` of the
    smaller group among both, more than 0 and less than 1. For weekly looks multiply by LOOKS_ALLOWANCE.
    Raises ValueError where the mean or the lift is 0.
    """
    if mean == 0 or lift == 0:
        raise ValueError(f"No number of visitors shows a lift of {lift:g} of a mean of {mean:g}.")
    return math.ceil(_quantiles(alpha) ** 2 * variance * (1 / share + 1 / (1 - share)) / (mean * lift) ** 2)


def choosers_needed(lead: float, alpha: float = 0.05) -> int:
    """Visitors who choose more from one of two interleaved orders than from the other, to find at one reading that so
    much more than half of them choose from it: 0.05 for 55 of 100. For weekly looks multiply by LOOKS_ALLOWANCE."""
    return math.ceil(_quantiles(alpha) ** 2 * share_variance(0.5) / lead**2)


def detectable_lift(mean: float, variance: float, *, visitors: float, share: float, alpha: float = 0.05) -> float:
    """The smallest lift that so many visitors show at one reading: `visitors_needed` the other way round."""
    return _quantiles(alpha) * math.sqrt(variance * (1 / share + 1 / (1 - share)) / visitors) / abs(mean)


def suggest_weeks(visitors: float, visitors_a_week: float) -> int | None:
    """How many weeks of looks it takes to have as many visitors as one reading would need, at least MIN_WEEKS. None
    where that is more than MAX_WEEKS_PLANNED: a larger lift, or more even groups, can be found sooner."""
    if visitors_a_week <= 0:
        return None
    weeks = max(math.ceil(visitors * LOOKS_ALLOWANCE / visitors_a_week), MIN_WEEKS)
    return weeks if weeks <= MAX_WEEKS_PLANNED else None


def _quantiles(alpha: float) -> float:
    return NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(POWER)
