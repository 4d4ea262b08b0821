"""How far from 0 a difference must be at each weekly look, so that looking every week raises no more false alarms than
looking once at the end.

Alpha is spent by the information that has come in, along the curve of O'Brien and Fleming: hardly anything early,
nearly all at the end. So weeks may differ in traffic, and only the end has to be planned. Bounds are on |z|,
two-sided.

References
----------
K. K. G. Lan, D. L. DeMets: Discrete sequential boundaries for clinical trials. Biometrika 70(3), 1983.
P. C. O'Brien, T. R. Fleming: A multiple testing procedure for clinical trials. Biometrics 35(3), 1979.
P. Armitage, C. K. McPherson, B. C. Rowe: Repeated significance tests on accumulating data. JRSS A 132(2), 1969 (the
recursion).
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

GRID_POINTS = 401
"""Odd, for Simpson's rule; bounds are good to five digits, and twelve looks take some 40 ms."""
GRID_REACH = 9.0
"""Further from the middle than so many standard deviations there is nothing left to add up."""
MIN_STEP = 0.001
"""A week with less of the planned information is a week with none: its step is finer than the grid."""
ROUNDS = 45
"""Of halving, until a bound is known to twelve digits."""


def alpha_spent(fraction: float, alpha: float = 0.05) -> float:
    """How much of alpha may be spent when this fraction of the planned information is in; all of it from 1 on."""
    if fraction <= 0:
        return 0.0
    return math.erfc(_critical(alpha) / math.sqrt(2 * min(fraction, 1.0)))


@lru_cache(256)
def spending_bounds(fractions: tuple[float, ...], alpha: float = 0.05, is_over: bool = False) -> tuple[float, ...]:
    """The bound on |z| at each look. Cached, as it is asked for on each view of a page and takes some hundredths of a
    second; it depends on nothing else.

    Parameters: `fractions`, at each look so far, of the planned information, ascending; beyond 1 where more came than
    was planned. `is_over`: the last look is the last one for ever, so all that is left is spent there.
    A look that has nothing to spend, as no more came in or all was spent before, has the bound of the one before it;
    infinity where not even the first could.
    """
    walk, bounds, spent, before = _RandomWalk(), list[float](), 0.0, 0.0
    for number, fraction in enumerate(fractions, 1):
        total = alpha if is_over and number == len(fractions) else alpha_spent(fraction, alpha)
        if fraction < before + MIN_STEP or total <= spent:
            bounds.append(bounds[-1] if bounds else math.inf)
            continue
        walk.advance(fraction)
        bound = walk.find_bound(total - spent)
        walk.stop_beyond(bound)
        bounds.append(bound)
        spent, before = total, fraction
    return tuple(bounds)


def obrien_fleming_constant(looks: int, alpha: float = 0.05) -> float:
    """C of the bounds C·√(K/k) for K evenly spaced looks, of which the spending bounds are close relatives."""
    fractions = [number / looks for number in range(1, looks + 1)]
    low, high = _critical(alpha), _critical(alpha) * 2
    for _ in range(ROUNDS // 2):  # six digits are enough here
        middle = (low + high) / 2
        bounds = [middle / math.sqrt(fraction) for fraction in fractions]
        low, high = (middle, high) if crossing_probability(bounds, fractions) > alpha else (low, middle)
    return (low + high) / 2


def crossing_probability(bounds: Sequence[float], fractions: Sequence[float], drift: float = 0.0) -> float:
    """How likely |z| is beyond its bound at one look at least. Parameters: `drift`, the expected z when all the planned
    information is in: without one these are false alarms, with one it is the power."""
    walk, crossed = _RandomWalk(drift), 0.0
    for bound, fraction in zip(bounds, fractions, strict=True):
        walk.advance(fraction)
        crossed += walk.tail(bound)
        walk.stop_beyond(bound)
    return crossed


class _RandomWalk:
    """z·√t, which moves by independent normal steps, with what crossed a bound taken out."""

    def __init__(self, drift: float = 0.0) -> None:
        self._drift = drift
        self._values: NDArray[np.float64] = np.zeros(1)
        """Where the walk may have been at the last look, ..."""
        self._weights: NDArray[np.float64] = np.ones(1)
        """... and with which probability it was about there and had crossed nothing."""
        self._time = 0.0
        self._step = 0.0
        """The variance since the last look."""

    def advance(self, time: float) -> None:
        """Goes on to a later time."""
        self._step = time - self._time
        self._time = time

    def tail(self, bound: float) -> float:
        """How likely |z| is beyond a bound now, for the first time."""
        edge, scale = bound * math.sqrt(self._time), math.sqrt(2 * self._step)
        shift = self._drift * self._step
        reach = [math.erfc((edge - value - shift) / scale) for value in self._values.tolist()]
        if not self._drift:  # symmetric
            return float(self._weights @ reach)
        below = [math.erfc((edge + value + shift) / scale) for value in self._values.tolist()]
        return float(self._weights @ (np.array(reach) + below)) / 2

    def find_bound(self, probability: float) -> float:
        """The bound beyond which so much lies."""
        low, high = 0.0, 1.0
        while self.tail(high) > probability:
            low, high = high, high * 2
        for _ in range(ROUNDS):
            middle = (low + high) / 2
            low, high = (middle, high) if self.tail(middle) > probability else (low, middle)
        return (low + high) / 2

    def stop_beyond(self, bound: float) -> None:
        """Takes out what is beyond a bound now."""
        center = self._drift * self._time
        reach = GRID_REACH * math.sqrt(self._time)
        edge = bound * math.sqrt(self._time)
        low, high = max(-edge, center - reach), min(edge, center + reach)
        if low >= high:
            self._values, self._weights = np.zeros(1), np.zeros(1)
            return
        values = np.linspace(low, high, GRID_POINTS)
        distance = values[:, None] - self._values[None, :] - self._drift * self._step
        density = np.exp(-(distance**2) / (2 * self._step)) @ self._weights / math.sqrt(2 * math.pi * self._step)
        self._weights = density * _simpson_weights(values[1] - values[0])
        self._values = values


def _simpson_weights(width: float) -> NDArray[np.float64]:
    weights = np.full(GRID_POINTS, 2.0)
    weights[1::2] = 4.0
    weights[[0, -1]] = 1.0
    return weights * (width / 3)


def _critical(alpha: float) -> float:
    return -NormalDist().inv_cdf(alpha / 2)
