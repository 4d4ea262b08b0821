"""For a search that found nothing: what others chose after similar searches, and the categories that it may mean."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from numpy.typing import NDArray

from personalization.decide import scoring, selection
from personalization.decide.slate import RowCandidate, RowType
from personalization.decide.visit import Visit
from personalization.rank import category_names, search_queries
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rows import bestsellers
from personalization.shop.category_labels import category_paths, path_label

MIN_NAME_MATCH = 0.35
"""A category is not meant when the query covers less of its name."""
MIN_UNDERSTOOD_SHARE = 0.3
"""A search is understood when at least this part of it points to products."""
MIN_RELATIVE_SHARE = 0.1
"""A product is not meant when it is chosen less often than this part of the first one."""
MIN_CATEGORY_SHARE = 0.5
"""A category is meant when at least this part of what others chose is in it."""
MAX_CATEGORY_ROWS = 2
MAX_CATEGORY_NAMES = 5_000
"""At most this many category names are compared with the query."""
MAX_BESTSELLERS = 200
"""At most this many bestsellers of a category are put in the visitor's order."""


@dataclass(frozen=True)
class _MatchingCategory:
    """A category that the search may have meant."""

    id: int
    name: str
    expected_share: float
    products: NDArray[np.int64]
    """Indices, the most popular first."""
    own: NDArray[np.bool_]
    """Which of them the visitor, or customers like them, bought."""

    @property
    def params(self) -> dict[str, Any]:
        return {"category": self.id, "name": self.name}


def propose_chosen_after_similar_search(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """What others chose clearly more than anything else, those nearest to the visitor's taste first."""
    chosen, share = _chosen_products(visit, snapshot)
    if not len(chosen):
        return
    meant = chosen[share >= MIN_RELATIVE_SHARE * share.max()]
    scored = scoring.score_search(replace(visit, candidate_products=()), snapshot)
    rows = np.flatnonzero(np.isin(scored.product_indices, meant))[: selection.MAX_CANDIDATES]
    yield RowCandidate([scored.to_candidate(row) for row in rows.tolist()])


def propose_recommended_in_matching_category(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """The visitor's likely products of each matching category in which they, or customers like them, bought."""
    for category in visit.compute_once(_matching_categories, snapshot):
        if not category.own.any():
            continue
        considered = category.own | (np.arange(len(category.products)) < MAX_BESTSELLERS)
        listed = tuple(snapshot.ids[category.products[considered]].tolist())
        scored = scoring.score_listing(replace(visit, candidate_products=listed), snapshot)
        likely = list(islice(scoring.sorted_candidates(scored), selection.MAX_CANDIDATES))
        yield RowCandidate(likely, category.params, expected_share=category.expected_share)


def propose_popular_in_matching_category(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """The bestsellers of each other matching category."""
    for category in visit.compute_once(_matching_categories, snapshot):
        if not category.own.any():
            popular = bestsellers.popular_row(visit, snapshot, category.id)
            yield replace(popular, params={**popular.params, **category.params})


def _matching_categories(visit: Visit, snapshot: SnapshotArrays) -> list[_MatchingCategory]:
    """The categories whose names match the query, best first, then the one where others chose; none within another."""
    paths = category_paths(MAX_CATEGORY_NAMES)
    wordings = (visit.query, *visit.alternative_queries)
    matching = dict.fromkeys(key for query in wordings for key in _sort_by_name_match(query, paths))
    history = scoring.visitor_history(visit.genome, snapshot)
    familiar = np.concatenate([history.purchased, history.neighbour_products])
    matches: list[_MatchingCategory] = []
    for key in dict.fromkeys((*matching, *_chosen_category(visit, snapshot))):
        products = snapshot.category_products(key).astype(np.int64)
        if key in paths and len(products) and not any(_overlap(products, other.products) for other in matches):
            share = 1.0 / (1 + len(matches))
            name = path_label(paths[key], (path for other, path in paths.items() if other != key))
            matches.append(_MatchingCategory(key, name, share, products, np.isin(products, familiar)))
        if len(matches) == MAX_CATEGORY_ROWS:
            break
    return matches


def _sort_by_name_match(query: str, paths: Mapping[int, Sequence[str]]) -> list[int]:
    """The categories that the query names: first those whose path says most words of the query, then those whose name
    matches best. Of several with one name those are left out that say less of it: "kids shoes" are no women's."""
    score = category_names.match_names(query, [path[-1] for path in paths.values()])
    keys = [key for key, value in zip(paths, score.tolist(), strict=True) if value >= MIN_NAME_MATCH]
    said = category_names.match_paths(query, [paths[key] for key in keys]).sum(axis=1).tolist()
    most: dict[str, int] = {}
    for key, words in zip(keys, said, strict=True):
        most[paths[key][-1]] = max(words, most.get(paths[key][-1], 0))
    matches = zip(keys, said, score[score >= MIN_NAME_MATCH].tolist(), strict=True)
    kept = [(words, value, key) for key, words, value in matches if words == most[paths[key][-1]]]
    return [key for _, _, key in sorted(kept, key=lambda match: match[:2], reverse=True)]


def _overlap(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether half of the smaller category is in the larger one."""
    return len(np.intersect1d(one, other)) * 2 >= min(len(one), len(other))


def _chosen_category(visit: Visit, snapshot: SnapshotArrays) -> list[int]:
    """The deepest category that holds most of what others chose after such searches; none when that is not clear."""
    chosen, share = _chosen_products(visit, snapshot)
    weight = np.zeros(len(snapshot.ids))
    weight[chosen] = share
    summed = np.concatenate([[0.0], np.cumsum(weight[snapshot.arrays["category.product"]])])
    start = snapshot.arrays["category.product_start"]
    held = summed[start[1:]] - summed[start[:-1]]
    depth = np.where(held >= MIN_CATEGORY_SHARE * share.sum(), snapshot.arrays["category.depth"], 0)
    if not len(chosen) or not depth.any():
        return []
    best = np.lexsort((-held, -depth))[0]
    return [int(snapshot.arrays["category.id"][best])]


def _chosen_products(visit: Visit, snapshot: SnapshotArrays) -> search_queries.IndexWeightPairs:
    wordings = (visit.query, *visit.alternative_queries)
    chosen, share = search_queries.products_chosen_after_any(wordings, snapshot)
    return (chosen, share) if share.sum() >= MIN_UNDERSTOOD_SHARE else search_queries.NO_PAIRS


CHOSEN_AFTER_SIMILAR_SEARCH = RowType(
    code="chosen_after_similar_search",
    title=lambda params: pgettext("personalization", "Popular with similar searches"),
    explanation=lambda params: _("What other customers chose after similar searches"),
    discloses_activity=False,
    propose=propose_chosen_after_similar_search,
    min_items=2,
)
RECOMMENDED_IN_MATCHING_CATEGORY = RowType(
    code="recommended_in_matching_category",
    title=lambda params: pgettext("personalization", "For you in %(category)s") % params,
    explanation=lambda params: pgettext("personalization", "Matches your search"),
    discloses_activity=False,
    propose=propose_recommended_in_matching_category,
    personal=True,
    min_items=2,
)
POPULAR_IN_MATCHING_CATEGORY = RowType(
    code="popular_in_matching_category",
    title=lambda params: pgettext("personalization", "Popular in %(category)s") % params,
    explanation=lambda params: pgettext("personalization", "Matches your search"),
    discloses_activity=False,
    propose=propose_popular_in_matching_category,
    min_items=2,
)
row_types = (CHOSEN_AFTER_SIMILAR_SEARCH, RECOMMENDED_IN_MATCHING_CATEGORY, POPULAR_IN_MATCHING_CATEGORY)
