"""One ranked list over all that the shop learned: candidates, their scores, and the reason for each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.decide.slate import Candidate, Reason, product_ref
from personalization.decide.trace import Scoring
from personalization.decide.visit import Visit
from personalization.models import Genome
from personalization.rank import candidates, scorer, search_queries, tasks
from personalization.rank.features import compute_features
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rank.tasks import RankingTask
from personalization.rank.visitor_history import NO_BASKET, VisitorHistory

MAX_REASON_ANCHORS = 60
"""So many of a visitor's products are named as reasons."""
QUERY_CLICK_WEIGHT = 100.0
"""How much what all choose after a search lifts a product: one that one in a hundred chooses is lifted twofold."""
AFFINITY_WEIGHT = 0.1
"""How much the visitor's own taste lifts a product of a search at most: it decides between near-ties."""
ZERO_RESULT_FALLBACK = 20
"""So many products that are chosen after searches stand in for what the engine did not find."""


@dataclass(frozen=True)
class ScoredCandidates:
    """Candidates, best first, and what is needed to say why."""

    snapshot: SnapshotArrays
    history: VisitorHistory
    basket: NDArray[np.int64]
    product_indices: NDArray[np.int64]
    score: NDArray[np.float64]
    purchase_probability: NDArray[np.float64]
    """About how likely each is to be bought in the next weeks, or with the basket; in 0..1."""
    query_clickers: Mapping[int, int] = field(default_factory=dict)
    """How many visitors chose the products at these places after the search in question."""
    learned: bool = False
    """Whether the probabilities were learned; else each is the score's share of all."""
    popularity_days: int = 28
    """Over how many days the snapshot counted who bought a product."""

    def to_candidate(self, row: int) -> Candidate:
        """The candidate in this row, with its reason."""
        place = int(self.product_indices[row])
        return Candidate(product_ref(int(self.snapshot.ids[place])), float(self.score[row]), self._reason(place))

    def _reason(self, place: int) -> Reason:
        """The first of these that is true: chosen after the search, bought before, goes with the basket, bought by
        similar customers, goes with a purchase, bought by many."""
        if place in self.query_clickers:
            return Reason("chosen_after_search", {"visitors": self.query_clickers[place]})
        own = np.flatnonzero(self.history.purchased == place)
        if len(own):
            days, last = int(self.history.days[own[0]]), float(self.history.last[own[0]])
            return Reason("bought_before", {"days": days, "last": last})
        if (anchor := self._closest_anchor(self.basket, place)) is not None:
            return Reason("bought_together_with_basket", {"product": anchor})
        if (self.history.neighbour_products == place).any():
            return Reason("similar_customers")
        if (anchor := self._closest_anchor(self.history.purchased[:MAX_REASON_ANCHORS], place)) is not None:
            return Reason("bought_together_with_purchase", {"product": anchor})
        return popularity_reason(self.snapshot, place, self.popularity_days)

    def _closest_anchor(self, anchors: NDArray[np.int64], place: int) -> int | None:
        """The key of that anchor with which the product lies in one basket most."""
        near = self.snapshot.neighbours("bought_together")
        row, column = np.nonzero(near.index[anchors] == place)
        if not len(row):
            return None
        return int(self.snapshot.ids[anchors[row[np.argmax(near.weight[anchors[row], column])]]])


def sorted_candidates(scored: ScoredCandidates) -> Iterator[Candidate]:
    """The candidates, best first."""
    return (scored.to_candidate(row) for row in range(len(scored.product_indices)))


def popularity_reason(snapshot: SnapshotArrays, place: int, period: int) -> Reason:
    """How many customers bought it within the period of days that the snapshot counted, or that it is in range."""
    customers = int(snapshot.scores("popular").customers[place])
    return Reason("popular", {"customers": customers, "period": period}) if customers else Reason("in_range")


def score_for_visitor(visit: Visit, snapshot: SnapshotArrays) -> ScoredCandidates:
    """What the visitor may want next, old or new."""
    person = visitor_history(visit.genome, snapshot)
    return _score_candidates(
        tasks.HOME, visit, snapshot, person, candidates.visitor_candidates(person, snapshot, country=visit.country)
    )


def score_discovery(visit: Visit, snapshot: SnapshotArrays) -> ScoredCandidates:
    """What the visitor may want next and never bought."""
    person = visitor_history(visit.genome, snapshot)
    return _score_candidates(
        tasks.DISCOVERY,
        visit,
        snapshot,
        person,
        candidates.discovery_candidates(person, snapshot, country=visit.country),
    )


def score_for_basket(visit: Visit, snapshot: SnapshotArrays) -> ScoredCandidates:
    """What may be missing in the basket; when it is empty, what the visitor may want at all."""
    person = visitor_history(visit.genome, snapshot)
    basket = snapshot.product_indices(sorted(visit.basket))
    basket = basket[basket >= 0][: visit.policy.max_order_products]
    if not len(basket):
        return score_for_visitor(visit, snapshot)
    kind = tasks.BASKET if len(person.purchased) else tasks.GUEST_BASKET
    places = candidates.basket_candidates(person, snapshot, basket)
    return _score_candidates(kind, visit, snapshot, person, places, basket=basket)


def score_listing(visit: Visit, snapshot: SnapshotArrays) -> ScoredCandidates:
    """The products of the visit's listing, or of its category, in the visitor's order."""
    person = visitor_history(visit.genome, snapshot)
    if visit.candidate_products:
        places = snapshot.product_indices(dict.fromkeys(visit.candidate_products))
        places = places[places >= 0]
    else:
        places = snapshot.category_products(visit.category or 0).astype(np.int64)
    return _score_candidates(tasks.CATEGORY, visit, snapshot, person, places)


def score_search(visit: Visit, snapshot: SnapshotArrays) -> ScoredCandidates:
    """What the visit's listing holds, in the engine's order, and what shoppers are known to choose after such a search.

    The engine's order counts, and how often a product is chosen after the search counts more; the visitor's own taste
    decides between near-ties.
    """
    listed = snapshot.product_indices(dict.fromkeys(visit.candidate_products))
    found, instead = search_queries.products_chosen_after(visit.query, snapshot), _popular_after_search(visit, snapshot)
    places = np.unique(np.concatenate([listed[listed >= 0], found[0], instead[0]]))
    usual = _score_candidates(tasks.CATEGORY, visit, snapshot, visitor_history(visit.genome, snapshot), places)
    said = _align_values(*found, usual.product_indices) + _align_values(*instead, usual.product_indices)
    score = _engine_relevance(listed, usual.product_indices) * (1 + QUERY_CLICK_WEIGHT * said)
    score = np.round(score * (1 + AFFINITY_WEIGHT * _min_max(usual.score)), scorer.SCORE_DECIMALS)
    order = np.lexsort((usual.product_indices, -score))
    return replace(
        usual,
        product_indices=usual.product_indices[order],
        score=score[order],
        purchase_probability=usual.purchase_probability[order],
        query_clickers=search_queries.visitors_choosing(visit.query, snapshot),
    )


def affinity(visit: Visit, snapshot: SnapshotArrays, places: NDArray[np.int64]) -> NDArray[np.float64]:
    """How much more than the others the visitor is likely to choose each of these products, each named once: 0..1, in
    their order. All 0 where nothing is known of them."""
    person = visitor_history(visit.genome, snapshot)
    if not len(person.purchased) or not len(places):
        return np.zeros(len(places))
    usual = _score_candidates(tasks.CATEGORY, visit, snapshot, person, places)
    return _align_values(usual.product_indices, _min_max(usual.score), places)


def _popular_after_search(visit: Visit, snapshot: SnapshotArrays) -> search_queries.IndexWeightPairs:
    """What is chosen most after searches of any kind, where the engine found nothing; it says next to nothing."""
    times = snapshot.arrays.get("search.choices", np.empty(0))  # a snapshot of an earlier release has none
    best = np.argsort(-times, kind="stable")[:ZERO_RESULT_FALLBACK]
    best = best[times[best] > 0]
    return (
        search_queries.NO_PAIRS
        if visit.candidate_products or not len(best)
        else (best, times[best] / times[best[0]] / 1_000)
    )


def _engine_relevance(listed: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.float64]:
    """How well the engine says that these places fit: it falls gently along its list, to what it did not find."""
    fit = 1 / np.log2(2 + np.arange(len(listed) + 1))
    known = listed >= 0
    relevance: NDArray[np.float64] = np.maximum(_align_values(listed[known], fit[:-1][known], places), fit[-1])
    return relevance


def _align_values(given: NDArray[np.int64], values: NDArray[Any], places: NDArray[np.int64]) -> NDArray[np.float64]:
    """The values that are given for some of these places, in the order of the places; 0 for the others."""
    order = np.argsort(places)
    spread = np.zeros(len(places))
    spread[order[np.searchsorted(places, given, sorter=order)]] = values
    return spread


def _min_max(score: NDArray[np.float64]) -> NDArray[np.float64]:
    """The scores stretched over 0..1."""
    if not len(score):
        return score
    scaled: NDArray[np.float64] = (score - score.min()) / max(float(np.ptp(score)), 1e-9)
    return scaled


def visitor_history(genome: Genome, snapshot: SnapshotArrays) -> VisitorHistory:
    """The visitor behind a genome, in indices of a snapshot; what the snapshot does not know is left out."""
    if not genome.products and not genome.neighbour_products:
        return VisitorHistory.empty()
    purchased, (weight, days, last, first) = _lookup_history(genome.products, snapshot, columns=4)
    neighbours, (neighbour_weight,) = _lookup_history(genome.neighbour_products, snapshot, columns=1)
    return VisitorHistory(purchased, weight, days.astype(np.int64), first, last, neighbours, neighbour_weight)


def _lookup_history(
    rows: list[list[Any]], snapshot: SnapshotArrays, columns: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(indices, the columns after the key) of the rows whose key the snapshot knows."""
    table = np.array(rows, np.float64).reshape(-1, columns + 1)
    indices = snapshot.product_indices(table[:, 0].astype(np.int64))
    in_snapshot = indices >= 0
    return indices[in_snapshot], table[in_snapshot, 1:].T


def _score_candidates(
    task: RankingTask,
    visit: Visit,
    snapshot: SnapshotArrays,
    history: VisitorHistory,
    places: NDArray[Any],
    *,
    basket: NDArray[Any] = NO_BASKET,
) -> ScoredCandidates:
    features = compute_features(history, snapshot, snapshot.clamp_time(visit.timestamp), places, basket)
    score = scorer.score_candidates(task, snapshot, features)
    order = np.lexsort((places, -score))
    ranked, ranked_score = places[order], score[order]
    probability = scorer.purchase_probabilities(task, snapshot, ranked_score)
    if visit.trace is not None:
        visit.trace.scorings.append(Scoring(task.name, snapshot, ranked, features[:, order], ranked_score, probability))
    return ScoredCandidates(
        snapshot,
        history,
        basket,
        ranked,
        ranked_score,
        probability,
        learned=scorer.load_trees(task, snapshot) is not None,
        popularity_days=visit.policy.popularity_window_days,
    )
