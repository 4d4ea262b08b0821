"""What sells more this week than it usually does."""

import numpy as np

from personalization.recommenders import DAY, History, Limits, Scores

WEEK = 7 * DAY
BASELINE_WEEKS = 12
CALM = 5.0
"""Purchases a week added to both sides, so that two sales after one are no trend."""


class Trending:
    """How many times its usual week a product sold in the last seven days; 0 where that is not more than usual.

    The usual week is the mean of the twelve before, or of as many as the history holds. A shop whose sales grow as a
    whole trends in nothing: the ratio is taken against the shop's own.
    """

    name = "trending"

    def fit(self, history: History, limits: Limits) -> Scores:
        recent = history.placed > history.now - WEEK
        before = ~recent & (history.placed > history.now - (1 + BASELINE_WEEKS) * WEEK)
        week = history.purchases(recent).astype(np.float64)
        usual = history.purchases(before) / _weeks(history)
        shop = (week.sum() + CALM) / (usual.sum() + CALM)
        rise = (week + CALM) / (usual * shop + CALM)
        customers = history.buyers(recent)
        shown = (customers >= limits.min_customers) & (rise > 1) & (usual > 0)
        score = np.where(shown, np.round(rise, 3), 0).astype(np.float32)
        return Scores(score, np.where(shown, customers, 0).astype(np.int32))


def _weeks(history: History) -> float:
    """How many weeks of the baseline the history covers."""
    oldest = history.placed.min(initial=history.now)
    return float(np.clip((history.now - WEEK - oldest) / WEEK, 1, BASELINE_WEEKS))


recommender = Trending()
