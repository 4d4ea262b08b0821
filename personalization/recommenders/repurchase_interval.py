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
    """The mean number of days interval two purchases of a product, over the customers who bought it on several days.
    It stands in for a customer's own interval where they bought the product once."""

    name = "repurchase_interval"

    def fit(self, history: HistoryArrays, limits: LearningLimits) -> ProductScores:
        signed_in = history.customer != GUEST
        product, customer, day = distinct_pairs(
            history.product[signed_in], history.customer[signed_in], history.day[signed_in]
        )
        pair_product, _, days = count_by_product(product, customer)
        end = np.cumsum(days)
        again = days > 1
        interval = (day[end - 1] - day[end - days])[again] / (days[again] - 1)
        customers = np.bincount(pair_product[again], minlength=history.products)
        total = np.bincount(pair_product[again], interval, history.products)
        supported = customers >= limits.min_customers
        mean = np.where(supported, np.round(total / np.maximum(customers, 1), 2), 0)
        return ProductScores(mean.astype(np.float32), np.where(supported, customers, 0).astype(np.int32))


recommender = RepurchaseInterval()
