"""What tells how a customer goes on: numbers of the last days only.

Nothing here grows with the length of the history (no totals of a lifetime, no age of an account): what is learned
from a shorter past must hold for a longer one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from personalization.train.customer_value.order_days import OrderDays

WINDOWS = (7, 14, 30, 60, 90, 180)
FADING = (15, 45, 130)
"""Days in which what was ordered fades to 1/e."""
TREND_DAYS = 45
SMALL_SPEND = 0.1
"""The unit of money, in usual orders: less hardly differs from nothing."""
CLIP = 3.0
"""Standard deviations."""


@dataclass(frozen=True)
class Rhythm:
    """The pauses between the order days of each customer within the last days, in days. Where there is no pause, the
    length of the window."""

    mean: NDArray[np.float64]
    median: NDArray[np.float64]
    last: NDArray[np.float64]
    last_three: NDArray[np.float64]
    variation: NDArray[np.float64]
    """Standard deviation by mean; 1 with fewer than two pauses."""
    recency: NDArray[np.float64]
    """Since the last order."""
    pauses: NDArray[np.float64]
    """How many there are."""


def measure_rhythm(days: OrderDays, cut: int, span: int) -> Rhythm:
    """The rhythm of the last `span` days before `cut`."""
    recent = days.before(cut).since(cut - span)
    start, end = recent.bounds()
    count = (end - start).astype(np.float64)
    gap = np.diff(recent.day, prepend=recent.day[:1]).astype(np.float64)
    is_pause = np.diff(recent.customer, prepend=-1) == 0
    pauses = recent.add_up(np.ones(len(gap)), is_pause)
    mean = _mean(recent.add_up(gap, is_pause), pauses, span)
    squares = _mean(recent.add_up(gap**2, is_pause), pauses, 0.0)
    deviation = np.sqrt(np.maximum(squares - mean**2, 0))
    position = end[recent.customer] - np.arange(len(gap))  # 1 for the last entry of a customer
    last = _mean(recent.add_up(gap, is_pause & (position == 1)), (pauses > 0).astype(float), span)
    lately = is_pause & (position <= 3)
    last_three = _mean(recent.add_up(gap, lately), recent.count(lately), span)
    recency = np.full(days.customers, float(span))
    recency[count > 0] = cut - recent.day[end[count > 0] - 1]
    variation = np.where(pauses >= 2, deviation / mean, 1.0)
    return Rhythm(mean, _median_gap(recent, gap, is_pause, span), last, last_three, variation, recency, pauses)


def _mean(total: NDArray[np.float64], count: NDArray[np.float64], otherwise: float) -> NDArray[np.float64]:
    return np.where(count > 0, total / np.maximum(count, 1), otherwise)


def _median_gap(
    recent: OrderDays, gap: NDArray[np.float64], is_pause: NDArray[np.bool_], span: int
) -> NDArray[np.float64]:
    customer, gap = recent.customer[is_pause], gap[is_pause]
    gap = gap[np.lexsort((gap, customer))]
    edges = np.searchsorted(customer, np.arange(recent.customers + 1))
    start, count = edges[:-1], np.diff(edges)
    median = np.full(recent.customers, float(span))
    some = count > 0
    low, high = start[some] + (count[some] - 1) // 2, start[some] + count[some] // 2
    median[some] = (gap[low] + gap[high]) / 2
    return median


def customer_feature_names(span: int) -> list[str]:
    """What the columns of `windowed_features` are, in their sequence."""
    windows = [str(days) for days in WINDOWS if days <= span]
    counted = [f"{what}_{days}" for days in windows for what in ("orders", "spend")]
    faded = [f"faded_{what}_{days}" for days in FADING for what in ("orders", "spend")]
    gaps = ["gap_mean", "gap_median", "gap_last", "gap_last_three"]
    return [
        *counted,
        *faded,
        *gaps,
        "recency",
        "overdue",
        "gap_variation",
        "trend",
        "order_value",
        "last_value",
        "lines",
    ]


def windowed_features(days: OrderDays, cut: int, span: int, order_value: float) -> NDArray[np.float64]:
    """A row for each customer, of what they did in the last `span` days before `cut`. `order_value` is what an order
    is usually worth."""
    recent = days.before(cut).since(cut - span)
    age = (cut - recent.day).astype(np.float64)
    spend = recent.spend / (SMALL_SPEND * order_value)
    columns = []
    for window in (each for each in WINDOWS if each <= span):
        columns += [recent.count(age <= window), recent.add_up(spend, age <= window)]
    for fading in FADING:
        weight = np.exp(-age / fading)
        columns += [recent.add_up(weight), recent.add_up(weight * spend)]
    rhythm = measure_rhythm(days, cut, span)
    columns += [rhythm.mean, rhythm.median, rhythm.last, rhythm.last_three, rhythm.recency]
    columns = [np.log1p(column) for column in columns]
    columns += [np.log((rhythm.recency + 1) / (rhythm.mean + 1)), rhythm.variation]
    lately, earlier = (recent.count((age <= TREND_DAYS * n) & (age > TREND_DAYS * (n - 1))) for n in (1, 2))
    columns.append(np.log((lately + 1) / (earlier + 1)))
    count, (_, end) = recent.count(), recent.bounds()
    last_value = np.zeros(days.customers)
    last_value[count > 0] = spend[end[count > 0] - 1]
    columns.append(np.log1p(_mean(recent.add_up(spend), count, 0.0)))
    columns.append(np.log1p(last_value))
    columns.append(np.log1p(_mean(recent.add_up(recent.lines), count, 0.0)))
    return np.column_stack(columns)


@dataclass(frozen=True)
class Standardizer:
    """Puts columns on one scale, that of the rows from which it was learned."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @classmethod
    def learn(cls, rows: NDArray[np.float64]) -> "Standardizer":
        """Of these rows; a column that is always the same becomes 0."""
        deviation = rows.std(axis=0)
        return cls(rows.mean(axis=0), np.where(deviation > 1e-9, deviation, np.inf))

    def apply(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """The rows in standard deviations, clipped."""
        return np.clip((rows - self.mean) / self.deviation, -CLIP, CLIP)
