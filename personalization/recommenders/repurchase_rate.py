"""How readily a product is bought again by those who bought it."""

import numpy as np

from personalization.recommenders import HistoryArrays, LearningLimits, ProductScores
from personalization.recommenders._user_items import bought_days


class RepurchaseRate:
    """The share of a product's customers who bought it on more than one day, in 0..1.

    What one customer buys again, and how strongly, is in the genome; this says whether the product is of the kind
    that is bought again at all: milk is, a mattress is not.
    """

    name = "repurchase_rate"

    def fit(self, history: HistoryArrays, limits: LearningLimits) -> ProductScores:
        _, product, days = bought_days(history)
        customers = np.bincount(product, minlength=history.products)
        again = np.bincount(product[days > 1], minlength=history.products)
        enough = customers >= limits.min_customers
        share = np.round(again / np.maximum(customers, 1), 4)
        return ProductScores(
            np.where(enough, share, 0).astype(np.float32), np.where(enough, customers, 0).astype(np.int32)
        )


recommender = RepurchaseRate()
