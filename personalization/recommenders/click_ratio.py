"""What is clicked on more, or less, than others in the same places."""

import numpy as np

from personalization.recommenders import DAY, HistoryArrays, LearningLimits, ProductScores

CLICK_DAYS = 28
"""Weeks that ended within so many days count."""
MIN_CARDS_SEEN = 5_000
"""With fewer cards seen nothing is worked out."""
PRIOR_CLICKS = 20.0
"""A product of which nothing is known counts as one with so many clicks, all of them expected."""
MAX_RATIO = 5.0
"""A ratio is at most this, and at least one divided by it."""


class ClickRatio:
    """Clicks over expected clicks: 1 for a product that is clicked on as often as any other in its places.

    Cards further down, in other rows and on phones are clicked on less whatever they show. So clicks are compared with
    those that any product would have had there: the sum of the click rates of its places. The ratio is steadier than
    weights by inverse propensities, which are worse than none where the propensities are off.

    References
    ----------
    W. V. Zhang, R. Jones: Comparing click logs and editorial labels for training query rewriting. Query Log Analysis,
    WWW 2007 (clicks over expected clicks).
    """

    name = "click_ratio"

    def fit(self, history: HistoryArrays, limits: LearningLimits) -> ProductScores:
        shown = history.shown.select(history.shown.ended > history.now - CLICK_DAYS * DAY)
        columns = (shown.cards, shown.clicks, shown.expected)
        seen, clicks, expected = (np.bincount(shown.product, column, history.products) for column in columns)
        viewers = np.zeros(history.products, np.int32)
        np.maximum.at(viewers, shown.product, shown.viewers)
        has_enough = seen.sum() >= MIN_CARDS_SEEN and clicks.sum() > 0
        known = (viewers >= limits.min_customers) & has_enough
        ratio = np.clip((clicks + PRIOR_CLICKS) / (expected + PRIOR_CLICKS), 1 / MAX_RATIO, MAX_RATIO)
        score = np.where(known, np.round(ratio, 3), 0).astype(np.float32)
        return ProductScores(score, np.where(known, viewers, 0).astype(np.int32))


recommender = ClickRatio()
