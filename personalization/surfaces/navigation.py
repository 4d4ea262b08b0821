"""Navigation: the shop's categories in the visitor's order."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from personalization.decide import lists
from personalization.decide.slate import Candidate, Reason
from personalization.decide.visit import Visit
from personalization.rank.blend import DECIMALS
from personalization.rank.learned import Learned
from personalization.surfaces import Surface

HABIT, EXPECTED, SHARE = 1.0, 0.5, 0.001
"""The weights of the visitor's habit in a category, of what they are expected to buy there, both as shares of their
highest value, and of the category's share of all sales."""


def ranking(visit: Visit, snapshot: Learned) -> Iterator[Candidate]:
    """The categories that this visitor is likely to need next; with nothing known of them, those that sell most."""
    ids = snapshot.arrays["category.id"]
    habit, purchases = _habit(visit, snapshot)
    expected = _expected(visit, snapshot)
    score = HABIT * _relative(habit) + EXPECTED * _relative(expected) + SHARE * snapshot.arrays["category.share"]
    score = np.round(score, DECIMALS)
    for row in np.lexsort((ids, -score)).tolist():
        yield Candidate(int(ids[row]), float(score[row]), _reason(int(purchases[row]), float(expected[row])))


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
    scored = lists.for_visitor(visit, snapshot)
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
