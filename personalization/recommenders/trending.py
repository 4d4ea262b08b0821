"""What sells more in the last seven days than in its usual week."""

import numpy as np

from personalization.recommenders import DAY, HistoryArrays, LearningLimits, ProductScores

WEEK = 7 * DAY
BASELINE_WEEKS = 12
MIN_BASELINE = 5.0
"""Purchases a week that are added to both, so that two sales after one are no trend."""


class Trending:
    """The sales of the last seven days as a multiple of the product's usual week; 0 where that is no more than usual.

    The usual week is the mean of the twelve weeks before, or of as many as the history covers. The growth of the shop
    as a whole is divided out. Enough customers stand behind it only if newcomers are at most as many as others.
    """

    name = "trending"

    def fit(self, history: HistoryArrays, limits: LearningLimits) -> ProductScores:
        recent = history.ordered_at > history.now - WEEK
        before = ~recent & (history.ordered_at > history.now - (1 + BASELINE_WEEKS) * WEEK)
        week = history.purchases(recent).astype(np.float64)
        usual = history.purchases(before) / _baseline_weeks(history)
        growth = (week.sum() + MIN_BASELINE) / (usual.sum() + MIN_BASELINE)
        rise = (week + MIN_BASELINE) / (usual * growth + MIN_BASELINE)
        customers = history.customer_counts(recent)
        is_supported = history.bounded_customer_counts(recent) >= limits.min_customers
        is_trend = is_supported & (rise > 1) & (usual > 0)
        score = np.where(is_trend, np.round(rise, 3), 0).astype(np.float32)
        return ProductScores(score, np.where(is_trend, customers, 0).astype(np.int32))


def _baseline_weeks(history: HistoryArrays) -> float:
    """The number of weeks of the baseline that the history covers, at least 1."""
    oldest = history.ordered_at.min(initial=history.now)
    return float(np.clip((history.now - WEEK - oldest) / WEEK, 1, BASELINE_WEEKS))


recommender = Trending()
