"""What is related to a product: alternatives, upsells and complements. Nothing is in two of these lists, and no
complement is a substitute."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from numpy.typing import NDArray

from personalization.decide import scoring, selection
from personalization.decide.slate import Candidate, Reason, RowCandidate, RowType, product_ref
from personalization.decide.visit import Visit
from personalization.rank.scorer import SCORE_DECIMALS
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.shop import catalogue

UPSELL_PRICE_RANGE = (1.1, 1.8)
"""What an upsell may cost, as a multiple of the price of the product."""
AFFINITY_BOOST = 0.3
"""How much the visitor's affinity raises a score at most: closeness to the product comes first."""
MAX_REPLACED_LINES = 2
"""Of so many basket lines that cannot be bought a replacement is shown ..."""
MAX_REPLACEMENTS = 3
"""... and so many of each."""
ALTERNATIVE_REASONS = {
    "view_to_purchase": "bought_after_viewing",
    "substitutes": "similar_price",
    "content_similarity": "similar_description",
}
"""The recommenders that know alternatives, and the reason that each gives; the first that applies is shown."""


@dataclass(frozen=True)
class RelatedProducts:
    """What is related to one product, each list best first."""

    alternatives: list[Candidate]
    """From the same leaf category: what others bought after viewing it, what is similar at its price, what has a
    similar description. The three recommenders have equal weight."""
    upsells: list[Candidate]
    """Higher-priced ones of the same leaf category that the same customers buy."""
    complements: list[Candidate]
    """What others put in one basket with it, from another leaf category, that is no substitute for it."""


NO_RELATED_PRODUCTS = RelatedProducts([], [], [])


def propose_similar(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """Alternatives to the product of the page."""
    yield RowCandidate(visit.compute_once(related_to, snapshot).alternatives, {"product": visit.product})


def propose_upsell(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """Better ones for a little more money."""
    yield RowCandidate(visit.compute_once(related_to, snapshot).upsells, {"product": visit.product})


def propose_bought_together(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """What goes with the product of the page."""
    yield RowCandidate(visit.compute_once(related_to, snapshot).complements, {"product": visit.product})


def propose_replacement(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """For each line of the basket that cannot be bought its alternatives."""
    for product in visit.unavailable_basket_products[:MAX_REPLACED_LINES]:
        alternatives = related_to(replace(visit, product=product), snapshot).alternatives
        yield RowCandidate(alternatives[: selection.MAX_CANDIDATES], {"product": product}, expected_share=1.0)


def propose_more_in_category(visit: Visit) -> Iterator[RowCandidate]:
    """What else is in the category of the page's product, by Oscar's own tables: available before any training."""
    category = catalogue.deepest_category(visit.product) if visit.product is not None else None
    if category is not None:
        params = {"category": category.pk, "name": category.name}
        reason = Reason(MORE_IN_CATEGORY.code, params)
        keys = catalogue.category_bestsellers(category, selection.MAX_CANDIDATES)
        yield RowCandidate([Candidate(product_ref(key), 0, reason) for key in keys], params)


def related_to(visit: Visit, snapshot: SnapshotArrays) -> RelatedProducts:
    """What is related to the product of this visit; nothing where the snapshot does not know it."""
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
    return [Candidate(product_ref(key), value, reasons[codes[place]]) for key, place, value in rows]


def _alternatives(
    snapshot: SnapshotArrays, place: int, linked: list[selection.IndicesAndScores]
) -> selection.IndicesAndScores:
    """The neighbours that these recommenders found, from the same leaf category."""
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
    """The lists, each sorted by how close its products are, raised by how much the visitor likes them."""
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
    is_same: NDArray[np.bool_] = kind[places] == kind[place]
    return is_same


def _exclude_products(ranked: selection.IndicesAndScores, away: NDArray[np.int64]) -> selection.IndicesAndScores:
    places, score = ranked
    left = ~np.isin(places, away)
    return places[left], score[left]


def _title_of_similar(params: dict[str, Any]) -> str:
    if params["sold_out"]:
        return pgettext("personalization", "Instead of %(product)s") % params
    return pgettext("personalization", "Similar to %(product)s") % params


SIMILAR = RowType(
    code="similar",
    title=_title_of_similar,
    explanation=lambda params: (
        _("Currently unavailable. These are the closest alternatives")
        if params["sold_out"]
        else _("Alternatives of the same kind")
    ),
    discloses_activity=False,
    propose=propose_similar,
    min_items=1,
)
UPSELL = RowType(
    code="upsell",
    title=lambda params: pgettext("personalization", "Upgrade from %(product)s") % params,
    explanation=lambda params: _("Higher-end alternatives, bought by the same customers"),
    discloses_activity=False,
    propose=propose_upsell,
    min_items=1,
    price_range=UPSELL_PRICE_RANGE,
)
BOUGHT_TOGETHER = RowType(
    code="bought_together",
    title=lambda params: pgettext("personalization", "Goes with %(product)s") % params,
    explanation=lambda params: pgettext("personalization", "Frequently bought together"),
    discloses_activity=False,
    propose=propose_bought_together,
    min_items=2,
)
REPLACEMENT = RowType(
    code="replacement",
    title=lambda params: pgettext("personalization", "Instead of %(product)s") % params,
    explanation=lambda params: _("Not available as it is in your basket. These are the closest alternatives"),
    discloses_activity=False,
    propose=propose_replacement,
    personal=True,
    min_items=1,
    max_items=MAX_REPLACEMENTS,
)
MORE_IN_CATEGORY = RowType(
    code="more_in_category",
    title=lambda params: pgettext("personalization", "More in %(category)s") % params,
    explanation=lambda params: pgettext("personalization", "Bestsellers first"),
    discloses_activity=False,
    fallback=propose_more_in_category,
)
row_types = (SIMILAR, UPSELL, BOUGHT_TOGETHER, REPLACEMENT, MORE_IN_CATEGORY)
