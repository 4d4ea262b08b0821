"""What many customers buy, all the year round."""

import numpy as np

from personalization.recommenders import HistoryArrays, LearningLimits, ProductScores


class AllTimePopular:
    """How often a product was bought in the whole history; a customer counts once a day, however much they buy."""

    name = "all_time_popular"

    def fit(self, history: HistoryArrays, limits: LearningLimits) -> ProductScores:
        always = np.ones(len(history.ordered_at), bool)
        score = history.purchases_with_support(always, limits.min_customers)
        customers = history.customer_counts(always)
        return ProductScores(score.astype(np.float32), np.where(score, customers, 0).astype(np.int32))


recommender = AllTimePopular()
