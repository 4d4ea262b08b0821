"""Products that a search engine or an API client chose, in the visitor's order."""

from dataclasses import replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from personalization.decide import scoring
from personalization.decide.preferences import apply_preferences
from personalization.decide.trace import Reranking
from personalization.decide.visit import Visit
from personalization.rank import cold_start
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.recommenders import DAY

FULL_STRENGTH = 100
"""The strength that leaves nothing of the original order, in percent."""


class RerankBasis(StrEnum):
    """What makes a list differ from everybody's."""

    PERSONAL = "personal"
    """The visitor's purchases and preferences."""
    CONTEXTUAL = "contextual"
    """What is bought in their country, or viewed on their kind of device."""
    POPULAR = "popular"
    """Nothing: it is what everybody buys, or chooses after such a search."""

    @property
    def reason_code(self) -> str:
        """The code of the reason why an item is where it is in such a list."""
        return f"{self}_order"


def rerank_basis(visit: Visit, snapshot: SnapshotArrays) -> RerankBasis:
    """What the visitor's order of a list is made from."""
    visit = _day_stable(visit, snapshot)
    history = scoring.visitor_history(visit.genome, snapshot)
    if len(history.purchased) or len(history.neighbour_products) or visit.excluded_products:
        return RerankBasis.PERSONAL
    local = len(snapshot.country_products(visit.country)) or len(snapshot.device_products(visit.device))
    return RerankBasis.CONTEXTUAL if local and not visit.query else RerankBasis.POPULAR


def rerank(visit: Visit, snapshot: SnapshotArrays) -> tuple[int, ...]:
    """The visit's candidate products, moved by the policy's `rerank_strength` percent of the way from their original
    order to the visitor's own.

    Each product is drawn from its position in the one to its position in the other: of two products that the orders
    disagree on, exactly one strength swaps them, and no higher one swaps them back. What the snapshot does not know
    is not drawn anywhere. What the visitor does not want to see is moved to the end, at any strength but 0.
    """
    strength = visit.policy.rerank_strength
    if not strength or not visit.candidate_products:
        return visit.candidate_products
    visit = _day_stable(visit, snapshot)
    products = np.array(visit.candidate_products, np.int64)
    original, personal = np.arange(len(products)), _personal_ranks(visit, snapshot, products)
    drawn = (FULL_STRENGTH - strength) * original + strength * personal
    excluded = np.isin(products, sorted(visit.excluded_products))
    result = tuple(products[np.lexsort((original, drawn, excluded))].tolist())
    if visit.trace is not None:
        visit.trace.rerankings.append(
            Reranking(
                visit.candidate_products,
                tuple(personal.tolist()),
                result,
                strength,
                frozenset(products[excluded].tolist()),
                rerank_scores(replace(visit, trace=None), snapshot),
            )
        )
    return result


def rerank_scores(visit: Visit, snapshot: SnapshotArrays) -> dict[int, float]:
    """What the visitor's own order goes by, for each candidate product that the snapshot knows."""
    visit = _day_stable(visit, snapshot)
    products = np.array(visit.candidate_products, np.int64)
    indices = snapshot.product_indices(products)
    in_snapshot = indices >= 0
    scores = _personal_scores(visit, snapshot, indices[in_snapshot]).tolist()
    return dict(zip(products[in_snapshot].tolist(), scores, strict=True))


def _day_stable(visit: Visit, snapshot: SnapshotArrays) -> Visit:
    """The visit as far as a list may look at it: what happens between two pages of a list changes neither."""
    return apply_preferences(
        replace(visit, timestamp=visit.timestamp - visit.timestamp % DAY, recent_events=(), basket=frozenset()),
        snapshot,
    )


def _personal_ranks(visit: Visit, snapshot: SnapshotArrays, products: NDArray[np.int64]) -> NDArray[np.int64]:
    """The position of each product in the visitor's order; its original one where the snapshot does not know it."""
    indices = snapshot.product_indices(products)
    (positions,) = np.nonzero(indices >= 0)
    best_first = np.lexsort((positions, -_personal_scores(visit, snapshot, indices[positions])))
    ranks = np.arange(len(products))
    ranks[positions[best_first]] = positions
    return ranks


def _personal_scores(visit: Visit, snapshot: SnapshotArrays, indices: NDArray[np.int64]) -> NDArray[np.float64]:
    """The score of each of these products: by the search and the visitor, or the visitor alone; for a stranger by what
    is popular where they are."""
    has_profile = visit.genome.products or visit.genome.neighbour_products
    if not has_profile and not visit.query:
        return cold_start.cold_start_score(snapshot, indices, visit.country, visit.device)
    scored = scoring.score_search(visit, snapshot) if visit.query else scoring.score_listing(visit, snapshot)
    score = dict(zip(scored.product_indices.tolist(), scored.score.tolist(), strict=True))
    return np.array([score[index] for index in indices.tolist()], np.float64)
