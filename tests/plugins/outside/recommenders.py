"""Which products are bought in large orders."""

import numpy as np

from personalization.recommenders import HistoryArrays, LearningLimits, ProductScores

LARGE = 8
"""Products of an order."""


class LargeOrders:
    """Purchases in orders of at least eight products, of products that enough customers bought so."""

    name = "large_orders"

    def fit(self, history: HistoryArrays, limits: LearningLimits) -> ProductScores:
        size = np.bincount(history.order, minlength=1)
        lines = size[history.order] >= LARGE
        customers = history.customer_counts(lines)
        score = history.purchases_with_support(lines, limits.min_customers)
        return ProductScores(score.astype(np.float32), np.where(score > 0, customers, 0).astype(np.int32))


large_orders = LargeOrders()
