"""A search that found nothing: what its words may have meant, and where it can go on."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from personalization.decide import scoring, selection
from personalization.decide.people import visitor_history
from personalization.decide.slate import Candidate, Reason, RowCandidate
from personalization.decide.visit import Visit
from personalization.rank import category_names, search_queries
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rows.shared import (
    bestsellers,
    bestsellers_from_analytics,
    candidates_by_popularity,
    latest_products,
)
from personalization.shop import catalogue
from personalization.surfaces import Surface

MIN_NAME_MATCH = 0.35
"""A category whose name the words of the search say less of is not meant."""
MIN_UNDERSTOOD_SHARE = 0.3
"""A search is understood when at least this part of it points to products."""
MIN_RELATIVE_SHARE = 0.1
"""A product that is chosen less often than this part of the first one is not meant."""
MIN_CATEGORY_SHARE = 0.5
"""A category is meant when at least this part of what others chose lies there."""
MAX_CATEGORY_ROWS = 2
"""At most so many rows of categories."""
MAX_CATEGORY_NAMES = 5_000
"""The names of so many categories are looked at."""
MAX_BESTSELLERS = 200
"""So many bestsellers of a category are put in the visitor's order."""


def rank_popular_choices(visit: Visit, snapshot: SnapshotArrays) -> Iterator[Candidate]:
    """What others chose after such a search."""
    return scoring.sorted_candidates(scoring.score_search(replace(visit, candidate_products=()), snapshot))


def chosen_after_similar_search(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """The same as a row: what is chosen clearly more than all else, those nearest to the visitor's taste first."""
    places, share = _chosen_products(visit, snapshot)
    if not len(places):
        return
    meant = places[share >= MIN_RELATIVE_SHARE * share.max()]
    scored = scoring.score_search(replace(visit, candidate_products=()), snapshot)
    rows = np.flatnonzero(np.isin(scored.product_indices, meant))[: selection.MAX_CANDIDATES]
    yield RowCandidate(
        Reason("chosen_after_similar_search"), [scored.to_candidate(row) for row in rows.tolist()], min_items=2
    )


def in_matching_categories(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """The visitor's own likely products, else the bestsellers, of the categories that the search may have meant."""
    named = catalogue.category_names(MAX_CATEGORY_NAMES)
    for place, category in enumerate(_matching_categories(visit, snapshot, named)):
        draft = _category_row(category, named[category], visit, snapshot)
        yield replace(draft, expected_share=1.0 / (1 + place))


def _category_row(category: int, name: str, visit: Visit, snapshot: SnapshotArrays) -> RowCandidate:
    places = snapshot.category_products(category).astype(np.int64)
    person = visitor_history(visit.genome, snapshot)
    mine = np.isin(places, np.concatenate([person.purchased, person.neighbour_products]))
    facts = {"category": category, "name": name}
    if not mine.any():
        best = places[: selection.MAX_CANDIDATES]
        sold = candidates_by_popularity(snapshot, best, snapshot.scores("popular").score[best])
        return RowCandidate(Reason("popular_in_matching_category", facts), sold, min_items=2)
    listed = snapshot.ids[places[mine | (np.arange(len(places)) < MAX_BESTSELLERS)]].tolist()
    scored = scoring.score_listing(replace(visit, candidate_products=tuple(listed)), snapshot)
    likely = list(islice(scoring.sorted_candidates(scored), selection.MAX_CANDIDATES))
    return RowCandidate(Reason("recommended_in_matching_category", facts), likely, personal=True, min_items=2)


def _matching_categories(visit: Visit, snapshot: SnapshotArrays, named: dict[int, str]) -> list[int]:
    """The categories whose names the words say, best first, then the one where others went on; none within another."""
    score = category_names.match_names(visit.query, list(named.values()))
    keys = np.array(list(named), np.int64)
    said = keys[np.argsort(-score, kind="stable")][: np.count_nonzero(score >= MIN_NAME_MATCH)]
    found: dict[int, NDArray] = {}
    for category in (*said.tolist(), *_chosen_category(visit, snapshot)):
        inside = snapshot.category_products(category)
        if (
            category in named
            and len(inside)
            and not any(_categories_overlap(inside, other) for other in found.values())
        ):
            found[category] = inside
        if len(found) == MAX_CATEGORY_ROWS:
            break
    return list(found)


def _categories_overlap(one: NDArray, other: NDArray) -> bool:
    """Whether half of the smaller category lies in the larger one."""
    return len(np.intersect1d(one, other)) * 2 >= min(len(one), len(other))


def _chosen_category(visit: Visit, snapshot: SnapshotArrays) -> list[int]:
    """The deepest category that holds most of what others chose after such searches; none when that is not clear."""
    places, share = _chosen_products(visit, snapshot)
    weight = np.zeros(len(snapshot.ids))
    weight[places] = share
    summed = np.concatenate([[0.0], np.cumsum(weight[snapshot.arrays["category.product"]])])
    start = snapshot.arrays["category.product_start"]
    held = summed[start[1:]] - summed[start[:-1]]
    depth = np.where(held >= MIN_CATEGORY_SHARE * share.sum(), snapshot.arrays["category.depth"], 0)
    if not len(places) or not depth.any():
        return []
    best = np.lexsort((-held, -depth))[0]
    return [int(snapshot.arrays["category.id"][best])]


def _chosen_products(visit: Visit, snapshot: SnapshotArrays) -> search_queries.IndexWeightPairs:
    places, share = search_queries.products_chosen_after(visit.query, snapshot)
    return (places, share) if share.sum() >= MIN_UNDERSTOOD_SHARE else search_queries.NO_PAIRS


surface = Surface(
    name="zero_results",
    ranking=rank_popular_choices,
    rows=(chosen_after_similar_search, in_matching_categories, bestsellers),
    fallback_rows=(bestsellers_from_analytics, latest_products),
)
