"""What many customers bought lately."""

import numpy as np

from personalization.recommenders import DAY, History, Limits, Scores


class Popular:
    """How often a product was bought in the last days; a customer counts once a day, however much they buy."""

    name = "popular"

    def fit(self, history: History, limits: Limits) -> Scores:
        lately = history.placed > history.now - limits.popular_days * DAY
        customers = history.buyers(lately)
        score = history.backed_purchases(lately, limits.min_customers)
        return Scores(score.astype(np.float32), np.where(score, customers, 0).astype(np.int32))


recommender = Popular()
