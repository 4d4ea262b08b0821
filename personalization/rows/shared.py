"""Kinds of rows that more than one surface shows."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from personalization.decide import scoring, selection
from personalization.decide.slate import Candidate, Reason, RowCandidate
from personalization.decide.visit import Visit
from personalization.models.events import VIEW_EVENTS
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.recommenders import DAY
from personalization.shop import catalogue


def because_you_viewed(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """What goes with the product that the visitor looked at last; worth the less the longer ago that was."""
    looks = (
        (did.product_id, did.timestamp)
        for did in visit.recent_events
        if did.product_id is not None and did.type in VIEW_EVENTS
    )
    product, at = next(looks, (0, 0.0))
    (place,) = snapshot.product_indices([product]).tolist()
    if place < 0:
        return
    reason = Reason("because_you_viewed", {"product": product})
    seen = {did.product_id for did in visit.recent_events}
    near, closeness = selection.related(snapshot, place)
    candidates = [
        Candidate(other, float(score), reason)
        for other, score in zip(snapshot.ids[near].tolist(), closeness, strict=True)
        if other not in seen
    ]
    yield RowCandidate(reason, candidates, personal=True, expected_share=0.5 ** (max(visit.timestamp - at, 0) / DAY))


def buy_again(visit: Visit, scored: scoring.ScoredCandidates) -> Iterator[RowCandidate]:
    """What the customer bought repeatedly, or once if it is of the kind that is bought again."""
    own = np.flatnonzero(np.isin(scored.product_indices, selection.replenishable(scored.snapshot, scored.history)))[
        : selection.MAX_CANDIDATES
    ]
    yield RowCandidate(
        Reason("buy_again"), [scored.to_candidate(row) for row in own.tolist()], personal=True, min_items=2
    )


def bestsellers(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """What most customers bought lately."""
    places, score = selection.top_k(snapshot.scores("popular").score)
    yield RowCandidate(Reason("bestsellers"), candidates_by_popularity(snapshot, places, score), min_items=1)


def bestsellers_from_analytics(visit: Visit) -> Iterator[RowCandidate]:
    """What was bought most, as Oscar's own analytics count it: known before any training."""
    rows = catalogue.bestsellers(selection.MAX_CANDIDATES)
    candidates = [Candidate(key, times, Reason("bestseller_count", {"times": times})) for key, times in rows]
    yield RowCandidate(Reason("bestsellers"), candidates, min_items=1)


def latest_products(visit: Visit) -> Iterator[RowCandidate]:
    """The newest products: there are some in any shop that sells anything."""
    reason = Reason("latest")
    yield RowCandidate(
        reason, [Candidate(key, 0, reason) for key in catalogue.newest_products(selection.MAX_CANDIDATES)], min_items=1
    )


def candidates_by_popularity(snapshot: SnapshotArrays, places: NDArray, score: NDArray) -> list[Candidate]:
    """Those of these products that anybody bought lately, in their order, each with how many did."""
    rows = zip(snapshot.ids[places].tolist(), places.tolist(), score.tolist(), strict=True)
    found = [Candidate(key, value, scoring.popularity_reason(snapshot, place)) for key, place, value in rows]
    return [candidate for candidate in found if candidate.reason.code == "popular"]
