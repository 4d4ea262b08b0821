"""What sells more this week than it usually does."""

import numpy as np

from personalization.recommenders import DAY, HistoryArrays, LearningLimits, ProductScores

WEEK = 7 * DAY
BASELINE_WEEKS = 12
MIN_BASELINE = 5.0
"""Purchases a week added to both sides, so that two sales after one are no trend."""


class Trending:
    """How many times its usual week a product sold in the last seven days; 0 where that is not more than usual.

    The usual week is the mean of the twelve before, or of as many as the history holds. A shop whose sales grow as a
    whole trends in nothing: the ratio is taken against the shop's own.
    """

    name = "trending"

    def fit(self, history: HistoryArrays, limits: LearningLimits) -> ProductScores:
        recent = history.ordered_at > history.now - WEEK
        before = ~recent & (history.ordered_at > history.now - (1 + BASELINE_WEEKS) * WEEK)
        week = history.purchases(recent).astype(np.float64)
        usual = history.purchases(before) / _weekly_counts(history)
        shop = (week.sum() + MIN_BASELINE) / (usual.sum() + MIN_BASELINE)
        rise = (week + MIN_BASELINE) / (usual * shop + MIN_BASELINE)
        customers = history.customer_counts(recent)
        shown = (customers >= limits.min_customers) & (rise > 1) & (usual > 0)
        score = np.where(shown, np.round(rise, 3), 0).astype(np.float32)
        return ProductScores(score, np.where(shown, customers, 0).astype(np.int32))


def _weekly_counts(history: HistoryArrays) -> float:
    """How many weeks of the baseline the history covers."""
    oldest = history.ordered_at.min(initial=history.now)
    return float(np.clip((history.now - WEEK - oldest) / WEEK, 1, BASELINE_WEEKS))


recommender = Trending()
