"""One ranked list over all that the shop learned: candidates, their scores, and the reason for each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from personalization import conf
from personalization.decide.people import person_of
from personalization.decide.slate import Candidate, Reason
from personalization.decide.visit import Visit
from personalization.rank import candidates, scorer, search_queries
from personalization.rank.features import NO_BASKET, features
from personalization.rank.snapshot_arrays import Learned
from personalization.rank.visitor_history import Person

TELLING = 60
"""So many of a visitor's products are named as reasons."""
SAID_BY_OTHERS = 100.0
"""How much what all choose after a search lifts a product: one that one in a hundred chooses is lifted twofold."""
SAID_BY_THEMSELVES = 0.1
"""How much the visitor's own taste lifts a product of a search at most: it decides between near-ties."""
FILLED_UP = 20
"""So many products that are chosen after searches stand in for what the engine did not find."""


@dataclass(frozen=True)
class Scored:
    """Candidates, best first, and what is needed to say why."""

    snapshot: Learned
    person: Person
    basket: NDArray[np.int64]
    places: NDArray[np.int64]
    score: NDArray[np.float64]
    chance: NDArray[np.float64]
    """About how likely each is to be bought in the next weeks, or with the basket; in 0..1."""
    choosers: Mapping[int, int] = field(default_factory=dict)
    """How many visitors chose the products at these places after the search in question."""
    learned: bool = False
    """Whether the chances were learned; else each is the score's share of all."""

    def candidate(self, row: int) -> Candidate:
        """The candidate in this row, with its reason."""
        place = int(self.places[row])
        return Candidate(int(self.snapshot.ids[place]), float(self.score[row]), self._reason(place))

    def _reason(self, place: int) -> Reason:
        """The first of these that is true: chosen after the search, bought before, goes with the basket, bought by
        similar customers, goes with a purchase, bought by many."""
        if place in self.choosers:
            return Reason("chosen_after_search", {"visitors": self.choosers[place]})
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
    return _scored(scorer.HOME, visit.now, snapshot, person, candidates.for_visitor(person, snapshot, visit.country))


def for_new(visit: Visit, snapshot: Learned) -> Scored:
    """What the visitor may want next and never bought."""
    person = person_of(visit.genome, snapshot)
    return _scored(scorer.NEW, visit.now, snapshot, person, candidates.for_new(person, snapshot, visit.country))


def for_basket(visit: Visit, snapshot: Learned) -> Scored:
    """What may be missing in the basket; when it is empty, what the visitor may want at all."""
    person = person_of(visit.genome, snapshot)
    basket = snapshot.places(sorted(visit.basket))
    basket = basket[basket >= 0][: conf.current().basket_cap]
    if not len(basket):
        return for_visitor(visit, snapshot)
    kind = scorer.BASKET if len(person.own) else scorer.GUEST_BASKET
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
    return _scored(scorer.LISTING, visit.now, snapshot, person, places)


def for_search(visit: Visit, snapshot: Learned) -> Scored:
    """What the visit's listing holds, in the engine's order, and what shoppers are known to choose after such a search.

    The engine's order counts, and how often a product is chosen after the search counts more; the visitor's own taste
    decides between near-ties.
    """
    listed = snapshot.places(dict.fromkeys(visit.listing))
    found, instead = search_queries.chosen(visit.query, snapshot), _instead(visit, snapshot)
    places = np.unique(np.concatenate([listed[listed >= 0], found[0], instead[0]]))
    usual = _scored(scorer.LISTING, visit.now, snapshot, person_of(visit.genome, snapshot), places)
    said = _spread(*found, usual.places) + _spread(*instead, usual.places)
    score = _relevance(listed, usual.places) * (1 + SAID_BY_OTHERS * said)
    score = np.round(score * (1 + SAID_BY_THEMSELVES * _relative(usual.score)), scorer.DECIMALS)
    order = np.lexsort((usual.places, -score))
    return replace(
        usual,
        places=usual.places[order],
        score=score[order],
        chance=usual.chance[order],
        choosers=search_queries.visitors(visit.query, snapshot),
    )


def liking(visit: Visit, snapshot: Learned, places: NDArray[np.int64]) -> NDArray[np.float64]:
    """How much more than the others the visitor is likely to choose each of these products, each named once: 0..1, in
    their order. All 0 where nothing is known of them."""
    person = person_of(visit.genome, snapshot)
    if not len(person.own) or not len(places):
        return np.zeros(len(places))
    usual = _scored(scorer.LISTING, visit.now, snapshot, person, places)
    return _spread(usual.places, _relative(usual.score), places)


def _instead(visit: Visit, snapshot: Learned) -> search_queries.Pairs:
    """What is chosen most after searches of any kind, where the engine found nothing; it says next to nothing."""
    times = snapshot.arrays.get("search.chosen", np.empty(0))  # a snapshot of an earlier release has none
    best = np.argsort(-times, kind="stable")[:FILLED_UP]
    best = best[times[best] > 0]
    return search_queries.NOTHING if visit.listing or not len(best) else (best, times[best] / times[best[0]] / 1_000)


def _relevance(listed: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.float64]:
    """How well the engine says that these places fit: it falls gently along its list, to what it did not find."""
    fit = 1 / np.log2(2 + np.arange(len(listed) + 1))
    known = listed >= 0
    return np.maximum(_spread(listed[known], fit[:-1][known], places), fit[-1])


def _spread(given: NDArray[np.int64], values: NDArray, places: NDArray[np.int64]) -> NDArray[np.float64]:
    """The values that are given for some of these places, in the order of the places; 0 for the others."""
    order = np.argsort(places)
    spread = np.zeros(len(places))
    spread[order[np.searchsorted(places, given, sorter=order)]] = values
    return spread


def _relative(score: NDArray[np.float64]) -> NDArray[np.float64]:
    """The scores stretched over 0..1."""
    if not len(score):
        return score
    return (score - score.min()) / max(float(np.ptp(score)), 1e-9)


def _scored(
    kind: str, now: float, snapshot: Learned, person: Person, places: NDArray, *, basket: NDArray = NO_BASKET
) -> Scored:
    score = scorer.score(kind, snapshot, features(person, snapshot, snapshot.clock(now), places, basket))
    order = np.lexsort((places, -score))
    places, score = places[order], score[order]
    learned = scorer.learned_trees(kind, snapshot) is not None
    return Scored(snapshot, person, basket, places, score, scorer.chances(kind, snapshot, score), learned=learned)
