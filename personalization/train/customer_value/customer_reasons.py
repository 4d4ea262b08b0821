"""Why so much is expected of a customer, and in which part of all customers they are."""

import numpy as np
from numpy.typing import NDArray

from personalization.train.customer_value.features import TREND_DAYS, measure_rhythm
from personalization.train.customer_value.forecast import Forecast
from personalization.train.customer_value.order_days import HORIZON, OrderDays

MOST_REASONS = 3
LEAST_EFFECT = 0.05
"""On the logarithm of the expected spend."""
VALUE_DAYS = 180
TIERS = (0.1, 0.3)
"""Where the parts of all customers end: the top tenth, the next fifth, and the others."""

ValueReason = tuple[str, float, float]
"""(code, the customer's number, with what it is compared); what each code counts is said in `_compared_numbers`."""


def leading_reasons(forecast: Forecast, days: OrderDays, cut: int) -> list[list[ValueReason]]:
    """For each customer of the forecast what moves their expected spend most, the largest effect first."""
    codes = list(forecast.effects)
    effects = np.abs(np.column_stack([forecast.effects[code] for code in codes]))
    order = np.argsort(-effects, axis=1, kind="stable")[:, :MOST_REASONS]
    numbers = _compared_numbers(days.before(cut).of_customers(forecast.customer), cut)
    own = np.column_stack([numbers[code][0] for code in codes])
    usual = np.column_stack([numbers[code][1] for code in codes])
    return [
        [
            (codes[column], round(float(own[row, column]), 2), round(float(usual[row, column]), 2))
            for column in columns
            if effects[row, column] >= LEAST_EFFECT
        ]
        for row, columns in enumerate(order.tolist())
    ]


def _compared_numbers(days: OrderDays, cut: int) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """By code (own number, compared with):

    frequency: orders in the last HORIZON days, the mean of all customers;
    order_value: the mean worth of their orders of the last VALUE_DAYS days, or of all, the shop's mean;
    trend: orders in the last TREND_DAYS days, in as many days before;
    rhythm: days since the last order, the median pause of the whole history (0 for none);
    basket: order lines an order of the last VALUE_DAYS days, or of all, the shop's mean.
    """
    age = cut - days.day
    everybody = np.ones(days.customers)
    count = days.count(age <= HORIZON)
    lately, earlier = (days.count((age <= TREND_DAYS * n) & (age > TREND_DAYS * (n - 1))) for n in (1, 2))
    rhythm = measure_rhythm(days, cut, cut - days.first_day)
    return {
        "frequency": (count, everybody * count.mean()),
        "order_value": _recent_means(days, days.spend, age <= VALUE_DAYS),
        "trend": (lately, earlier),
        "rhythm": (rhythm.recency, np.where(rhythm.pauses > 0, rhythm.median, 0.0)),
        "basket": _recent_means(days, days.lines, age <= VALUE_DAYS),
    }


def _recent_means(
    days: OrderDays, value: NDArray[np.float64], recent: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(each customer's mean of the recent entries, or of all where there is none; the mean of all recent entries)"""
    count = days.count(recent)
    own = np.where(
        count > 0, days.add_up(value, recent) / np.maximum(count, 1), days.add_up(value) / np.maximum(days.count(), 1)
    )
    usual = value[recent].mean() if recent.any() else value.mean()
    return own, np.full(days.customers, usual)


def value_tiers(spend: NDArray[np.float64]) -> NDArray[np.int64]:
    """1 for the customers of whom most is expected, then 2, then 3 for the others; see TIERS."""
    rank = np.empty(len(spend), np.int64)
    rank[np.argsort(-spend, kind="stable")] = np.arange(len(spend))
    return 1 + np.searchsorted([round(part * len(spend)) for part in TIERS], rank, "right")
