"""What the forecast would have said before the last window, against what came of it, beside simpler ways."""

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.train.customer_value.forecast import Forecast, forecast_customers, forecast_young_shop
from personalization.train.customer_value.order_days import HORIZON, OrderDays, WindowOutcome, outcome_after
from personalization.train.customer_value.scores import (
    area_under_curve,
    mean_error,
    normalized_gini,
    rank_correlation,
    score_forecast,
    tenths,
    top_share,
)
from personalization.train.customer_value.simple_ways import last_window_again, rfm_sums

FORECAST, LAST_WINDOW, RFM, BGNBD = "forecast", "last_window", "rfm", "bgnbd"
"""The ways that are compared."""
WAY_LABELS = {
    FORECAST: "forecast",
    LAST_WINDOW: "last 90 days again",
    RFM: "RFM, sum of fifths",
    BGNBD: "BG/NBD",
}
FEWEST_CUSTOMERS = 20
FEWEST_HISTORY_DAYS = 30


def try_forecast(days: OrderDays, end: int) -> dict[str, Any] | None:
    """The forecast of the last window before the day `end`, from the history before that window, as data; None where
    that is too short, or nobody came back.

    `ways` has by way its scores, named as in `ForecastScores`; of the simple ways those that they can have.
    """
    cut = end - HORIZON
    history = days.before(cut)
    if not len(history.day) or cut - history.first_day < FEWEST_HISTORY_DAYS:
        return None
    forecast = forecast_customers(history, cut)
    truth = outcome_after(days.before(end), cut).select(forecast.customer)
    if len(forecast.customer) < FEWEST_CUSTOMERS or truth.spend.sum() <= 0:
        return None
    return {"cut": cut, "method": forecast.method, "ways": compare_ways(history, cut, forecast, truth)} | {
        "tenths": tenths(truth.spend, forecast.spend)
    }


def compare_ways(history: OrderDays, cut: int, forecast: Forecast, truth: WindowOutcome) -> dict[str, dict[str, Any]]:
    """By way its scores, of the customers of the forecast."""
    orders, spend = (each[forecast.customer] for each in last_window_again(history, cut))
    return {
        FORECAST: asdict(score_forecast(forecast, truth)),
        BGNBD: asdict(score_forecast(forecast_young_shop(history, cut), truth)),
        LAST_WINDOW: {
            "orders_error": mean_error(truth.orders, orders),
            "spend_error": mean_error(truth.spend, spend),
            "total_ratio": float(spend.sum() / truth.spend.sum()),
            "active_auc": area_under_curve(truth.active, orders),
            **_ranking_scores(truth, spend),
        },
        RFM: _ranking_scores(truth, sums := rfm_sums(history, cut)[forecast.customer])
        | {"active_auc": area_under_curve(truth.active, sums)},
    }


def _ranking_scores(truth: WindowOutcome, order: NDArray[np.float64]) -> dict[str, float]:
    return {
        "rank_correlation": rank_correlation(truth.spend, order),
        "gini": normalized_gini(truth.spend, order),
        "top_tenth": top_share(truth.spend, order, 0.1),
        "top_fifth": top_share(truth.spend, order, 0.2),
    }
