"""What many customers bought lately."""

import numpy as np

from personalization.recommenders import DAY, HistoryArrays, LearningLimits, ProductScores


class Popular:
    """How often a product was bought in the last days; a customer counts once a day, however much they buy."""

    name = "popular"

    def fit(self, history: HistoryArrays, limits: LearningLimits) -> ProductScores:
        lately = history.ordered_at > history.now - limits.popularity_window_days * DAY
        customers = history.customer_counts(lately)
        score = history.purchases_with_support(lately, limits.min_customers)
        return ProductScores(score.astype(np.float32), np.where(score, customers, 0).astype(np.int32))


recommender = Popular()
