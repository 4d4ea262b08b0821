"""The base of all forecasts: how often a customer orders lately, drawn to what is usual in the shop."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammaln

from personalization.train.customer_value.order_days import HORIZON, OrderDays

FADING_CHOICES = (30, 45, 60, 90, 180, 400)
FADING_SPREAD = 0.7
"""How far, in logarithms, fading is expected from the horizon, where few customers tell."""
VALUE_FADING = 180
"""Days in which the worth of an order fades to 1/e."""


@dataclass(frozen=True)
class DecayedOrders:
    """The repeat orders of customers and the time in which they made them, both fading with age."""

    repeats: NDArray[np.float64]
    exposure: NDArray[np.float64]
    """In days."""

    @classmethod
    def until(cls, days: OrderDays, cut: int, fading: float) -> "DecayedOrders":
        """As they stood at the beginning of `cut`. Customers without an order have no exposure."""
        past = days.before(cut)
        start, end = past.bounds()
        ordered = end > start
        first = np.full(days.customers, cut)
        first[ordered] = past.day[start[ordered]]
        weight = np.exp(-(cut - past.day) / fading)
        own_first = np.exp(-(cut - first) / fading) * ordered
        exposure = fading * (1 - np.exp(-(cut - first) / fading))
        return cls(past.add_up(weight) - own_first, exposure)

    def select(self, rows: NDArray[np.int64]) -> "DecayedOrders":
        """Those of some customers."""
        return DecayedOrders(self.repeats[rows], self.exposure[rows])


@dataclass(frozen=True)
class DecayedRate:
    """Gamma(shape + repeats, rate + exposure) orders a day."""

    fading: float
    """Days in which an order fades to 1/e."""
    shape: float
    rate: float

    @classmethod
    def learn(cls, snapshots: Sequence[tuple[OrderDays, int, NDArray[np.int64], NDArray[np.float64]]]) -> "DecayedRate":
        """The one under which what happened is likeliest. Each snapshot: the history, its last day, the customers, and
        their orders within the horizon after it."""
        best, least = cls(FADING_CHOICES[0], 1.0, float(HORIZON)), np.inf
        orders = np.concatenate([outcome for *_, outcome in snapshots])
        for fading in FADING_CHOICES:
            parts = [DecayedOrders.until(days, cut, fading).select(rows) for days, cut, rows, _ in snapshots]
            repeats = np.concatenate([part.repeats for part in parts])
            exposure = np.concatenate([part.exposure for part in parts])
            found = minimize(
                _surprise, np.log([0.5, 30.0]), (repeats, exposure, orders), "L-BFGS-B", bounds=[(-7, 7), (-3, 9)]
            )
            unusual = np.log(fading / HORIZON) ** 2 / (2 * FADING_SPREAD**2) / len(orders)
            if found.fun + unusual < least:
                best, least = cls(fading, *np.exp(found.x).tolist()), found.fun + unusual
        return best

    def expected_orders(self, seen: DecayedOrders, horizon: float = HORIZON) -> NDArray[np.float64]:
        """Orders within so many days."""
        return horizon * (self.shape + seen.repeats) / (self.rate + seen.exposure)

    def active_chance(self, seen: DecayedOrders, horizon: float = HORIZON) -> NDArray[np.float64]:
        """The chance of an order within so many days."""
        exposure = self.rate + seen.exposure
        return 1 - (exposure / (exposure + horizon)) ** (self.shape + seen.repeats)


def _surprise(
    parameters: NDArray[np.float64],
    repeats: NDArray[np.float64],
    exposure: NDArray[np.float64],
    orders: NDArray[np.float64],
) -> float:
    """Minus the mean log likelihood (negative binomial) of the orders within the horizon."""
    shape, rate = np.exp(parameters)
    r, t = shape + repeats, rate + exposure
    log_share = np.log(t / (t + HORIZON))
    likelihood = gammaln(r + orders) - gammaln(r) + r * log_share + orders * np.log(HORIZON / (t + HORIZON))
    return -float(likelihood.mean())


def expected_order_value(days: OrderDays, cut: int) -> NDArray[np.float64]:
    """What an order of each customer will be worth: the fading mean of theirs, drawn to the shop's by how much orders
    of one customer differ compared with customers among each other."""
    past = days.before(cut)
    weight = np.exp(-(cut - past.day) / VALUE_FADING)
    total, spent = past.add_up(weight), past.add_up(weight * past.spend)
    shop = float(spent.sum() / max(total.sum(), 1e-12))
    count = past.count()
    mean = past.add_up(past.spend) / np.maximum(count, 1)
    several = count >= 2
    if several.sum() < 2:
        return _drawn_to_shop(spent, total, shop, 1.0)
    squares = past.add_up((past.spend - mean[past.customer]) ** 2)
    within = squares[several].sum() / (count[several] - 1).sum()
    between = max(float(np.var(mean[several]) - (within / count[several]).mean()), 1e-3 * within, 1e-12)
    return _drawn_to_shop(spent, total, shop, max(float(within / between), 1e-6))


def _drawn_to_shop(
    spent: NDArray[np.float64], weight: NDArray[np.float64], shop: float, pull: float
) -> NDArray[np.float64]:
    value: NDArray[np.float64] = (spent + pull * shop) / (weight + pull)
    return value
