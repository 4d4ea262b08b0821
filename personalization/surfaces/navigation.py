"""Navigation: the shop's categories in the visitor's order, and those that deserve a line of their own."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from personalization.decide import category_menu, scoring
from personalization.decide.preferences import stated_interests
from personalization.decide.slate import Candidate, Reason
from personalization.decide.visit import Visit
from personalization.rank.scorer import DECIMALS
from personalization.rank.snapshot_arrays import Learned
from personalization.surfaces import Surface

HABIT, EXPECTED, SHARE = 1.0, 0.5, 0.001
"""The weights of the visitor's habit in a category, of what they are expected to buy there, both as shares of their
highest value, and of the category's share of all sales."""


FEW = 16
"""So many categories are looked at for the visitor's own lines in the menu: of a line of ancestors one is kept."""
WORTH = 0.25
"""Where they never bought, a category is one of theirs when so much is expected of it, as a share of the highest."""
RARE = 0.001
"""A smaller share of all sales sets nobody apart any further."""


@dataclass(frozen=True)
class _Weighed:
    """All categories of a snapshot, one entry each."""

    ids: NDArray[np.int64]
    purchases: NDArray[np.float64]
    expected: NDArray[np.float64]
    personal: NDArray[np.float64]
    """What is known of the visitor's need, in 0..1."""
    score: NDArray[np.float64]

    def candidate(self, row: int) -> Candidate:
        reason = _reason(int(self.purchases[row]), float(self.expected[row]))
        return Candidate(int(self.ids[row]), float(self.score[row]), reason)


def ranking(visit: Visit, snapshot: Learned) -> Iterator[Candidate]:
    """The categories that this visitor is likely to need next; with nothing known of them, those that sell most."""
    weighed = _weighed(visit, snapshot)
    return (weighed.candidate(row) for row in np.lexsort((weighed.ids, -weighed.score)).tolist())


def wanted(visit: Visit, snapshot: Learned) -> dict[int, float]:
    """The score of each category."""
    weighed = _weighed(visit, snapshot)
    return dict(zip(weighed.ids.tolist(), weighed.score.tolist(), strict=True))


def shortcuts(visit: Visit, snapshot: Learned) -> list[Candidate]:
    """The categories that deserve a line of their own in this visitor's menu, the most telling first: those they named,
    then those they need and others do not as much. None with nothing known of them."""
    named = [Candidate(key, math.inf, Reason(category_menu.SAID)) for key in stated_interests(visit.wishes)]
    return named + (_telling(_weighed(visit, snapshot), snapshot) if visit.genome.categories else [])


def _telling(weighed: _Weighed, snapshot: Learned) -> list[Candidate]:
    """By need x log(need / share of all sales), the part in the divergence between the two, as `pick` has it: where one
    buys mostly tea it is the tea, and not the groceries that everybody buys. Of equals the deepest first."""
    theirs = (weighed.purchases > 0) | (_relative(weighed.expected) >= WORTH)
    need = np.where(theirs, weighed.personal, 0.0)
    rows = np.lexsort((weighed.ids, -need))[:FEW]
    share = snapshot.arrays["category.share"][rows]
    apart = need[rows] * np.log(np.maximum(need[rows], RARE) / np.maximum(share, RARE))
    apart = np.round(apart, DECIMALS)
    depth = snapshot.arrays["category.depth"][rows]
    order = np.lexsort((weighed.ids[rows], -depth, -apart))
    return [weighed.candidate(row) for row in rows[order][apart[order] > 0].tolist()]


def _weighed(visit: Visit, snapshot: Learned) -> _Weighed:
    habit, purchases = _habit(visit, snapshot)
    expected = _expected(visit, snapshot)
    personal = (HABIT * _relative(habit) + EXPECTED * _relative(expected)) / (HABIT + EXPECTED)
    score = np.round((HABIT + EXPECTED) * personal + SHARE * snapshot.arrays["category.share"], DECIMALS)
    return _Weighed(snapshot.arrays["category.id"], purchases, expected, personal, score)


def _habit(visit: Visit, snapshot: Learned) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(fading days on which the visitor bought there, purchases there), one entry a category."""
    rows = visit.genome.categories
    found = np.zeros((2, len(snapshot.arrays["category.id"])))
    places = snapshot.category_places(row[0] for row in rows)
    for place, (_, _, purchases, weight) in zip(places.tolist(), rows, strict=True):
        if place >= 0:
            found[:, place] = weight, purchases
    return found[0], found[1]


def _expected(visit: Visit, snapshot: Learned) -> NDArray[np.float64]:
    """-log(chance that none of the category's candidates is bought), one entry a category."""
    scored = scoring.for_visitor(visit, snapshot)
    surprise = np.zeros(len(snapshot.ids))
    surprise[scored.places] = -np.log1p(-np.minimum(scored.chance, 0.999))
    start = snapshot.arrays["category.start"]
    summed = np.concatenate([[0.0], np.cumsum(surprise[snapshot.arrays["category.product"]])])
    return summed[start[1:]] - summed[start[:-1]]


def _relative(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values / max(float(values.max(initial=0)), 1e-9)


def _reason(purchases: int, expected: float) -> Reason:
    if purchases:
        return Reason("you_buy_there", {"purchases": purchases})
    return Reason("expected_there") if expected > 0 else Reason("listed")


surface = Surface(name="navigation", ranking=ranking, of_categories=True)
