"""Kinds of rows that more than one surface shows."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from personalization.decide import scoring, selection
from personalization.decide.slate import Candidate, Draft, Reason
from personalization.decide.visit import Visit
from personalization.models.events import LOOKING
from personalization.rank.snapshot_arrays import Learned
from personalization.recommenders import DAY
from personalization.shop import catalogue


def because_you_looked_at(visit: Visit, snapshot: Learned) -> Iterator[Draft]:
    """What goes with the product that the visitor looked at last; worth the less the longer ago that was."""
    looks = ((did.product, did.at) for did in visit.recent if did.product is not None and did.name in LOOKING)
    product, at = next(looks, (0, 0.0))
    (place,) = snapshot.places([product]).tolist()
    if place < 0:
        return
    reason = Reason("because_you_looked_at", {"product": product})
    seen = {did.product for did in visit.recent}
    near, closeness = selection.like(snapshot, place)
    candidates = [
        Candidate(other, float(score), reason)
        for other, score in zip(snapshot.ids[near].tolist(), closeness, strict=True)
        if other not in seen
    ]
    yield Draft(reason, candidates, personal=True, strength=0.5 ** (max(visit.now - at, 0) / DAY))


def buy_again(visit: Visit, scored: scoring.Scored) -> Iterator[Draft]:
    """What the customer bought repeatedly, or once if it is of the kind that is bought again."""
    own = np.flatnonzero(np.isin(scored.places, selection.bought_again(scored.snapshot, scored.person)))[
        : selection.DEPTH
    ]
    yield Draft(Reason("buy_again"), [scored.candidate(row) for row in own.tolist()], personal=True, fewest=2)


def bestsellers(visit: Visit, snapshot: Learned) -> Iterator[Draft]:
    """What most customers bought lately."""
    places, score = selection.best(snapshot.scores("popular").score)
    yield Draft(Reason("bestsellers"), bought_by(snapshot, places, score), fewest=1)


def bestsellers_by_oscar(visit: Visit) -> Iterator[Draft]:
    """What was bought most, as Oscar's own analytics count it: known before any training."""
    rows = catalogue.bestsellers(selection.DEPTH)
    candidates = [Candidate(key, times, Reason("bought_times", {"times": times})) for key, times in rows]
    yield Draft(Reason("bestsellers"), candidates, fewest=1)


def latest(visit: Visit) -> Iterator[Draft]:
    """The newest products: there are some in any shop that sells anything."""
    reason = Reason("latest")
    yield Draft(reason, [Candidate(key, 0, reason) for key in catalogue.newest(selection.DEPTH)], fewest=1)


def bought_by(snapshot: Learned, places: NDArray, score: NDArray) -> list[Candidate]:
    """Those of these products that anybody bought lately, in their order, each with how many did."""
    rows = zip(snapshot.ids[places].tolist(), places.tolist(), score.tolist(), strict=True)
    found = [Candidate(key, value, scoring.bought_by(snapshot, place)) for key, place, value in rows]
    return [candidate for candidate in found if candidate.reason.code == "bought_by"]
