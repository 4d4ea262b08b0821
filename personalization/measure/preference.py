"""Which of two interleaved orders visitors like better: a sign test, one sign for each unit and week.

A unit that clicks a hundred times counts as much as one that clicks once, and what one unit did in several weeks counts
as one observation of it, so that a few eager visitors decide nothing.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from personalization.measure.comparison import Interval

ADD_WEIGHT = 3
"""An addition to the basket counts as much as this many clicks."""


def preference_sign(*, clicks_a: int, adds_a: int, clicks_b: int, adds_b: int) -> int:
    """Which order a unit chose from in a week: 1 for B, -1 for A, 0 for a tie."""
    lead = (clicks_b + ADD_WEIGHT * adds_b) - (clicks_a + ADD_WEIGHT * adds_a)
    return (lead > 0) - (lead < 0)


@dataclass(frozen=True)
class PreferenceSums:
    """Signs of many units."""

    unit_weeks: int = 0
    """Signs in all, ties among them."""
    total: int = 0
    """The sum of all signs."""
    squares: int = 0
    """Over units, the squares of each one's sum of signs."""

    def __add__(self, other: "PreferenceSums") -> "PreferenceSums":
        return PreferenceSums(
            self.unit_weeks + other.unit_weeks, self.total + other.total, self.squares + other.squares
        )

    @property
    def share_of_b(self) -> float | None:
        """The share of units and weeks that chose from B, ties counting half; None without any."""
        return (1 + self.total / self.unit_weeks) / 2 if self.unit_weeks else None

    @property
    def information(self) -> float:
        """What was learned of the share, in units who each chose once and not as much from both: those who come every
        week and choose alike tell little more than once."""
        return min(self.unit_weeks, self.unit_weeks**2 / self.squares) if self.squares else 0.0

    @property
    def z(self) -> float | None:
        """How far from no preference, in standard errors; to be read against the weekly bounds. None where all were
        ties."""
        return self.total / math.sqrt(self.squares) if self.squares else None

    def interval_within(self, bound: float) -> Interval | None:
        """The share of B, give or take so many standard errors; None where it is not known."""
        if self.share_of_b is None or not self.squares:
            return None
        width = bound * math.sqrt(self.squares) / (2 * self.unit_weeks)
        return max(self.share_of_b - width, 0.0), min(self.share_of_b + width, 1.0)


def sum_preferences(units: Iterable[Iterable[int]]) -> PreferenceSums:
    """The sums of the signs of units. Parameters: for each unit those of its weeks."""
    signs = [list(unit) for unit in units]
    totals = [sum(unit) for unit in signs]
    return PreferenceSums(sum(map(len, signs)), sum(totals), sum(total * total for total in totals))
