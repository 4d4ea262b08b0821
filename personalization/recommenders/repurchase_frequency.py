"""How strong a habit a product is among those who buy it."""

import numpy as np

from personalization.recommenders import DAY, GUEST, HistoryArrays, LearningLimits, ProductScores, distinct_pairs


class RepurchaseFrequency:
    """The mean weight of a product among its customers: purchases on different days, fading by half in each half life.

    What one customer's own habit is, is in the genome; this says what it usually grows to.
    """

    name = "repurchase_frequency"

    def fit(self, history: HistoryArrays, limits: LearningLimits) -> ProductScores:
        known = history.customer != GUEST
        product, customer, day = distinct_pairs(history.product[known], history.customer[known], history.day[known])
        fade = 0.5 ** ((history.now / DAY - day) / limits.purchase_half_life_days)
        total = np.bincount(product, fade, history.products)
        customers = np.bincount(distinct_pairs(product, customer)[0], minlength=history.products)
        enough = customers >= limits.min_customers
        mean = np.where(enough, np.round(total / np.maximum(customers, 1), 4), 0)
        return ProductScores(mean.astype(np.float32), np.where(enough & (mean > 0), customers, 0).astype(np.int32))


recommender = RepurchaseFrequency()
