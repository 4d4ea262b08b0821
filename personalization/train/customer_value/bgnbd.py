"""BG/NBD: for shops too young to learn from a window of their own, and for a year ahead.

Fader, Hardie and Lee, "Counting your customers the easy way" (2005): customers order at a rate of their own, and each
order may have been the last.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, hyp2f1

from personalization.train.customer_value.order_days import HORIZON, OrderDays

PRIOR = 0.01
"""How strongly logarithms of parameters are drawn to 0, where few customers tell."""


@dataclass(frozen=True)
class RepeatOrders:
    """The sufficient statistics of customers who ordered, time in days."""

    repeats: NDArray[np.float64]
    last: NDArray[np.float64]
    """From the first to the last order."""
    age: NDArray[np.float64]
    """Since the first order."""

    @classmethod
    def until(cls, days: OrderDays, cut: int) -> "RepeatOrders":
        """As of the beginning of `cut`, of customers who all ordered before it."""
        past = days.before(cut)
        start, end = past.bounds()
        first, last = past.day[start], past.day[end - 1]
        return cls(
            (end - start - 1).astype(np.float64), (last - first).astype(np.float64), (cut - first).astype(np.float64)
        )


@dataclass(frozen=True)
class BetaGeometric:
    """The BG/NBD model of a shop."""

    r: float
    alpha: float
    a: float
    b: float

    @classmethod
    def learn(cls, seen: RepeatOrders) -> "BetaGeometric":
        """By maximum likelihood."""
        scale = max(float(seen.age.mean()), 1.0)
        columns = (seen.repeats, seen.last / scale, seen.age / scale)
        found = minimize(
            lambda logs: -_log_likelihood(np.exp(logs), *columns).mean() + PRIOR * (logs @ logs) / len(seen.age) ** 0.5,
            np.zeros(4),
            method="L-BFGS-B",
            bounds=[(-7, 7)] * 4,
        )
        r, alpha, a, b = np.exp(found.x).tolist()
        return cls(r, alpha * scale, a, b)

    def alive_chance(self, seen: RepeatOrders) -> NDArray[np.float64]:
        """The chance that the last order was not the last."""
        x = seen.repeats
        odds = (
            self.a
            / (self.b + np.maximum(x, 1) - 1)
            * ((self.alpha + seen.age) / (self.alpha + seen.last)) ** (self.r + x)
        )
        return np.where(x > 0, 1 / (1 + odds), 1.0)

    def expected_orders(self, seen: RepeatOrders, horizon: float = HORIZON) -> NDArray[np.float64]:
        """Orders within so many days."""
        x, t = seen.repeats, seen.age
        z = horizon / (self.alpha + t + horizon)
        inner = hyp2f1(self.r + x, self.b + x, self.a + self.b + x - 1, z)
        a = self.a if abs(self.a - 1) > 1e-6 else 1 + 1e-6
        growth = 1 - ((self.alpha + t) / (self.alpha + t + horizon)) ** (self.r + x) * inner
        orders: NDArray[np.float64] = (a + self.b + x - 1) / (a - 1) * growth * self.alive_chance(seen)
        return np.maximum(orders, 0)

    def active_chance(self, seen: RepeatOrders, horizon: float = HORIZON) -> NDArray[np.float64]:
        """The chance of an order within so many days."""
        exposure = self.alpha + seen.age
        return self.alive_chance(seen) * (1 - (exposure / (exposure + horizon)) ** (self.r + seen.repeats))

    def days_until(self, seen: RepeatOrders, quantile: float) -> NDArray[np.float64]:
        """The day by which the next order comes with this chance; HORIZON where it is later or never."""
        share = np.minimum(quantile / self.alive_chance(seen), 1 - 1e-12)
        wait = (self.alpha + seen.age) * ((1 - share) ** (-1 / (self.r + seen.repeats)) - 1)
        return np.minimum(wait + 1, HORIZON)


def _log_likelihood(
    parameters: NDArray[np.float64], x: NDArray[np.float64], last: NDArray[np.float64], age: NDArray[np.float64]
) -> NDArray[np.float64]:
    r, alpha, a, b = parameters
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    alive = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + age)
    gone = betaln(a + 1, b + np.maximum(x, 1) - 1) - betaln(a, b) - (r + x) * np.log(alpha + last)
    likelihood: NDArray[np.float64] = common + np.where(x > 0, np.logaddexp(alive, gone), alive)
    return likelihood
