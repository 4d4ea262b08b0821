"""When a customer buys a product again: one Weibull regression over all pairs of a customer and a product that were
bought on three days or more. Measured by `value.py`; no row is sorted by it yet.

Unlike the forecast of customers it also looks at the whole history of a pair (on how many days it was bought, and since
when): on both cuts that helped. It learns from the first four weeks of a window, as the next week is what counts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from personalization.train.customer_value.features import FADING, Standardizer, measure_rhythm
from personalization.train.customer_value.forecast import QUANTILES, snapshot_cuts
from personalization.train.customer_value.order_days import HORIZON, OrderDays, fold_order_days, outcome_after
from personalization.train.customer_value.weibull import WeibullWaits

FEWEST_DAYS = 3
"""With fewer there is no rhythm."""
ITEM_PULL = 3.0
"""So many pauses of the product's usual length are added to a pair's own."""
RIDGE = 50.0
LEARNED_DAYS = 28
"""Waits are cut off there to learn from."""
SMALL_COUNT = 0.05
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Pairs:
    """The days on which each customer bought each product."""

    days: OrderDays
    """Of pairs, by number."""
    customer: NDArray[np.int64]
    """Of each pair."""
    item: NDArray[np.int64]
    """Of each pair."""


def pairs_of_purchases(customer: NDArray[np.int64], item: NDArray[np.int64], day: NDArray[np.int64]) -> Pairs:
    """From purchases in any sequence, one entry each."""
    keys, number = np.unique(np.column_stack([customer, item]), axis=0, return_inverse=True)
    one = np.ones(len(day))
    return Pairs(fold_order_days(number.ravel(), day, one, one, len(keys)), keys[:, 0], keys[:, 1])


@dataclass(frozen=True)
class RepurchaseForecast:
    """When pairs are bought again; one entry for each pair with a rhythm."""

    pair: NDArray[np.int64]
    within_week: Values
    """The chance of a purchase within seven days."""
    days: Values
    """By when with a chance of 10, 50 and 90 %; not capped; shape (pairs, 3)."""
    due: Values
    """The day on which the pair's own rhythm puts the next purchase: what is overdue begins a new cycle."""
    faded_count: Values
    """Purchase days, fading in 45 days to 1/e: the order without all this."""


def forecast_repurchases(pairs: Pairs, cut: int) -> RepurchaseForecast | None:
    """From this day on, learned from the windows before it; None in a shop without such windows or pairs."""
    past = pairs.days.before(cut)
    cuts = snapshot_cuts(past, cut) if len(past.day) else []
    snapshots = [each for each in (_PairsThen.until(pairs, one) for one in cuts) if len(each.pair)]
    now = _PairsThen.until(pairs, cut)
    if not snapshots or not len(now.pair):
        return None
    waits = [outcome_after(past, each.cut).select(each.pair) for each in snapshots]
    span = min(each.cut for each in snapshots) - past.first_day
    rows = np.concatenate([each.features(pairs, span) for each in snapshots])
    scale = Standardizer.learn(rows)
    wait = np.concatenate([each.days for each in waits])
    ended = np.concatenate([each.active for each in waits])
    model = WeibullWaits.learn(scale.apply(rows), np.minimum(wait, LEARNED_DAYS), ended & (wait <= LEARNED_DAYS), RIDGE)
    own = scale.apply(now.features(pairs, span))
    return RepurchaseForecast(
        pair=now.pair,
        within_week=model.ended_by(own, 7.0),
        days=np.column_stack([model.quantile(own, share) for share in QUANTILES]),
        due=now.due_days(pairs),
        faded_count=now.days.add_up(np.exp(-(cut - now.days.day) / FADING[1])),
    )


@dataclass(frozen=True)
class _PairsThen:
    """The pairs that had a rhythm at the beginning of a day."""

    cut: int
    pair: NDArray[np.int64]
    days: OrderDays
    """Of these pairs, numbered anew."""

    @classmethod
    def until(cls, pairs: Pairs, cut: int) -> "_PairsThen":
        past = pairs.days.before(cut)
        pair = np.flatnonzero(past.count() >= FEWEST_DAYS)
        return cls(cut, pair, past.of_customers(pair))

    def usual_gaps(self, pairs: Pairs) -> tuple[Values, Values]:
        """(the usual pause of each pair, drawn to that of its product; that of its product), as logarithms of days."""
        gap = np.diff(self.days.day, prepend=self.days.day[:1]).astype(np.float64)
        is_pause = np.diff(self.days.customer, prepend=-1) == 0
        log_gap = np.log(np.maximum(gap, 1))
        own, count = self.days.add_up(log_gap, is_pause), self.days.count(is_pause)
        items, item = np.unique(pairs.item[self.pair], return_inverse=True)
        total, pauses = np.bincount(item, own, len(items)), np.bincount(item, count, len(items))
        usual = own.sum() / count.sum()
        of_item = ((total + ITEM_PULL * usual) / (pauses + ITEM_PULL))[item]
        return (own + ITEM_PULL * of_item) / (count + ITEM_PULL), of_item

    def features(self, pairs: Pairs, span: int) -> Values:
        """What tells when a pair is bought next, of the last `span` days; a row each."""
        rhythm = measure_rhythm(self.days, self.cut, span)
        recent = self.days.since(self.cut - span)
        age = self.cut - recent.day
        shrunk, of_item = self.usual_gaps(pairs)
        activity = _customer_activity(pairs, self.cut, span)[pairs.customer[self.pair]]
        faded = np.column_stack([recent.add_up(np.exp(-age / fading)) for fading in FADING])
        begin, _ = self.days.bounds()
        count, age_of_pair = self.days.count(), (self.cut - self.days.day[begin]).astype(np.float64)
        gaps = (rhythm.mean, rhythm.median, rhythm.last, rhythm.last_three)
        return np.column_stack(
            [
                *(np.log1p(gap) for gap in gaps),
                np.log1p(rhythm.recency),
                overdue := np.log1p(rhythm.recency) - shrunk,
                np.abs(overdue),
                np.maximum(overdue - 1, 0),
                rhythm.variation,
                shrunk,
                of_item,
                np.log(faded + SMALL_COUNT),
                np.log((faded + SMALL_COUNT) / (activity[:, : len(FADING)] + 1)),
                *(np.log1p(recent.count(age <= window)) for window in (7, 30)),
                np.log1p(activity),
                np.log(count),
                np.log(age_of_pair),
                np.log(count / age_of_pair),
                _item_sales(pairs, self.cut)[pairs.item[self.pair]],
            ]
        )

    def due_days(self, pairs: Pairs) -> Values:
        """The days until the next purchase by the pair's own rhythm."""
        gap = np.exp(self.usual_gaps(pairs)[0])
        _, end = self.days.bounds()
        elapsed = (self.cut - self.days.day[end - 1]).astype(np.float64)
        return np.where(elapsed < gap, gap - elapsed, np.minimum(elapsed / 2, gap))


def _item_sales(pairs: Pairs, cut: int) -> Values:
    """Of each item: how its sales of the last 30 days compare with those of 90, those of 14 with 30, and the latter."""
    recent = pairs.days.before(cut).since(cut - HORIZON)
    item, age = pairs.item[recent.customer], cut - recent.day
    size = int(pairs.item.max(initial=-1)) + 1
    short, middle, long = (np.bincount(item[age <= window], minlength=size) for window in (14, 30, HORIZON))
    return np.column_stack(
        [np.log((middle + 1) / (long / 3 + 1)), np.log((short + 1) / (middle / 2 + 1)), np.log1p(long)]
    )


def _customer_activity(pairs: Pairs, cut: int, span: int) -> Values:
    """Of each customer within the last `span` days: fading counts of their order days, and the days since the last."""
    recent = pairs.days.before(cut).since(cut - span)
    customer = pairs.customer[recent.customer]
    one = np.ones(len(recent.day))
    days = fold_order_days(customer, recent.day, one, one, int(pairs.customer.max(initial=-1)) + 1)
    silence = np.full(days.customers, float(span))
    np.minimum.at(silence, days.customer, (cut - days.day).astype(np.float64))
    age = cut - days.day
    return np.column_stack([*(days.add_up(np.exp(-age / fading)) for fading in FADING), silence])
