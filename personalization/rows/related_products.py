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
MIN_ALTERNATIVES = 3
"""Where fewer alternatives than this are known, the best-selling products of the leaf category stand below them."""
FILLED_UP_WEIGHT = 0.5
"""How near the first of those come to the last of the others: the visitor's affinity does not bring them in front."""
MIN_SIZE_RATIO = 0.9
"""An upsell holds at least this part of what the product holds, ..."""
MIN_UNIT_PRICE_RATIO = 1.05
"""... and costs at least this multiple of it by the unit: a larger pack alone is no better."""
AFFINITY_BOOST = 0.3
"""How much the visitor's affinity raises a score at most: closeness to the product comes first."""
MAX_REPLACED_LINES = 2
"""Replacements are shown for at most this many basket lines that cannot be bought, ..."""
MAX_REPLACEMENTS = 3
"""... and at most this many for each."""
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
    """What goes with it more than with others, from another leaf category, and is no substitute for it."""


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
        products = catalogue.category_bestsellers(category, selection.MAX_CANDIDATES, visit.timestamp)
        params = {"category": category.pk, "name": category.label, "sold": any(times for _key, times in products)}
        reason = Reason(MORE_IN_CATEGORY.code, params)
        keys = [key for key, _times in products]
        yield RowCandidate([Candidate(product_ref(key), 0, reason) for key in keys], params)


def related_to(visit: Visit, snapshot: SnapshotArrays) -> RelatedProducts:
    """What is related to the product of this visit; nothing where the snapshot does not know it."""
    (index,) = snapshot.product_indices([visit.product or 0]).tolist()
    if index < 0:
        return NO_RELATED_PRODUCTS
    neighbours = {name: _find_neighbours(snapshot, name, index) for name in ALTERNATIVE_REASONS}
    better, _weight = upsells = _find_upsells(snapshot, index)
    similar = _find_alternatives(snapshot, index, list(neighbours.values()))
    alternatives = _exclude_products(_fill_up(snapshot, index, similar), better)
    complements = _find_complements(snapshot, index)
    alternatives, upsells, complements = _boost_by_affinity(visit, snapshot, [alternatives, upsells, complements])
    codes = dict.fromkeys(alternatives[0].tolist(), SIMILAR.code) | {
        other: ALTERNATIVE_REASONS[name]
        for name in reversed(ALTERNATIVE_REASONS)
        for other in neighbours[name][0].tolist()
    }
    return RelatedProducts(
        _reasoned_candidates(visit, snapshot, alternatives, codes),
        _reasoned_candidates(visit, snapshot, upsells, dict.fromkeys(better.tolist(), "upsell")),
        _reasoned_candidates(visit, snapshot, complements, dict.fromkeys(complements[0].tolist(), "bought_together")),
    )


def closest_alternatives(visit: Visit, snapshot: SnapshotArrays | None, product: int) -> list[int]:
    """The keys of the alternatives to a product, as its own page would name them, the closest first; none where the
    shop has learned nothing yet."""
    if snapshot is None:
        return []
    return [one.item.id for one in related_to(replace(visit, product=product), snapshot).alternatives]


def _reasoned_candidates(
    visit: Visit, snapshot: SnapshotArrays, ranked: selection.IndicesAndScores, codes: dict[int, str]
) -> list[Candidate]:
    """The products as candidates. `codes`: by product index, the code of its reason."""
    reasons = {code: Reason(code, {"product": visit.product}) for code in set(codes.values())}
    indices, score = ranked
    rows = zip(snapshot.ids[indices].tolist(), indices.tolist(), score.tolist(), strict=True)
    return [Candidate(product_ref(key), value, reasons[codes[index]]) for key, index, value in rows]


def _find_alternatives(
    snapshot: SnapshotArrays, index: int, neighbours: list[selection.IndicesAndScores]
) -> selection.IndicesAndScores:
    """Those of these neighbours that are from the same leaf category, with the sum of their weights."""
    every_index = np.concatenate([indices for indices, _ in neighbours])
    weight = np.concatenate([weight / max(float(weight.max(initial=0)), 1e-9) for _, weight in neighbours])
    indices, row = np.unique(every_index, return_inverse=True)
    score = np.zeros(len(indices))
    np.add.at(score, row, weight)
    same = _in_same_category(snapshot, index, indices)
    return indices[same], score[same]


def _find_complements(snapshot: SnapshotArrays, index: int) -> selection.IndicesAndScores:
    indices, weight = selection.complements(snapshot, index)
    other = ~_in_same_category(snapshot, index, indices) | (snapshot.arrays["product.leaf_category"][index] < 0)
    substitutes = [_find_neighbours(snapshot, name, index)[0] for name in ("substitutes", "upsell")]
    return _exclude_products((indices[other], weight[other]), np.concatenate(substitutes))


def _best_of_category(snapshot: SnapshotArrays, index: int) -> NDArray[np.int64]:
    """The other products of the same leaf category that enough customers bought, the best-selling first; none where it
    has no category."""
    if snapshot.arrays["product.leaf_category"][index] < 0:
        return np.empty(0, np.int64)
    same = selection.equal_products(snapshot, "product.leaf_category", index)
    best, _customers = selection.top_k(snapshot.scores("all_time_popular").customers[same], same)
    others: NDArray[np.int64] = best[best != index]
    return others


def _fill_up(snapshot: SnapshotArrays, index: int, ranked: selection.IndicesAndScores) -> selection.IndicesAndScores:
    """The ranked products, and where they are too few for a row, below them the best-selling ones of the category."""
    indices, score = ranked
    if len(indices) >= MIN_ALTERNATIVES:
        return ranked
    more = _best_of_category(snapshot, index)
    more = more[~np.isin(more, indices)][: selection.MAX_CANDIDATES - len(indices)]
    least = float(score.min(initial=1.0))
    below = least * (1 - np.arange(1, len(more) + 1) / (len(more) + 1)) * FILLED_UP_WEIGHT
    return np.concatenate([indices, more]), np.concatenate([score, below])


def _find_upsells(snapshot: SnapshotArrays, index: int) -> selection.IndicesAndScores:
    """Dearer products that the same customers buy: never less for more, no larger pack of the same, and where both
    sizes can be read, dearer by the unit. Where a size cannot be read, the price alone decides."""
    arrays = snapshot.arrays
    indices, weight = _find_neighbours(snapshot, "upsell", index)
    if not len(indices) or "product.size" not in arrays:  # a snapshot of an earlier release has none
        return indices, weight
    unit, size, price = arrays["product.size_unit"], arrays["product.size"], arrays["product.price"]
    comparable = (unit[indices] == unit[index]) & (unit[index] > 0) & (size[indices] > 0)
    own_price = price[index] / max(float(size[index]), 1e-9)
    unit_price = price[indices] / np.maximum(size[indices], 1e-9)
    better = (size[indices] >= MIN_SIZE_RATIO * size[index]) & (unit_price >= MIN_UNIT_PRICE_RATIO * own_price)
    other = arrays["product.family"][indices] != arrays["product.family"][index]
    kept = other & (better | ~comparable)
    return indices[kept], weight[kept]


def _boost_by_affinity(
    visit: Visit, snapshot: SnapshotArrays, lists: list[selection.IndicesAndScores]
) -> list[selection.IndicesAndScores]:
    """The lists, each sorted by how close its products are, raised by how much the visitor likes them."""
    every_index = np.unique(np.concatenate([indices for indices, _ in lists]))
    liked = scoring.affinity(visit, snapshot, every_index)
    boosted = [
        (indices, score * (1 + AFFINITY_BOOST * liked[np.searchsorted(every_index, indices)]))
        for indices, score in lists
    ]
    return [selection.top_k(np.round(score, SCORE_DECIMALS), indices) for indices, score in boosted]


def _find_neighbours(snapshot: SnapshotArrays, recommender: str, index: int) -> selection.IndicesAndScores:
    """The neighbours that a recommender has for the product, closest first."""
    neighbours = snapshot.neighbours(recommender)
    indices, weight = neighbours.index[index], neighbours.weight[index]
    filled = indices >= 0
    return indices[filled].astype(np.int64), weight[filled].astype(np.float64)


def _in_same_category(snapshot: SnapshotArrays, index: int, indices: NDArray[np.int64]) -> NDArray[np.bool_]:
    leaf_category = snapshot.arrays["product.leaf_category"]
    is_same: NDArray[np.bool_] = leaf_category[indices] == leaf_category[index]
    return is_same


def _exclude_products(ranked: selection.IndicesAndScores, excluded: NDArray[np.int64]) -> selection.IndicesAndScores:
    indices, score = ranked
    remaining = ~np.isin(indices, excluded)
    return indices[remaining], score[remaining]


def _title_of_similar(params: dict[str, Any]) -> str:
    if params["sold_out"]:
        return pgettext("personalization", "Instead of %(product)s") % params
    return pgettext("personalization", "Similar to %(product)s") % params


SIMILAR = RowType(
    code="similar",
    title=_title_of_similar,
    explanation=lambda params: (
        _("Currently unavailable: these are the closest alternatives")
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
    explanation=lambda params: _("Often bought together with it, or with similar products"),
    discloses_activity=False,
    propose=propose_bought_together,
)
REPLACEMENT = RowType(
    code="replacement",
    title=lambda params: pgettext("personalization", "Instead of %(product)s") % params,
    explanation=lambda params: _("Not available as it is in your basket: these come closest"),
    discloses_activity=False,
    propose=propose_replacement,
    personal=True,
    takes_pins=False,
    min_items=1,
    max_items=MAX_REPLACEMENTS,
)
MORE_IN_CATEGORY = RowType(
    code="more_in_category",
    title=lambda params: pgettext("personalization", "More in %(category)s") % params,
    explanation=lambda params: (
        pgettext("personalization", "Bestsellers first")
        if params["sold"]
        else pgettext("personalization", "The newest first")
    ),
    discloses_activity=False,
    fallback=propose_more_in_category,
)
row_types = (SIMILAR, UPSELL, BOUGHT_TOGETHER, REPLACEMENT, MORE_IN_CATEGORY)
