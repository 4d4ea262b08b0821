"""Products that somebody else chose, a search engine for instance, in the visitor's order."""

from dataclasses import replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from personalization.decide import scoring
from personalization.decide.people import person_of
from personalization.decide.preferences import heeded
from personalization.decide.visit import Visit
from personalization.rank import cold_start
from personalization.rank.snapshot_arrays import Learned
from personalization.recommenders import DAY

WHOLE = 100
"""The strength that leaves nothing of the order that was given, in percent."""


class Basis(StrEnum):
    """What makes an order differ from everybody's."""

    OWN = "own"
    """What is known of the visitor."""
    PLACE = "place"
    """What is bought where they are, or looked at on such a device."""
    ALL = "all"
    """Nothing: it is what everybody buys, or chooses after such a search."""


def basis(visit: Visit, learned: Learned) -> Basis:
    """What the visitor's order of a listing is made from."""
    visit = _of_the_day(visit, learned)
    person = person_of(visit.genome, learned)
    if len(person.own) or len(person.near) or visit.unwanted:
        return Basis.OWN
    local = len(learned.country(visit.country)) or len(learned.device(visit.device))
    return Basis.PLACE if local and not visit.query else Basis.ALL


def reordered(visit: Visit, learned: Learned, strength: int) -> tuple[int, ...]:
    """The visit's listing, moved by `strength` percent of the way from the order given to the visitor's own.

    Each product is drawn from its place in the one to its place in the other: of two products that the orders disagree
    on, one and the same strength swaps them, and no higher one swaps them back. What the snapshot does not know is not
    drawn anywhere. What the visitor does not want stands last at any strength but 0.
    """
    if not strength or not visit.listing:
        return visit.listing
    visit = _of_the_day(visit, learned)
    products = np.array(visit.listing, np.int64)
    given = np.arange(len(products))
    drawn = (WHOLE - strength) * given + strength * _own_places(visit, learned, products)
    unwanted = np.isin(products, sorted(visit.unwanted))
    return tuple(products[np.lexsort((given, drawn, unwanted))].tolist())


def scores(visit: Visit, learned: Learned) -> dict[int, float]:
    """What the visitor's own order goes by, for each product of the listing that the snapshot knows."""
    visit = _of_the_day(visit, learned)
    products = np.array(visit.listing, np.int64)
    places = learned.places(products)
    known = places >= 0
    return dict(zip(products[known].tolist(), _scores(visit, learned, places[known]).tolist(), strict=True))


def _of_the_day(visit: Visit, learned: Learned) -> Visit:
    """The visit as far as an order may look at it: what happens between two pages of a list changes neither."""
    return heeded(replace(visit, now=visit.now - visit.now % DAY, recent=(), basket=frozenset()), learned)


def _own_places(visit: Visit, learned: Learned, products: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each product stands in the visitor's order; the products that nothing is known of where they stood."""
    places = learned.places(products)
    (known,) = np.nonzero(places >= 0)
    best_first = np.lexsort((known, -_scores(visit, learned, places[known])))
    own = np.arange(len(products))
    own[known[best_first]] = known
    return own


def _scores(visit: Visit, learned: Learned, places: NDArray[np.int64]) -> NDArray[np.float64]:
    """What stands for each of these places: the search and the visitor, or the visitor alone; for a stranger what
    others in their place buy."""
    known = visit.genome.products or visit.genome.near
    if not known and not visit.query:
        return cold_start.score(learned, places, visit.country, visit.device)
    scored = scoring.for_search(visit, learned) if visit.query else scoring.for_listing(visit, learned)
    score = dict(zip(scored.places.tolist(), scored.score.tolist(), strict=True))
    return np.array([score[place] for place in places.tolist()], np.float64)
