"""A category page, or any list of products: the same products in the visitor's order, and above them a row of what the
visitor buys there."""

from collections.abc import Iterator

from personalization.decide import scoring
from personalization.decide.slate import Candidate
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rows.purchase_history import BUY_AGAIN_IN_CATEGORY
from personalization.surfaces import Surface


def rank_category(visit: Visit, snapshot: SnapshotArrays) -> Iterator[Candidate]:
    """The products of the list, those that the visitor is likely to choose first."""
    return scoring.sorted_candidates(scoring.score_listing(visit, snapshot))


surface = Surface(name="category", ranking=rank_category, rows=(BUY_AGAIN_IN_CATEGORY,))
