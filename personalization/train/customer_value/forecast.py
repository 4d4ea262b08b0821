"""The forecast of a shop: which method its history allows, and what it says of each customer."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from personalization.train.customer_value.bgnbd import BetaGeometric, RepeatOrders
from personalization.train.customer_value.corrections import Corrections, Targets
from personalization.train.customer_value.decayed_rate import DecayedOrders, DecayedRate, expected_order_value
from personalization.train.customer_value.features import (
    WINDOWS,
    Standardizer,
    customer_feature_names,
    windowed_features,
)
from personalization.train.customer_value.order_days import HORIZON, OrderDays, WindowOutcome, outcome_after

SNAPSHOTS = (90, 120, 150, 180)
"""Days before the end of the history at which a past is cut, to learn what came after it."""
FEWEST_DAYS = 60
"""Before each cut."""
FEWEST_SHARE = 0.4
"""Of the whole history, before each cut."""
FEWEST_RETURNED = 20
"""Customers who ordered again in the windows: fewer teach nothing, and the shop is treated as a young one."""
FEWEST_FOR_CORRECTION = 300
"""With fewer of them the base alone says orders and spend."""
YEAR = 365
QUANTILES = (0.1, 0.5, 0.9)

FACT_OF_FEATURE = {
    **{name: "frequency" for name in customer_feature_names(max(WINDOWS)) if "orders" in name},
    **{name: "order_value" for name in customer_feature_names(max(WINDOWS)) if "spend" in name or "value" in name},
    **{name: "rhythm" for name in customer_feature_names(max(WINDOWS)) if name.startswith("gap")},
    "recency": "rhythm",
    "overdue": "rhythm",
    "trend": "trend",
    "lines": "basket",
}
"""What a feature tells of a customer."""
YOUNG, BASE, CORRECTED = "bgnbd", "decayed", "corrected"
"""The methods: of a shop without a window to learn from, of one with few customers, of all others."""


@dataclass(frozen=True)
class Forecast:
    """What is expected of each customer who ordered before; one entry each, by number."""

    customer: NDArray[np.int64]
    orders: NDArray[np.float64]
    """Within the horizon."""
    spend: NDArray[np.float64]
    year_spend: NDArray[np.float64]
    active: NDArray[np.float64]
    """The chance of an order within the horizon."""
    days: NDArray[np.float64]
    """By when the next order comes with a chance of 10, 50 and 90 %, capped at the horizon; shape (customers, 3)."""
    method: str
    parameters: dict[str, float] = field(default_factory=dict)
    """Of the shop."""
    effects: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    """By fact, how much it adds to the logarithm of a customer's expected spend."""


@dataclass(frozen=True)
class _Past:
    """The history before a day, and the numbers of the customers in it."""

    days: OrderDays
    cut: int
    rows: NDArray[np.int64]

    @classmethod
    def until(cls, days: OrderDays, cut: int) -> "_Past":
        past = days.before(cut)
        return cls(past, cut, np.flatnonzero(past.count()))


@dataclass(frozen=True)
class _Window:
    """A past, and what its customers did within the horizon after it."""

    past: _Past
    truth: WindowOutcome

    @classmethod
    def after(cls, days: OrderDays, cut: int) -> "_Window":
        past = _Past.until(days, cut)
        return cls(past, outcome_after(days, cut).select(past.rows))


def forecast_customers(days: OrderDays, cut: int) -> Forecast:
    """What is expected of the customers from this day on, learned from what was before it.

    1. A young shop has nothing to learn from but the rate in the long run (BG/NBD), which also says a year.
    2. The base of all others: how often each orders lately, and what an order of theirs is worth.
    3. Regressions correct it by what customers did in the last days: who more, who less; the total stays the base's.
    """
    past = _Past.until(days, cut)
    windows = [_Window.after(past.days, each) for each in snapshot_cuts(past.days, cut)]
    young = forecast_young_shop(past.days, cut)
    returned = set().union(*(window.past.rows[window.truth.active].tolist() for window in windows))
    return young if len(returned) < FEWEST_RETURNED else _learned_forecast(past, windows, len(returned), young)


def forecast_young_shop(days: OrderDays, cut: int) -> Forecast:
    """The forecast of BG/NBD, from the first and the last order of each customer and their number. What an order is
    worth is learned as in other shops: on young histories that was nearer than Gamma-Gamma, its usual companion."""
    past = _Past.until(days, cut)
    own = past.days.of_customers(past.rows)
    seen = RepeatOrders.until(own, cut)
    model = BetaGeometric.learn(seen)
    orders, value = model.expected_orders(seen), expected_order_value(own, cut)
    return Forecast(
        customer=past.rows,
        orders=orders,
        spend=orders * value,
        year_spend=model.expected_orders(seen, YEAR) * value,
        active=model.active_chance(seen),
        days=np.column_stack([model.days_until(seen, share) for share in QUANTILES]),
        method=YOUNG,
        parameters={"bgnbd_r": model.r, "bgnbd_alpha": model.alpha, "bgnbd_a": model.a, "bgnbd_b": model.b},
        effects={"frequency": _log_deviation(orders), "order_value": _log_deviation(value)},
    )


def snapshot_cuts(days: OrderDays, cut: int) -> list[int]:
    """The days at which the history before `cut` is cut to learn from; none in a young shop."""
    length = cut - days.first_day
    fewest = max(FEWEST_DAYS, FEWEST_SHARE * length)
    return [cut - back for back in SNAPSHOTS if length - back >= fewest]


def _learned_forecast(past: _Past, windows: list[_Window], returned: int, young: Forecast) -> Forecast:
    pasts = [window.past for window in windows]
    rate = DecayedRate.learn([(one.past.days, one.past.cut, one.past.rows, one.truth.orders) for one in windows])
    span = min(each.cut - each.days.first_day for each in pasts)
    seen = [_Description.of_past(each, rate, span) for each in (*pasts, past)]
    learner = _Learner.learn(
        seen[:-1],
        [window.truth for window in windows],
        np.concatenate([each.rows for each in pasts]),
        corrects_base=returned >= FEWEST_FOR_CORRECTION,
    )
    return learner.forecast(seen[-1], young, rate, customer_feature_names(span))


@dataclass(frozen=True)
class _Description:
    """What the regressions see of the customers of a past."""

    features: NDArray[np.float64]
    base_orders: NDArray[np.float64]
    base_value: NDArray[np.float64]
    chances: NDArray[np.float64]
    """The logits of what the base and BG/NBD say of an order within the horizon, and the logarithm of the rate."""

    @classmethod
    def of_past(cls, past: _Past, rate: DecayedRate, span: int) -> "_Description":
        own = past.days.of_customers(past.rows)
        decayed = DecayedOrders.until(own, past.cut, rate.fading)
        repeats = RepeatOrders.until(own, past.cut)
        bounded = [
            np.clip(chance, 1e-4, 1 - 1e-4)
            for chance in (rate.active_chance(decayed), BetaGeometric.learn(repeats).active_chance(repeats))
        ]
        value = expected_order_value(own, past.cut)
        orders = rate.expected_orders(decayed)
        chances = np.column_stack([*map(logit, bounded), np.log(orders)])
        usual = float(own.spend.mean()) or 1.0
        return cls(windowed_features(own, past.cut, span, usual), orders, np.maximum(value, 1e-6 * usual), chances)


@dataclass(frozen=True)
class _Learner:
    """The regressions with what is needed to apply them."""

    features: Standardizer
    chances: Standardizer
    corrections: Corrections
    money: float
    """What an order is worth: the unit of money in which spend is learned."""
    corrects_base: bool

    @classmethod
    def learn(
        cls,
        seen: list[_Description],
        outcomes: list[WindowOutcome],
        customer: NDArray[np.int64],
        *,
        corrects_base: bool,
    ) -> "_Learner":
        rows = np.concatenate([each.features for each in seen])
        chances = np.concatenate([each.chances for each in seen])
        base_orders = np.concatenate([each.base_orders for each in seen])
        base_value = np.concatenate([each.base_value for each in seen])
        money = float(base_value.mean())
        orders, spend, wait = (
            np.concatenate([getattr(each, name) for each in outcomes]) for name in ("orders", "spend", "days")
        )
        features, of_chances = Standardizer.learn(rows), Standardizer.learn(chances)
        rows = features.apply(rows)
        targets = Targets(
            rows=rows,
            chance_rows=np.column_stack([rows, of_chances.apply(chances)]),
            base_orders=base_orders,
            base_spend=base_orders * base_value / money,
            orders=orders,
            spend=spend / money,
            active=orders > 0,
            wait=wait,
            customer=customer,
        )
        return cls(features, of_chances, Corrections.learn(targets), money, corrects_base)

    def forecast(self, seen: _Description, young: Forecast, rate: DecayedRate, names: list[str]) -> Forecast:
        rows = self.features.apply(seen.features)
        chance_rows = np.column_stack([rows, self.chances.apply(seen.chances)])
        orders, spend = seen.base_orders, seen.base_orders * seen.base_value
        effects = {"frequency": _log_deviation(orders), "order_value": _log_deviation(seen.base_value)}
        if self.corrects_base:
            orders = _at_level_of(orders, self.corrections.orders.apply(rows, orders))
            spend = _at_level_of(spend, self.corrections.spend.apply(rows, spend))
            for name, effect in zip(names, (rows * self.corrections.spend.coefficients).T, strict=True):
                effects[FACT_OF_FEATURE[name]] = effects.get(FACT_OF_FEATURE[name], 0) + effect
        waits = self.corrections.wait
        return Forecast(
            customer=young.customer,
            orders=orders,
            spend=spend,
            year_spend=spend * young.year_spend / np.maximum(young.spend, 1e-9),
            active=self.corrections.active.apply(chance_rows),
            days=np.column_stack([np.minimum(waits.quantile(chance_rows, share), HORIZON) for share in QUANTILES]),
            method=CORRECTED if self.corrects_base else BASE,
            parameters=self._parameters(rate, names) | young.parameters,
            effects=effects,
        )

    def _parameters(self, rate: DecayedRate, names: list[str]) -> dict[str, float]:
        learned: dict[str, float] = {"fading_days": rate.fading, "shape": rate.shape, "rate": rate.rate}
        for target, ridge in self.corrections.ridges.items():
            learned[f"ridge_{target}"] = ridge
        for target in ("orders", "spend"):
            coefficients = getattr(self.corrections, target).coefficients
            learned |= {f"{target}_{name}": float(each) for name, each in zip(names, coefficients, strict=True)}
        return learned


def _at_level_of(base: NDArray[np.float64], corrected: NDArray[np.float64]) -> NDArray[np.float64]:
    """The corrected forecast with the total of the base: a few windows of the past say who will order more than others,
    and little of how much all will."""
    level: NDArray[np.float64] = corrected * (base.sum() / corrected.sum())
    return level


def _log_deviation(values: NDArray[np.float64]) -> NDArray[np.float64]:
    logs: NDArray[np.float64] = np.log(np.maximum(values, 1e-12))
    return logs - float(logs.mean())
