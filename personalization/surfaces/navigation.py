"""Navigation: the shop's categories in the visitor's order, and those that deserve a line of their own."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from personalization.decide import category_menu, scoring
from personalization.decide.preferences import liked_categories
from personalization.decide.slate import Candidate, Reason
from personalization.decide.visit import Visit
from personalization.rank.scorer import SCORE_DECIMALS
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.surfaces import Surface

HABIT_WEIGHT, EXPECTED_WEIGHT, SALES_SHARE_WEIGHT = 1.0, 0.5, 0.001
"""The weights of the visitor's habit in a category, of what they are expected to buy there, both as shares of their
highest value, and of the category's share of all sales."""


MAX_CONSIDERED = 16
"""So many categories are looked at for the visitor's own lines in the menu: of a line of ancestors one is kept."""
MIN_EXPECTED = 0.25
"""Where they never bought, a category is one of theirs when so much is expected of it, as a share of the highest."""
MIN_SALES_SHARE = 0.001
"""A smaller share of all sales sets nobody apart any further."""


@dataclass(frozen=True)
class _CategoryScores:
    """All categories of a snapshot, one entry each."""

    ids: NDArray[np.int64]
    purchases: NDArray[np.float64]
    expected: NDArray[np.float64]
    personal: NDArray[np.float64]
    """What is known of the visitor's need, in 0..1."""
    score: NDArray[np.float64]

    def candidate(self, row: int) -> Candidate:
        reason = _category_reason(int(self.purchases[row]), float(self.expected[row]))
        return Candidate(int(self.ids[row]), float(self.score[row]), reason)


def rank_categories(visit: Visit, snapshot: SnapshotArrays) -> Iterator[Candidate]:
    """The categories that this visitor is likely to need next; with nothing known of them, those that sell most."""
    weighed = _score_categories(visit, snapshot)
    return (weighed.candidate(row) for row in np.lexsort((weighed.ids, -weighed.score)).tolist())


def category_scores(visit: Visit, snapshot: SnapshotArrays) -> dict[int, float]:
    """The score of each category."""
    weighed = _score_categories(visit, snapshot)
    return dict(zip(weighed.ids.tolist(), weighed.score.tolist(), strict=True))


def shortcut_candidates(visit: Visit, snapshot: SnapshotArrays) -> list[Candidate]:
    """The categories that deserve a line of their own in this visitor's menu, the most telling first: those they named,
    then those they need and others do not as much. None with nothing known of them."""
    named = [
        Candidate(key, math.inf, Reason(category_menu.STATED_INTEREST)) for key in liked_categories(visit.preferences)
    ]
    return named + (
        _distinctive_categories(_score_categories(visit, snapshot), snapshot) if visit.genome.categories else []
    )


def _distinctive_categories(weighed: _CategoryScores, snapshot: SnapshotArrays) -> list[Candidate]:
    """By need x log(need / share of all sales), the part in the divergence between the two, as `pick` has it: where one
    buys mostly tea it is the tea, and not the groceries that everybody buys. Of equals the deepest first."""
    theirs = (weighed.purchases > 0) | (_share_of_max(weighed.expected) >= MIN_EXPECTED)
    need = np.where(theirs, weighed.personal, 0.0)
    rows = np.lexsort((weighed.ids, -need))[:MAX_CONSIDERED]
    share = snapshot.arrays["category.share"][rows]
    apart = need[rows] * np.log(np.maximum(need[rows], MIN_SALES_SHARE) / np.maximum(share, MIN_SALES_SHARE))
    apart = np.round(apart, SCORE_DECIMALS)
    depth = snapshot.arrays["category.depth"][rows]
    order = np.lexsort((weighed.ids[rows], -depth, -apart))
    return [weighed.candidate(row) for row in rows[order][apart[order] > 0].tolist()]


def _score_categories(visit: Visit, snapshot: SnapshotArrays) -> _CategoryScores:
    habit, purchases = _purchase_habit(visit, snapshot)
    expected = _expected_purchases(visit, snapshot)
    personal = (HABIT_WEIGHT * _share_of_max(habit) + EXPECTED_WEIGHT * _share_of_max(expected)) / (
        HABIT_WEIGHT + EXPECTED_WEIGHT
    )
    score = np.round(
        (HABIT_WEIGHT + EXPECTED_WEIGHT) * personal + SALES_SHARE_WEIGHT * snapshot.arrays["category.share"],
        SCORE_DECIMALS,
    )
    return _CategoryScores(snapshot.arrays["category.id"], purchases, expected, personal, score)


def _purchase_habit(visit: Visit, snapshot: SnapshotArrays) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(fading days on which the visitor bought there, purchases there), one entry a category."""
    rows = visit.genome.categories
    found = np.zeros((2, len(snapshot.arrays["category.id"])))
    places = snapshot.category_indices(row[0] for row in rows)
    for place, (_, _, purchases, weight) in zip(places.tolist(), rows, strict=True):
        if place >= 0:
            found[:, place] = weight, purchases
    return found[0], found[1]


def _expected_purchases(visit: Visit, snapshot: SnapshotArrays) -> NDArray[np.float64]:
    """-log(chance that none of the category's candidates is bought), one entry a category."""
    scored = scoring.score_for_visitor(visit, snapshot)
    surprise = np.zeros(len(snapshot.ids))
    surprise[scored.product_indices] = -np.log1p(-np.minimum(scored.purchase_probability, 0.999))
    start = snapshot.arrays["category.product_start"]
    summed = np.concatenate([[0.0], np.cumsum(surprise[snapshot.arrays["category.product"]])])
    return summed[start[1:]] - summed[start[:-1]]


def _share_of_max(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values / max(float(values.max(initial=0)), 1e-9)


def _category_reason(purchases: int, expected: float) -> Reason:
    if purchases:
        return Reason("bought_in_category", {"purchases": purchases})
    return Reason("expected_in_category") if expected > 0 else Reason("in_range")


surface = Surface(name="navigation", ranking=rank_categories, ranks_categories=True)
