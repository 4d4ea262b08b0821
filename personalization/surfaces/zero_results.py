"""A search that found nothing: what its words may have meant, and where the shopper can go on."""

from collections.abc import Iterator
from dataclasses import replace

from personalization.decide import scoring
from personalization.decide.slate import Candidate
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rows.bestsellers import BESTSELLERS
from personalization.rows.new_products import LATEST
from personalization.rows.search_suggestions import (
    CHOSEN_AFTER_SIMILAR_SEARCH,
    POPULAR_IN_MATCHING_CATEGORY,
    RECOMMENDED_IN_MATCHING_CATEGORY,
)
from personalization.surfaces import Surface


def rank_popular_choices(visit: Visit, snapshot: SnapshotArrays) -> Iterator[Candidate]:
    """What others chose after such a search."""
    return scoring.sorted_candidates(scoring.score_search(replace(visit, candidate_products=()), snapshot))


surface = Surface(
    name="zero_results",
    ranking=rank_popular_choices,
    rows=(CHOSEN_AFTER_SIMILAR_SEARCH, RECOMMENDED_IN_MATCHING_CATEGORY, POPULAR_IN_MATCHING_CATEGORY, BESTSELLERS),
    fallback_rows=(BESTSELLERS, LATEST),
)
