"""How often the customers of a product buy it."""

import numpy as np

from personalization.recommenders import DAY, GUEST, HistoryArrays, LearningLimits, ProductScores, distinct_pairs


class RepurchaseFrequency:
    """The mean weight of a product among its customers: the days on which they bought it, each fading by half in each
    half-life. What a customer's own weight usually grows to."""

    name = "repurchase_frequency"

    def fit(self, history: HistoryArrays, limits: LearningLimits) -> ProductScores:
        signed_in = history.customer != GUEST
        product, customer, day = distinct_pairs(
            history.product[signed_in], history.customer[signed_in], history.day[signed_in]
        )
        decay = 0.5 ** ((history.now / DAY - day) / limits.purchase_half_life_days)
        total = np.bincount(product, decay, history.products)
        customers = np.bincount(distinct_pairs(product, customer)[0], minlength=history.products)
        supported = customers >= limits.min_customers
        mean = np.where(supported, np.round(total / np.maximum(customers, 1), 4), 0)
        return ProductScores(mean.astype(np.float32), np.where(supported & (mean > 0), customers, 0).astype(np.int32))


recommender = RepurchaseFrequency()
