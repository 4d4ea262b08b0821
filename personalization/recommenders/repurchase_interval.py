"""After how many days a product is bought again."""

import numpy as np

from personalization.recommenders import (
    GUEST,
    HistoryArrays,
    LearningLimits,
    ProductScores,
    count_by_product,
    distinct_pairs,
)


class RepurchaseInterval:
    """The mean, over the customers who bought a product on several days, of the days between two of their purchases.

    What one customer's own rhythm is, is in the genome; this stands in where they bought it once.
    """

    name = "repurchase_interval"

    def fit(self, history: HistoryArrays, limits: LearningLimits) -> ProductScores:
        known = history.customer != GUEST
        product, customer, day = distinct_pairs(history.product[known], history.customer[known], history.day[known])
        pair_product, _, days = count_by_product(product, customer)
        end = np.cumsum(days)
        again = days > 1
        between = (day[end - 1] - day[end - days])[again] / (days[again] - 1)
        customers = np.bincount(pair_product[again], minlength=history.products)
        total = np.bincount(pair_product[again], between, history.products)
        enough = customers >= limits.min_customers
        mean = np.where(enough, np.round(total / np.maximum(customers, 1), 2), 0)
        return ProductScores(mean.astype(np.float32), np.where(enough, customers, 0).astype(np.int32))


recommender = RepurchaseInterval()
