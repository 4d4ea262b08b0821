"""What stands beside a product: what does its job, what does it better, and what goes with it. Nothing is in two of
these, and nothing that goes with a product could stand in for it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from personalization.decide import scoring, selection
from personalization.decide.slate import Candidate, Reason
from personalization.decide.visit import Visit
from personalization.rank.scorer import DECIMALS
from personalization.rank.snapshot_arrays import Learned

BAND = (1.1, 1.8)
"""What a better version may cost, in so many times the price of the product."""
TASTE = 0.3
"""How much the visitor's own taste lifts a product at most: how close it is to the page's product comes first."""
SOURCES = {
    "view_to_purchase": "bought_after_a_look",
    "substitutes": "like_it_at_its_price",
    "content_similarity": "described_like_it",
}
"""The recommenders that know what does a product's job, and the reason that each gives; the first that is true is
told."""


@dataclass(frozen=True)
class Beside:
    """What stands beside one product, each list best first."""

    alternatives: list[Candidate]
    """Of the same kind: what others bought after a look at it, what is like it at its price, what is described like it.
    Each of the three says as much as its closest product."""
    better: list[Candidate]
    """Dearer ones of the same kind that the same customers buy."""
    add_ons: list[Candidate]
    """What others put in one basket with it, of another kind, that is no substitute for it."""


NOTHING = Beside([], [], [])


def of(visit: Visit, snapshot: Learned) -> Beside:
    """What stands beside the product of this visit; nothing where the snapshot does not know it."""
    (place,) = snapshot.places([visit.product or 0]).tolist()
    if place < 0:
        return NOTHING
    linked = {name: _linked(snapshot, name, place) for name in SOURCES}
    better, _ = dearer = _linked(snapshot, "upsell", place)
    alternatives = _without(_alike(snapshot, place, list(linked.values())), better)
    alternatives, dearer, add_ons = _by_taste(visit, snapshot, [alternatives, dearer, _add_ons(snapshot, place)])
    codes = {found: SOURCES[name] for name in reversed(SOURCES) for found in linked[name][0].tolist()}
    return Beside(
        _candidates(visit, snapshot, alternatives, codes),
        _candidates(visit, snapshot, dearer, dict.fromkeys(better.tolist(), "step_up")),
        _candidates(visit, snapshot, add_ons, dict.fromkeys(add_ons[0].tolist(), "bought_with")),
    )


def _candidates(visit: Visit, snapshot: Learned, ranked: selection.Ranked, codes: dict[int, str]) -> list[Candidate]:
    reasons = {code: Reason(code, {"product": visit.product}) for code in set(codes.values())}
    places, score = ranked
    rows = zip(snapshot.ids[places].tolist(), places.tolist(), score.tolist(), strict=True)
    return [Candidate(key, value, reasons[codes[place]]) for key, place, value in rows]


def _alike(snapshot: Learned, place: int, linked: list[selection.Ranked]) -> selection.Ranked:
    """What these links lead to, of the same kind."""
    places = np.concatenate([found for found, _ in linked])
    weight = np.concatenate([weight / max(float(weight.max(initial=0)), 1e-9) for _, weight in linked])
    found, row = np.unique(places, return_inverse=True)
    score = np.zeros(len(found))
    np.add.at(score, row, weight)
    same = _same_kind(snapshot, place, found)
    return found[same], score[same]


def _add_ons(snapshot: Learned, place: int) -> selection.Ranked:
    found, weight = _linked(snapshot, "bought_together", place)
    other = ~_same_kind(snapshot, place, found) | (snapshot.arrays["product.kind"][place] < 0)
    substitutes = [_linked(snapshot, name, place)[0] for name in ("substitutes", "upsell")]
    return _without((found[other], weight[other]), np.concatenate(substitutes))


def _by_taste(visit: Visit, snapshot: Learned, lists_of: list[selection.Ranked]) -> list[selection.Ranked]:
    """The same, each list in the order of how close its products are, and of how much the visitor likes them."""
    known = np.unique(np.concatenate([places for places, _ in lists_of]))
    liked = scoring.liking(visit, snapshot, known)
    lifted = [(places, score * (1 + TASTE * liked[np.searchsorted(known, places)])) for places, score in lists_of]
    return [selection.best(np.round(score, DECIMALS), places) for places, score in lifted]


def _linked(snapshot: Learned, name: str, place: int) -> selection.Ranked:
    """What a recommender links with the product, closest first."""
    near = snapshot.neighbours(name)
    index, weight = near.index[place], near.weight[place]
    kept = index >= 0
    return index[kept].astype(np.int64), weight[kept].astype(np.float64)


def _same_kind(snapshot: Learned, place: int, places: NDArray[np.int64]) -> NDArray[np.bool_]:
    kind = snapshot.arrays["product.kind"]
    return kind[places] == kind[place]


def _without(ranked: selection.Ranked, away: NDArray[np.int64]) -> selection.Ranked:
    places, score = ranked
    left = ~np.isin(places, away)
    return places[left], score[left]
