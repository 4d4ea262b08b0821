"""How many of its customers buy a product again."""

import numpy as np

from personalization.recommenders import HistoryArrays, LearningLimits, ProductScores
from personalization.recommenders._user_items import bought_days


class RepurchaseRate:
    """The share of a product's customers who bought it on more than one day, in 0..1: high for milk, low for a
    mattress."""

    name = "repurchase_rate"

    def fit(self, history: HistoryArrays, limits: LearningLimits) -> ProductScores:
        _, product, days = bought_days(history)
        customers = np.bincount(product, minlength=history.products)
        again = np.bincount(product[days > 1], minlength=history.products)
        supported = customers >= limits.min_customers
        share = np.round(again / np.maximum(customers, 1), 4)
        return ProductScores(
            np.where(supported, share, 0).astype(np.float32), np.where(supported, customers, 0).astype(np.int32)
        )


recommender = RepurchaseRate()
