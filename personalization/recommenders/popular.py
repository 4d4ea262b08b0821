"""Recent bestsellers."""

import numpy as np

from personalization.recommenders import DAY, HistoryArrays, LearningLimits, ProductScores


class Popular:
    """Purchases within the popularity window; a customer counts once a day, whatever the quantity."""

    name = "popular"

    def fit(self, history: HistoryArrays, limits: LearningLimits) -> ProductScores:
        recent = history.ordered_at > history.now - limits.popularity_window_days * DAY
        customers = history.customer_counts(recent)
        score = history.purchases_with_support(recent, limits.min_customers)
        return ProductScores(score.astype(np.float32), np.where(score, customers, 0).astype(np.int32))


recommender = Popular()
