"""A cap on the money of one unit: one buyer of a hundred chairs must not decide an experiment."""

from collections.abc import Sequence

import numpy as np

CAP_PERCENTILE = 99.5


def revenue_cap(buyers: Sequence[float]) -> float | None:
    """The most that counts of a unit's kept revenue: the 99.5th percentile of those who bought. None without any.

    Parameters: `buyers`, what each unit with a kept order spent in the 90 days before the experiment. It is computed
    before and from all arms together, so it cannot favour one. Those who did not buy are left out, as with them it
    would cut the baskets of every sixth buyer of a shop in which three in a hundred buy.
    """
    return float(np.percentile(np.asarray(buyers, np.float64), CAP_PERCENTILE)) if len(buyers) else None


def cap_revenue(amount: float, cap: float | None) -> float:
    """What counts of an amount. Losses are not capped."""
    return amount if cap is None else min(amount, cap)
