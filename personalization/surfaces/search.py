"""The results of a search, and what shoppers tend to choose after such a search."""

from collections.abc import Iterator

from personalization.decide import scoring
from personalization.decide.slate import Candidate
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.surfaces import Surface


def rank_search(visit: Visit, snapshot: SnapshotArrays) -> Iterator[Candidate]:
    """What matches the search, what others choose after it first."""
    return scoring.sorted_candidates(scoring.score_search(visit, snapshot))


surface = Surface(name="search", ranking=rank_search)
