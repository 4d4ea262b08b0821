"""What many customers bought lately."""

import numpy as np

from personalization.recommenders import DAY, History, Limits, Scores


class Popular:
    """How often a product was bought in the last days; a customer counts once a day, however much they buy."""

    name = "popular"

    def fit(self, history: History, limits: Limits) -> Scores:
        lately = history.placed > history.now - limits.popular_days * DAY
        customers = history.buyers(lately)
        enough = customers >= limits.min_customers
        score = np.where(enough, history.purchases(lately), 0).astype(np.float32)
        return Scores(score, np.where(enough, customers, 0).astype(np.int32))


recommender = Popular()
