"""The thank-you page: what goes with what was just bought."""

from collections.abc import Iterator
from itertools import islice

from personalization.decide import scoring, selection
from personalization.decide.slate import Candidate, Reason, RowCandidate
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rows import basket_complements
from personalization.surfaces import Surface


def rank_after_order(visit: Visit, snapshot: SnapshotArrays) -> Iterator[Candidate]:
    """What others and the visitor themselves put in one basket with what was just bought."""
    return scoring.sorted_candidates(scoring.score_for_basket(visit, snapshot))


def after_order(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """What is likely enough to be bought with it; on this page what was bought stands where the basket stood."""
    yield RowCandidate(
        Reason("after_order"),
        list(islice(basket_complements.basket_complements(visit, snapshot), selection.MAX_CANDIDATES)),
        personal=True,
    )


surface = Surface(name="order_confirmation", ranking=rank_after_order, rows=(after_order,))
