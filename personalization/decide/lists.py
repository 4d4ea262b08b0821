"""One ranked list over all that the shop learned: candidates, their scores, and the reason for each."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from personalization import conf
from personalization.decide.people import person_of
from personalization.decide.slate import Candidate, Reason
from personalization.decide.visit import Visit
from personalization.rank import blend, candidates
from personalization.rank.features import NO_BASKET, features
from personalization.rank.learned import Learned
from personalization.rank.person import Person

TELLING = 60
"""So many of a visitor's products are named as reasons."""


@dataclass(frozen=True)
class Scored:
    """Candidates, best first, and what is needed to say why."""

    snapshot: Learned
    person: Person
    basket: NDArray[np.int64]
    places: NDArray[np.int64]
    score: NDArray[np.float64]
    chance: NDArray[np.float64]
    """About how likely each is to be bought in the next weeks, in 0..1."""

    def candidate(self, row: int) -> Candidate:
        """The candidate in this row, with its reason."""
        place = int(self.places[row])
        return Candidate(int(self.snapshot.ids[place]), float(self.score[row]), self._reason(place))

    def _reason(self, place: int) -> Reason:
        """The first of these that is true: bought before, goes with the basket, bought by similar customers, goes with
        a purchase, bought by many."""
        own = np.flatnonzero(self.person.own == place)
        if len(own):
            days, last = int(self.person.days[own[0]]), float(self.person.last[own[0]])
            return Reason("bought_before", {"days": days, "last": last})
        if (anchor := self._closest(self.basket, place)) is not None:
            return Reason("goes_with_basket", {"product": anchor})
        if (self.person.near == place).any():
            return Reason("similar_customers")
        if (anchor := self._closest(self.person.own[:TELLING], place)) is not None:
            return Reason("goes_with", {"product": anchor})
        return bought_by(self.snapshot, place)

    def _closest(self, anchors: NDArray[np.int64], place: int) -> int | None:
        """The key of that anchor with which the product lies in one basket most."""
        near = self.snapshot.neighbours("bought_together")
        row, column = np.nonzero(near.index[anchors] == place)
        if not len(row):
            return None
        return int(self.snapshot.ids[anchors[row[np.argmax(near.weight[anchors[row], column])]]])


def in_order(scored: Scored) -> Iterator[Candidate]:
    """The candidates, best first."""
    return (scored.candidate(row) for row in range(len(scored.places)))


def bought_by(snapshot: Learned, place: int) -> Reason:
    """How many bought it lately, or that it is simply there."""
    customers = int(snapshot.scores("popular").customers[place])
    period = conf.current().popular_days
    return Reason("bought_by", {"customers": customers, "period": period}) if customers else Reason("listed")


def for_visitor(visit: Visit, snapshot: Learned) -> Scored:
    """What the visitor may want next, old or new."""
    person = person_of(visit.genome, snapshot)
    return _scored(blend.HOME, visit.now, snapshot, person, candidates.for_visitor(person, snapshot, visit.country))


def for_new(visit: Visit, snapshot: Learned) -> Scored:
    """What the visitor may want next and never bought."""
    person = person_of(visit.genome, snapshot)
    return _scored(blend.NEW, visit.now, snapshot, person, candidates.for_new(person, snapshot, visit.country))


def for_basket(visit: Visit, snapshot: Learned) -> Scored:
    """What may be missing in the basket; when it is empty, what the visitor may want at all."""
    person = person_of(visit.genome, snapshot)
    basket = snapshot.places(sorted(visit.basket))
    basket = basket[basket >= 0][: conf.current().basket_cap]
    if not len(basket):
        return for_visitor(visit, snapshot)
    kind = blend.BASKET if len(person.own) else blend.GUEST_BASKET
    places = candidates.for_basket(person, basket, snapshot)
    return _scored(kind, visit.now, snapshot, person, places, basket=basket)


def for_listing(visit: Visit, snapshot: Learned) -> Scored:
    """The products of the visit's listing, or of its category, in the visitor's order."""
    person = person_of(visit.genome, snapshot)
    if visit.listing:
        places = snapshot.places(dict.fromkeys(visit.listing))
        places = places[places >= 0]
    else:
        places = snapshot.category(visit.category or 0).astype(np.int64)
    return _scored(blend.LISTING, visit.now, snapshot, person, places)


def _scored(
    kind: str, now: float, snapshot: Learned, person: Person, places: NDArray, *, basket: NDArray = NO_BASKET
) -> Scored:
    score = blend.score(kind, snapshot, features(person, snapshot, snapshot.clock(now), places, basket))
    order = np.lexsort((places, -score))
    places, score = places[order], score[order]
    return Scored(snapshot, person, basket, places, score, blend.chances(kind, snapshot, score))
