"""The customer's account page: what they may want next, with the rows of the home page."""

from collections.abc import Iterator

from personalization.decide import scoring
from personalization.decide.slate import Candidate
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.surfaces import Surface, home


def rank_account(visit: Visit, snapshot: SnapshotArrays) -> Iterator[Candidate]:
    """What the visitor may want next."""
    return scoring.sorted_candidates(scoring.score_for_visitor(visit, snapshot))


account = Surface(
    name="account", ranking=rank_account, rows=home.surface.rows, fallback_rows=home.surface.fallback_rows
)
