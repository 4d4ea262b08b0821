"""Shops whose right answers are known by construction, as order days."""

import numpy as np

from personalization.train.customer_value.order_days import OrderDays, fold_order_days

END = 20_000
"""The day up to which their history goes."""


def steady_shop(length: int = 400, customers: int = 400, until: int = END, seed: int = 1) -> OrderDays:
    """Customers who order by chance at rates of their own, once in twenty days on average, for 20 to 60 an order. Their
    first order is within the first third of the history; a fifth of them leave at some moment."""
    chance = np.random.default_rng(seed)
    rate = chance.gamma(2.0, 1 / 40, customers)
    worth = chance.uniform(20, 60, customers)
    number, day = [], []
    for customer in range(customers):
        first = until - length + int(chance.integers(0, length // 3))
        last = int(chance.integers(first, until)) if chance.random() < 0.2 else until - 1
        later = np.flatnonzero(chance.random(last - first) < rate[customer]) + first + 1
        number += [customer] * (1 + len(later))
        day += [first, *later.tolist()]
    index = np.array(number)
    spend = worth[index] * chance.uniform(0.8, 1.2, len(index))
    return fold_order_days(index, np.array(day), spend, np.ones(len(index)), customers)


def orders_of(*customers: dict[int, float]) -> OrderDays:
    """Of each customer what was spent on which day."""
    rows = [(number, day, spend) for number, one in enumerate(customers) for day, spend in one.items()]
    number, day, spend = (np.array(column) for column in zip(*rows, strict=True))
    return fold_order_days(number, day, spend, np.ones(len(rows)), len(customers))
