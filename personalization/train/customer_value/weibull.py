"""Weibull regression of waiting times (accelerated failure time), with waits that did not end yet."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize


@dataclass(frozen=True)
class WeibullWaits:
    """log(wait) = rows @ coefficients + scale * noise; the first coefficient is that of a column of ones."""

    coefficients: NDArray[np.float64]
    scale: float

    @classmethod
    def learn(
        cls, rows: NDArray[np.float64], wait: NDArray[np.float64], ended: NDArray[np.bool_], ridge: float
    ) -> "WeibullWaits":
        """From waits, positive, and whether each had ended; `ridge` draws all coefficients but the first to 0."""
        columns = np.column_stack([np.ones(len(rows)), rows])
        penalty = np.r_[0.0, np.full(rows.shape[1], ridge)]
        start = np.zeros(columns.shape[1] + 1)
        start[0] = np.log(wait.sum() / max(ended.sum(), 1))
        found = minimize(
            _surprise, start, (columns, np.log(wait), ended, penalty), "L-BFGS-B", jac=True, options={"maxiter": 300}
        )
        return cls(found.x[:-1], float(np.exp(found.x[-1])))

    def quantile(self, rows: NDArray[np.float64], share: float) -> NDArray[np.float64]:
        """The wait within which so many end."""
        log_wait = self._log_wait(rows) + float(self.scale * np.log(-np.log1p(-share)))
        wait: NDArray[np.float64] = np.exp(np.minimum(log_wait, 50))
        return wait

    def ended_by(self, rows: NDArray[np.float64], moment: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """The chance that the wait ends by this moment."""
        return -np.expm1(-self._hazard(rows, moment))

    def surprise(self, rows: NDArray[np.float64], wait: NDArray[np.float64], ended: NDArray[np.bool_]) -> float:
        """Minus the mean log likelihood of other waits."""
        columns = np.column_stack([np.ones(len(rows)), rows])
        at = np.r_[self.coefficients, np.log(self.scale)]
        value, _ = _surprise(at, columns, np.log(wait), ended, np.zeros(columns.shape[1]))
        return value / len(wait)

    def _log_wait(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        linear: NDArray[np.float64] = self.coefficients[0] + rows @ self.coefficients[1:]
        return linear

    def _hazard(self, rows: NDArray[np.float64], moment: NDArray[np.float64] | float) -> NDArray[np.float64]:
        return np.exp(np.clip((np.log(moment) - self._log_wait(rows)) / self.scale, -50, 50))


def _surprise(
    parameters: NDArray[np.float64],
    columns: NDArray[np.float64],
    log_wait: NDArray[np.float64],
    ended: NDArray[np.bool_],
    penalty: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64]]:
    """Minus the log likelihood with its gradient; the last parameter is log(scale)."""
    weights, log_scale = parameters[:-1], parameters[-1]
    scale = np.exp(log_scale)
    z = np.clip((log_wait - columns @ weights) / scale, -50, 50)
    hazard = np.exp(z)
    value = hazard.sum() - (z - log_scale - log_wait)[ended].sum() + 0.5 * float(penalty @ weights**2)
    slope = hazard - ended
    gradient = -(columns.T @ slope) / scale + penalty * weights
    return float(value), np.r_[gradient, ended.sum() - slope @ z]
