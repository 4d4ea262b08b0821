"""One ranked list over all that the shop learned: candidates, their scores, and the reason for each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.decide.genome_age import fading_until_training
from personalization.decide.slate import Candidate, Reason, product_ref
from personalization.decide.trace import Scoring
from personalization.decide.visit import Visit
from personalization.models import Genome
from personalization.rank import candidates, scorer, search_queries, tasks
from personalization.rank.features import compute_features
from personalization.rank.query_features import EngineHits, align_values, compute_query_features
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rank.tasks import RankingTask
from personalization.rank.visitor_history import NO_BASKET, VisitorHistory

MAX_REASON_ANCHORS = 60
"""At most this many of a visitor's products are named in reasons."""
QUERY_CLICK_WEIGHT = 100.0
"""How much the choices of others after a search raise the odds: those of what one in a hundred chooses are doubled."""
AFFINITY_WEIGHT = 0.1
"""How much the visitor's own affinity raises what others chose at most, where the engine found nothing."""
MIN_SEARCH_SCORE = 1e-3
"""The least score of a hit by default weights."""
ZERO_RESULT_FALLBACK = 20
"""At most this many products that are chosen after searches stand in for what the engine did not find."""


@dataclass(frozen=True)
class ScoredCandidates:
    """Candidates, best first, and what is needed to say why. The arrays hold one entry for each."""

    snapshot: SnapshotArrays
    history: VisitorHistory
    basket: NDArray[np.int64]
    """Indices of the products in the basket."""
    product_indices: NDArray[np.int64]
    score: NDArray[np.float64]
    purchase_probability: NDArray[np.float64]
    """About how likely each is to be bought in the next weeks, or with the basket; in 0..1."""
    query_clickers: Mapping[int, int] = field(default_factory=dict)
    """By product index, how many visitors chose the product after the search in question."""
    learned: bool = False
    """Whether the probabilities were learned; else each is the score's share of all."""
    own_history: VisitorHistory | None = None
    """What the visitor bought themselves, where `history` is their household's."""
    popularity_days: int = 28
    """Over how many days the snapshot counted who bought a product."""

    def to_candidate(self, row: int) -> Candidate:
        """The candidate in this row, with its reason."""
        index = int(self.product_indices[row])
        return Candidate(product_ref(int(self.snapshot.ids[index])), float(self.score[row]), self._find_reason(index))

    def _find_reason(self, index: int) -> Reason:
        """The first of these that is true: chosen after the search, bought before, bought in the household, goes with
        the basket, bought by similar customers, goes with a purchase, with one of the household, bought by many."""
        if index in self.query_clickers:
            return Reason("chosen_after_search", {"visitors": self.query_clickers[index]})
        if (reason := self._purchase_reason(index)) is not None:
            return reason
        if (anchor := self._closest_anchor(self.basket, index)) is not None:
            return Reason("bought_together_with_basket", {"product": anchor})
        if (self.history.neighbour_products == index).any():
            return Reason("similar_customers")
        return self._companion_reason(index) or popularity_reason(self.snapshot, index, self.popularity_days)

    @property
    def _own_history(self) -> VisitorHistory:
        return self.history if self.own_history is None else self.own_history

    def _purchase_reason(self, index: int) -> Reason | None:
        """That they bought it; of what others in the household bought, neither who nor when."""
        alone = self._own_history
        own = np.flatnonzero(alone.purchased == index)
        if len(own):
            return Reason("bought_before", {"days": int(alone.days[own[0]]), "last": float(alone.last[own[0]])})
        return Reason("bought_in_household") if (self.history.purchased == index).any() else None

    def _companion_reason(self, index: int) -> Reason | None:
        """That it goes with what they bought, or else with what somebody in the household did."""
        ways = (("bought_together_with_purchase", self._own_history), ("bought_together_in_household", self.history))
        for code, history in ways:
            if (anchor := self._closest_anchor(history.purchased[:MAX_REASON_ANCHORS], index)) is not None:
                return Reason(code, {"product": anchor})
        return None

    def _closest_anchor(self, anchors: NDArray[np.int64], index: int) -> int | None:
        """The key of that anchor with which the product is bought together most."""
        neighbours = self.snapshot.neighbours("bought_together")
        row, column = np.nonzero(neighbours.index[anchors] == index)
        if not len(row):
            return None
        return int(self.snapshot.ids[anchors[row[np.argmax(neighbours.weight[anchors[row], column])]]])


def sorted_candidates(scored: ScoredCandidates) -> Iterator[Candidate]:
    """The candidates, best first."""
    return (scored.to_candidate(row) for row in range(len(scored.product_indices)))


def popularity_reason(snapshot: SnapshotArrays, index: int, period: int) -> Reason:
    """How many customers bought it within the period of days that the snapshot counted, or that it is in range."""
    customers = int(snapshot.scores("popular").customers[index])
    return Reason("popular", {"customers": customers, "period": period}) if customers else Reason("in_range")


def score_for_visitor(visit: Visit, snapshot: SnapshotArrays) -> ScoredCandidates:
    """What the visitor may want next, old or new."""
    history = visitor_history(visit.genome, snapshot)
    indices = candidates.visitor_candidates(history, snapshot, country=visit.country)
    return _score_candidates(tasks.HOME, visit, snapshot, history, indices)


def score_discovery(visit: Visit, snapshot: SnapshotArrays) -> ScoredCandidates:
    """What the visitor may want next and never bought."""
    history = visitor_history(visit.genome, snapshot)
    indices = candidates.discovery_candidates(history, snapshot, country=visit.country)
    return _score_candidates(tasks.DISCOVERY, visit, snapshot, history, indices)


def score_for_basket(visit: Visit, snapshot: SnapshotArrays) -> ScoredCandidates:
    """What may be missing in the basket; when it is empty, what the visitor may want at all."""
    history = visitor_history(visit.genome, snapshot)
    basket = snapshot.product_indices(sorted(visit.basket))
    basket = basket[basket >= 0][: visit.policy.max_order_products]
    if not len(basket):
        return score_for_visitor(visit, snapshot)
    task = tasks.BASKET if len(history.purchased) else tasks.GUEST_BASKET
    indices = candidates.basket_candidates(history, snapshot, basket)
    return _score_candidates(task, visit, snapshot, history, indices, basket=basket)


def score_listing(visit: Visit, snapshot: SnapshotArrays) -> ScoredCandidates:
    """The visit's candidate products, or those of its category, in the visitor's order."""
    history = visitor_history(visit.genome, snapshot)
    if visit.candidate_products:
        indices = snapshot.product_indices(dict.fromkeys(visit.candidate_products))
        indices = indices[indices >= 0]
    else:
        indices = snapshot.category_products(visit.category or 0).astype(np.int64)
    return _score_candidates(tasks.CATEGORY, visit, snapshot, history, indices)


def score_products(visit: Visit, snapshot: SnapshotArrays, product_ids: list[int]) -> ScoredCandidates:
    """These products, wherever they come from, in the visitor's order; the snapshot knows them."""
    history = visitor_history(visit.genome, snapshot)
    return _score_candidates(tasks.CATEGORY, visit, snapshot, history, snapshot.product_indices(product_ids))


def score_search(visit: Visit, snapshot: SnapshotArrays) -> ScoredCandidates:
    """The visit's candidate products, which come in the engine's order, and what shoppers choose after such a search.

    How likely a visitor is to choose a hit is the ranker's; what others chose after the search multiplies the odds.
    Where the engine found nothing, what others chose decides, and the visitor's own affinity between near-ties.
    """
    listed = snapshot.product_indices(dict.fromkeys(visit.candidate_products))
    hits = EngineHits(visit.query, listed, visit.alternative_queries)
    chosen = search_queries.products_chosen_after_any(hits.wordings, snapshot)
    fallback = _popular_after_search(visit, snapshot)
    indices = np.unique(np.concatenate([listed[listed >= 0], chosen[0], fallback[0]]))
    history = visitor_history(visit.genome, snapshot)
    usual = _score_candidates(tasks.SEARCH, visit, snapshot, history, indices, hits=hits)
    clicks = align_values(*chosen, usual.product_indices) + align_values(*fallback, usual.product_indices)
    own = _search_log_odds(usual, snapshot) if len(listed) else AFFINITY_WEIGHT * _min_max(usual.score)
    score = np.round(own + np.log1p(QUERY_CLICK_WEIGHT * clicks), scorer.SCORE_DECIMALS)
    order = np.lexsort((usual.product_indices, -score))
    return replace(
        usual,
        product_indices=usual.product_indices[order],
        score=score[order],
        purchase_probability=usual.purchase_probability[order],
        query_clickers=search_queries.visitors_choosing(visit.query, snapshot),
    )


def _search_log_odds(scored: ScoredCandidates, snapshot: SnapshotArrays) -> NDArray[np.float64]:
    """What the ranker says of each hit, as the logarithm of odds; by default weights, of the score."""
    if not scored.learned:
        return np.log(np.maximum(scored.score, MIN_SEARCH_SCORE))
    probability = np.clip(scored.purchase_probability, 1e-12, 1 - 1e-12)
    return np.log(probability / (1 - probability))


def affinity(visit: Visit, snapshot: SnapshotArrays, indices: NDArray[np.int64]) -> NDArray[np.float64]:
    """How much more than the others the visitor is likely to choose each of these products, each of which occurs once:
    0..1, in their order. All 0 for a visitor without purchases."""
    history = visitor_history(visit.genome, snapshot)
    if not len(history.purchased) or not len(indices):
        return np.zeros(len(indices))
    usual = _score_candidates(tasks.CATEGORY, visit, snapshot, history, indices)
    return align_values(usual.product_indices, _min_max(usual.score), indices)


def _popular_after_search(visit: Visit, snapshot: SnapshotArrays) -> search_queries.IndexWeightPairs:
    """What is chosen most after searches of any kind, where the engine found nothing; its weight is very small."""
    choices = snapshot.arrays.get("search.choices", np.empty(0))  # a snapshot of an earlier release has none
    best = np.argsort(-choices, kind="stable")[:ZERO_RESULT_FALLBACK]
    best = best[choices[best] > 0]
    if visit.candidate_products or not len(best):
        return search_queries.NO_PAIRS
    return best, choices[best] / choices[best[0]] / 1_000


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
    weight = weight * fading_until_training(genome, snapshot)
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
    indices: NDArray[Any],
    *,
    basket: NDArray[Any] = NO_BASKET,
    hits: EngineHits | None = None,
) -> ScoredCandidates:
    features = compute_features(history, snapshot, snapshot.clamp_time(visit.timestamp), indices, basket)
    if hits is not None:
        features = np.concatenate([features, compute_query_features(hits, snapshot, indices)])
    score = scorer.score_candidates(task, snapshot, features)
    order = np.lexsort((indices, -score))
    ranked, ranked_score = indices[order], score[order]
    probability = scorer.purchase_probabilities(task, snapshot, ranked_score)
    if visit.trace is not None:
        names = tuple(scorer.task_feature_names(task, snapshot))
        visit.trace.scorings.append(
            Scoring(task.name, snapshot, ranked, names, features[:, order], ranked_score, probability)
        )
    return ScoredCandidates(
        snapshot,
        history,
        basket,
        ranked,
        ranked_score,
        probability,
        learned=scorer.load_trees(task, snapshot) is not None,
        own_history=None if visit.own_genome is None else visitor_history(visit.own_genome, snapshot),
        popularity_days=visit.policy.popularity_window_days,
    )
