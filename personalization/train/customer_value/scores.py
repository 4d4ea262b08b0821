"""How good a forecast was, against what customers did."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from personalization.train.customer_value.forecast import QUANTILES, Forecast
from personalization.train.customer_value.order_days import WindowOutcome

GROUPS = 10
SCORE_LABELS = {
    "orders_error": "orders MAE",
    "spend_error": "spend MAE",
    "rank_correlation": "spend Spearman",
    "gini": "spend Gini, normalized",
    "top_tenth": "real spend of the top tenth",
    "top_fifth": "real spend of the top fifth",
    "total_ratio": "total spend, expected / real",
    "calibration": "calibration over tenths",
    "active_auc": "AUC active",
    "active_log_loss": "log loss active",
    "active_calibration": "ECE active",
    "days_error": "days to next order, MAE",
    "days_pinball": "days, pinball .1 .5 .9",
    "days_coverage": "days, 80 % interval holds",
}
"""What data scientists call them, by field of `ForecastScores`."""
Values = NDArray[np.float64]


@dataclass(frozen=True)
class ForecastScores:
    """How good a forecast of a window was."""

    customers: int
    active_share: float
    orders_error: float
    """Mean absolute errors of orders and spend."""
    spend_error: float
    rank_correlation: float
    """Of spend, Spearman's."""
    gini: float
    """Of spend; 1 for the ideal sequence."""
    top_tenth: float
    """Part of the real spend that the tenth brought of whom most was expected."""
    top_fifth: float
    ideal_top_fifth: float
    """What a fifth could bring at most."""
    total_ratio: float
    """Expected by real spend of all."""
    calibration: float
    """Mean difference of expected and real spend over tenths, by the mean."""
    active_auc: float
    active_log_loss: float
    active_calibration: float
    days_error: float
    """Mean absolute error of the day of the next order, pauses capped at the horizon."""
    days_pinball: float
    days_coverage: float
    """How often the day of the next order was within the interval that was to hold 80 %."""


def score_forecast(forecast: Forecast, truth: WindowOutcome) -> ForecastScores:
    """The scores; the outcome is that of the forecast's customers."""
    low, middle, high = forecast.days.T
    return ForecastScores(
        customers=len(truth.orders),
        active_share=float(truth.active.mean()),
        orders_error=mean_error(truth.orders, forecast.orders),
        spend_error=mean_error(truth.spend, forecast.spend),
        rank_correlation=rank_correlation(truth.spend, forecast.spend),
        gini=normalized_gini(truth.spend, forecast.spend),
        top_tenth=top_share(truth.spend, forecast.spend, 0.1),
        top_fifth=top_share(truth.spend, forecast.spend, 0.2),
        ideal_top_fifth=top_share(truth.spend, truth.spend, 0.2),
        total_ratio=float(forecast.spend.sum() / max(truth.spend.sum(), 1e-12)),
        calibration=group_difference(truth.spend, forecast.spend) / max(float(truth.spend.mean()), 1e-12),
        active_auc=area_under_curve(truth.active, forecast.active),
        active_log_loss=mean_log_loss(truth.active, forecast.active),
        active_calibration=group_difference(truth.active.astype(np.float64), forecast.active),
        days_error=mean_error(truth.days, middle),
        days_pinball=float(
            np.mean([pinball_loss(truth.days, *pair) for pair in zip(forecast.days.T, QUANTILES, strict=True)])
        ),
        days_coverage=float(((truth.days >= low) & (truth.days <= high)).mean()),
    )


def mean_error(truth: Values, forecast: Values) -> float:
    """The mean absolute error."""
    return float(np.abs(truth - forecast).mean())


def ranks(values: Values) -> Values:
    """From 1; equal values share the mean of theirs."""
    _, group, size = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(size) - (size - 1) / 2)[group]


def rank_correlation(truth: Values, forecast: Values) -> float:
    """Spearman's; 0 where one is the same for all."""
    a, b = ranks(truth), ranks(forecast)
    return float(np.corrcoef(a, b)[0, 1]) if a.std() and b.std() else 0.0


def top_share(truth: Values, forecast: Values, part: float) -> float:
    """The share of the truth that belongs to the part with the highest forecasts."""
    count = max(round(part * len(truth)), 1)
    best = np.argsort(-forecast, kind="stable")[:count]
    return float(truth[best].sum() / max(truth.sum(), 1e-12))


def normalized_gini(truth: Values, forecast: Values) -> float:
    """The Gini coefficient of the truth in the forecast's sequence, by that in its own."""

    def gini(order: Values) -> float:
        shares = np.cumsum(truth[np.argsort(-order, kind="stable")]) / max(truth.sum(), 1e-12)
        return float(shares.mean() - (len(truth) + 1) / (2 * len(truth)))

    ideal = gini(truth)
    return gini(forecast) / ideal if ideal > 0 else 0.0


def tenths(truth: Values, forecast: Values) -> list[tuple[float, float]]:
    """(mean forecast, mean truth) of tenths by forecast, the lowest first."""
    parts = np.array_split(np.argsort(forecast, kind="stable"), min(GROUPS, len(truth)))
    return [(float(forecast[part].mean()), float(truth[part].mean())) for part in parts]


def group_difference(truth: Values, forecast: Values) -> float:
    """The mean difference between forecast and truth over tenths."""
    return float(np.mean([abs(expected - real) for expected, real in tenths(truth, forecast)]))


def area_under_curve(truth: NDArray[np.bool_], forecast: Values) -> float:
    """The chance that one for whom it is true has the higher forecast; one half where all are alike."""
    positive, negative = int(truth.sum()), int((~truth).sum())
    if not positive or not negative:
        return 0.5
    return float((ranks(forecast)[truth].sum() - positive * (positive + 1) / 2) / (positive * negative))


def mean_log_loss(truth: NDArray[np.bool_], chance: Values) -> float:
    """Minus the mean log likelihood."""
    bounded = np.clip(chance, 1e-9, 1 - 1e-9)
    return float(-np.where(truth, np.log(bounded), np.log1p(-bounded)).mean())


def pinball_loss(truth: Values, forecast: Values, share: float) -> float:
    """The mean loss of a quantile."""
    beyond = truth - forecast
    return float(np.maximum(share * beyond, (share - 1) * beyond).mean())
