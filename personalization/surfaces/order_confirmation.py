"""The thank-you page: what goes with what was just bought."""

from collections.abc import Iterator

from personalization.decide import scoring
from personalization.decide.slate import Candidate
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rows.basket_complements import AFTER_ORDER
from personalization.surfaces import Surface


def rank_after_order(visit: Visit, snapshot: SnapshotArrays) -> Iterator[Candidate]:
    """What others and the visitor themselves put in one basket with what was just bought."""
    return scoring.sorted_candidates(scoring.score_for_basket(visit, snapshot))


surface = Surface(name="order_confirmation", ranking=rank_after_order, rows=(AFTER_ORDER,))
