"""What stands beside a product: what does its job, what does it better, and what goes with it. Nothing is in two of
these, and nothing that goes with a product could stand in for it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from personalization.decide import scoring, selection
from personalization.decide.slate import Candidate, Reason
from personalization.decide.visit import Visit
from personalization.rank.scorer import SCORE_DECIMALS
from personalization.rank.snapshot_arrays import SnapshotArrays

UPSELL_PRICE_RANGE = (1.1, 1.8)
"""What a better version may cost, in so many times the price of the product."""
AFFINITY_BOOST = 0.3
"""How much the visitor's own taste lifts a product at most: how close it is to the page's product comes first."""
ALTERNATIVE_REASONS = {
    "view_to_purchase": "bought_after_viewing",
    "substitutes": "similar_price",
    "content_similarity": "similar_description",
}
"""The recommenders that know what does a product's job, and the reason that each gives; the first that is true is
told."""


@dataclass(frozen=True)
class RelatedProducts:
    """What stands beside one product, each list best first."""

    alternatives: list[Candidate]
    """Of the same kind: what others bought after a look at it, what is like it at its price, what is described like it.
    Each of the three says as much as its closest product."""
    upsells: list[Candidate]
    """Dearer ones of the same kind that the same customers buy."""
    complements: list[Candidate]
    """What others put in one basket with it, of another kind, that is no substitute for it."""


NO_RELATED_PRODUCTS = RelatedProducts([], [], [])


def related_to(visit: Visit, snapshot: SnapshotArrays) -> RelatedProducts:
    """What stands beside the product of this visit; nothing where the snapshot does not know it."""
    (place,) = snapshot.product_indices([visit.product or 0]).tolist()
    if place < 0:
        return NO_RELATED_PRODUCTS
    linked = {name: _linked_products(snapshot, name, place) for name in ALTERNATIVE_REASONS}
    better, _ = dearer = _linked_products(snapshot, "upsell", place)
    alternatives = _exclude_products(_alternatives(snapshot, place, list(linked.values())), better)
    alternatives, dearer, add_ons = _boost_by_affinity(
        visit, snapshot, [alternatives, dearer, _complements(snapshot, place)]
    )
    codes = {
        found: ALTERNATIVE_REASONS[name] for name in reversed(ALTERNATIVE_REASONS) for found in linked[name][0].tolist()
    }
    return RelatedProducts(
        _reasoned_candidates(visit, snapshot, alternatives, codes),
        _reasoned_candidates(visit, snapshot, dearer, dict.fromkeys(better.tolist(), "upsell")),
        _reasoned_candidates(visit, snapshot, add_ons, dict.fromkeys(add_ons[0].tolist(), "bought_together")),
    )


def _reasoned_candidates(
    visit: Visit, snapshot: SnapshotArrays, ranked: selection.IndicesAndScores, codes: dict[int, str]
) -> list[Candidate]:
    reasons = {code: Reason(code, {"product": visit.product}) for code in set(codes.values())}
    places, score = ranked
    rows = zip(snapshot.ids[places].tolist(), places.tolist(), score.tolist(), strict=True)
    return [Candidate(key, value, reasons[codes[place]]) for key, place, value in rows]


def _alternatives(
    snapshot: SnapshotArrays, place: int, linked: list[selection.IndicesAndScores]
) -> selection.IndicesAndScores:
    """What these links lead to, of the same kind."""
    places = np.concatenate([found for found, _ in linked])
    weight = np.concatenate([weight / max(float(weight.max(initial=0)), 1e-9) for _, weight in linked])
    found, row = np.unique(places, return_inverse=True)
    score = np.zeros(len(found))
    np.add.at(score, row, weight)
    same = _in_same_category(snapshot, place, found)
    return found[same], score[same]


def _complements(snapshot: SnapshotArrays, place: int) -> selection.IndicesAndScores:
    found, weight = _linked_products(snapshot, "bought_together", place)
    other = ~_in_same_category(snapshot, place, found) | (snapshot.arrays["product.leaf_category"][place] < 0)
    substitutes = [_linked_products(snapshot, name, place)[0] for name in ("substitutes", "upsell")]
    return _exclude_products((found[other], weight[other]), np.concatenate(substitutes))


def _boost_by_affinity(
    visit: Visit, snapshot: SnapshotArrays, lists_of: list[selection.IndicesAndScores]
) -> list[selection.IndicesAndScores]:
    """The same, each list in the order of how close its products are, and of how much the visitor likes them."""
    known = np.unique(np.concatenate([places for places, _ in lists_of]))
    liked = scoring.affinity(visit, snapshot, known)
    lifted = [
        (places, score * (1 + AFFINITY_BOOST * liked[np.searchsorted(known, places)])) for places, score in lists_of
    ]
    return [selection.top_k(np.round(score, SCORE_DECIMALS), places) for places, score in lifted]


def _linked_products(snapshot: SnapshotArrays, name: str, place: int) -> selection.IndicesAndScores:
    """What a recommender links with the product, closest first."""
    near = snapshot.neighbours(name)
    index, weight = near.index[place], near.weight[place]
    kept = index >= 0
    return index[kept].astype(np.int64), weight[kept].astype(np.float64)


def _in_same_category(snapshot: SnapshotArrays, place: int, places: NDArray[np.int64]) -> NDArray[np.bool_]:
    kind = snapshot.arrays["product.leaf_category"]
    return kind[places] == kind[place]


def _exclude_products(ranked: selection.IndicesAndScores, away: NDArray[np.int64]) -> selection.IndicesAndScores:
    places, score = ranked
    left = ~np.isin(places, away)
    return places[left], score[left]
