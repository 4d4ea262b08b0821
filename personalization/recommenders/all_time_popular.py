"""Bestsellers of the whole history."""

import numpy as np

from personalization.recommenders import HistoryArrays, LearningLimits, ProductScores


class AllTimePopular:
    """Purchases in the whole history; a customer counts once a day, whatever the quantity."""

    name = "all_time_popular"

    def fit(self, history: HistoryArrays, limits: LearningLimits) -> ProductScores:
        everything = np.ones(len(history.ordered_at), bool)
        score = history.purchases_with_support(everything, limits.min_customers)
        customers = history.customer_counts(everything)
        return ProductScores(score.astype(np.float32), np.where(score, customers, 0).astype(np.int32))


recommender = AllTimePopular()
