"""Products that somebody else chose, a search engine for instance, in the visitor's order."""

from dataclasses import replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from personalization.decide import scoring
from personalization.decide.people import visitor_history
from personalization.decide.preferences import apply_preferences
from personalization.decide.visit import Visit
from personalization.rank import cold_start
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.recommenders import DAY

FULL_STRENGTH = 100
"""The strength that leaves nothing of the order that was given, in percent."""


class RerankBasis(StrEnum):
    """What makes an order differ from everybody's."""

    PERSONAL = "own"
    """What is known of the visitor."""
    CONTEXTUAL = "place"
    """What is bought where they are, or looked at on such a device."""
    POPULAR = "all"
    """Nothing: it is what everybody buys, or chooses after such a search."""


def rerank_basis(visit: Visit, learned: SnapshotArrays) -> RerankBasis:
    """What the visitor's order of a listing is made from."""
    visit = _day_stable(visit, learned)
    person = visitor_history(visit.genome, learned)
    if len(person.purchased) or len(person.neighbour_products) or visit.excluded_products:
        return RerankBasis.PERSONAL
    local = len(learned.country_products(visit.country)) or len(learned.device_products(visit.device))
    return RerankBasis.CONTEXTUAL if local and not visit.query else RerankBasis.POPULAR


def rerank(visit: Visit, learned: SnapshotArrays, strength: int) -> tuple[int, ...]:
    """The visit's listing, moved by `strength` percent of the way from the order given to the visitor's own.

    Each product is drawn from its place in the one to its place in the other: of two products that the orders disagree
    on, one and the same strength swaps them, and no higher one swaps them back. What the snapshot does not know is not
    drawn anywhere. What the visitor does not want stands last at any strength but 0.
    """
    if not strength or not visit.candidate_products:
        return visit.candidate_products
    visit = _day_stable(visit, learned)
    products = np.array(visit.candidate_products, np.int64)
    given = np.arange(len(products))
    drawn = (FULL_STRENGTH - strength) * given + strength * _personal_ranks(visit, learned, products)
    unwanted = np.isin(products, sorted(visit.excluded_products))
    return tuple(products[np.lexsort((given, drawn, unwanted))].tolist())


def rerank_scores(visit: Visit, learned: SnapshotArrays) -> dict[int, float]:
    """What the visitor's own order goes by, for each product of the listing that the snapshot knows."""
    visit = _day_stable(visit, learned)
    products = np.array(visit.candidate_products, np.int64)
    places = learned.product_indices(products)
    known = places >= 0
    return dict(zip(products[known].tolist(), _personal_scores(visit, learned, places[known]).tolist(), strict=True))


def _day_stable(visit: Visit, learned: SnapshotArrays) -> Visit:
    """The visit as far as an order may look at it: what happens between two pages of a list changes neither."""
    return apply_preferences(
        replace(visit, timestamp=visit.timestamp - visit.timestamp % DAY, recent_events=(), basket=frozenset()), learned
    )


def _personal_ranks(visit: Visit, learned: SnapshotArrays, products: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each product stands in the visitor's order; the products that nothing is known of where they stood."""
    places = learned.product_indices(products)
    (known,) = np.nonzero(places >= 0)
    best_first = np.lexsort((known, -_personal_scores(visit, learned, places[known])))
    own = np.arange(len(products))
    own[known[best_first]] = known
    return own


def _personal_scores(visit: Visit, learned: SnapshotArrays, places: NDArray[np.int64]) -> NDArray[np.float64]:
    """What stands for each of these places: the search and the visitor, or the visitor alone; for a stranger what
    others in their place buy."""
    known = visit.genome.products or visit.genome.neighbour_products
    if not known and not visit.query:
        return cold_start.cold_start_score(learned, places, visit.country, visit.device)
    scored = scoring.score_search(visit, learned) if visit.query else scoring.score_listing(visit, learned)
    score = dict(zip(scored.product_indices.tolist(), scored.score.tolist(), strict=True))
    return np.array([score[place] for place in places.tolist()], np.float64)
