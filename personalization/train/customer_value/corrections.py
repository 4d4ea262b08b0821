"""What the last days of a customer add to the base: ridge regressions, each with a strength that folds choose."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, TweedieRegressor

from personalization.train.customer_value.weibull import WeibullWaits

RIDGES = (50.0, 250.0, 1500.0, 20000.0)
"""The last one leaves hardly anything of the correction."""
FOLDS = 4
Rows = NDArray[np.float64]


@dataclass(frozen=True)
class Multiplier:
    """exp(intercept + rows @ coefficients), by which a base is multiplied."""

    intercept: float
    coefficients: NDArray[np.float64]

    def apply(self, rows: Rows, base: Rows) -> Rows:
        """The corrected base."""
        return base * np.exp(np.clip(self.intercept + rows @ self.coefficients, -5, 5))


def learn_multiplier(rows: Rows, base: Rows, truth: Rows, power: float, ridge: float) -> Multiplier:
    """By a regression whose variance grows with this power of the mean: 1 for counts, 1.5 for money."""
    if not truth.any():
        return Multiplier(0.0, np.zeros(rows.shape[1]))
    weight = base ** (2 - power)
    model = TweedieRegressor(
        power=power, link="log", alpha=ridge / weight.sum(), solver="newton-cholesky", max_iter=100
    ).fit(rows, truth / base, weight)
    return Multiplier(float(model.intercept_), model.coef_)


def multiplier_loss(power: float) -> Callable[[Rows, Rows], float]:
    """The deviance of a truth from forecasts, as far as it depends on these."""

    def loss(truth: Rows, forecast: Rows) -> float:
        if power == 1:
            return float((forecast - truth * np.log(forecast)).mean())
        return float((forecast ** (2 - power) / (2 - power) - truth * forecast ** (1 - power) / (1 - power)).mean())

    return loss


@dataclass(frozen=True)
class Chance:
    """1 / (1 + exp(-intercept - rows @ coefficients))"""

    intercept: float
    coefficients: NDArray[np.float64]

    def apply(self, rows: Rows) -> Rows:
        """The chance of each row."""
        return 1 / (1 + np.exp(-np.clip(self.intercept + rows @ self.coefficients, -30, 30)))


def learn_chance(rows: Rows, truth: NDArray[np.bool_], ridge: float) -> Chance:
    """By a logistic regression; where all or none are true, the chance is the same for all."""
    if truth.all() or not truth.any():
        share = (truth.sum() + 0.5) / (len(truth) + 1)
        return Chance(float(np.log(share / (1 - share))), np.zeros(rows.shape[1]))
    model = LogisticRegression(C=1 / ridge, solver="newton-cholesky", max_iter=100).fit(rows, truth)
    return Chance(float(model.intercept_[0]), model.coef_[0])


def log_loss(truth: NDArray[np.bool_], chance: Rows) -> float:
    """Minus the mean log likelihood."""
    bounded = np.clip(chance, 1e-9, 1 - 1e-9)
    return float(-np.where(truth, np.log(bounded), np.log1p(-bounded)).mean())


def best_ridge(
    fold: NDArray[np.int64],
    loss_of: Callable[[NDArray[np.bool_], NDArray[np.bool_], float], float],
    ridges: Sequence[float] = RIDGES,
) -> float:
    """The ridge with the least loss over folds. `loss_of` learns from the rows of the first mask with a ridge, and
    gives the mean loss on those of the second."""
    losses = []
    for ridge in ridges:
        parts = [(fold == number).sum() * loss_of(fold != number, fold == number, ridge) for number in range(FOLDS)]
        losses.append(sum(parts))
    return ridges[int(np.argmin(losses))]


def folds_of_customers(customer: NDArray[np.int64]) -> NDArray[np.int64]:
    """The fold of each row: all rows of a customer are in one. The same every time."""
    return (customer.astype(np.uint64) * np.uint64(2_654_435_761) % np.uint64(2**32) >> np.uint64(8)).astype(
        np.int64
    ) % FOLDS


@dataclass(frozen=True)
class Targets:
    """What the regressions learn: one row for each customer and snapshot."""

    rows: Rows
    """Standardized features."""
    chance_rows: Rows
    """With what the base and BG/NBD say of the chance to order."""
    base_orders: Rows
    base_spend: Rows
    orders: Rows
    spend: Rows
    active: NDArray[np.bool_]
    wait: Rows
    customer: NDArray[np.int64]


@dataclass(frozen=True)
class Corrections:
    """The four regressions of a shop."""

    orders: Multiplier
    spend: Multiplier
    active: Chance
    wait: WeibullWaits
    ridges: dict[str, float]

    @classmethod
    def learn(cls, seen: Targets) -> "Corrections":
        """Each with the ridge that is best on customers that it did not learn from."""
        fold = folds_of_customers(seen.customer)
        ridges = {
            "orders": best_ridge(fold, _multiplier_loss_of(seen.rows, seen.base_orders, seen.orders, 1.0)),
            "spend": best_ridge(fold, _multiplier_loss_of(seen.rows, seen.base_spend, seen.spend, 1.5)),
            "active": best_ridge(fold, _chance_loss_of(seen)),
            "wait": best_ridge(fold, _wait_loss_of(seen)),
        }
        return cls(
            learn_multiplier(seen.rows, seen.base_orders, seen.orders, 1.0, ridges["orders"]),
            learn_multiplier(seen.rows, seen.base_spend, seen.spend, 1.5, ridges["spend"]),
            learn_chance(seen.chance_rows, seen.active, ridges["active"]),
            WeibullWaits.learn(seen.chance_rows, seen.wait, seen.active, ridges["wait"]),
            ridges,
        )


LossOf = Callable[[NDArray[np.bool_], NDArray[np.bool_], float], float]


def _multiplier_loss_of(rows: Rows, base: Rows, truth: Rows, power: float) -> LossOf:
    loss = multiplier_loss(power)

    def loss_of(learned: NDArray[np.bool_], judged: NDArray[np.bool_], ridge: float) -> float:
        model = learn_multiplier(rows[learned], base[learned], truth[learned], power, ridge)
        return loss(truth[judged], model.apply(rows[judged], base[judged]))

    return loss_of


def _chance_loss_of(seen: Targets) -> LossOf:
    def loss_of(learned: NDArray[np.bool_], judged: NDArray[np.bool_], ridge: float) -> float:
        model = learn_chance(seen.chance_rows[learned], seen.active[learned], ridge)
        return log_loss(seen.active[judged], model.apply(seen.chance_rows[judged]))

    return loss_of


def _wait_loss_of(seen: Targets) -> LossOf:
    def loss_of(learned: NDArray[np.bool_], judged: NDArray[np.bool_], ridge: float) -> float:
        model = WeibullWaits.learn(seen.chance_rows[learned], seen.wait[learned], seen.active[learned], ridge)
        return model.surprise(seen.chance_rows[judged], seen.wait[judged], seen.active[judged])

    return loss_of
