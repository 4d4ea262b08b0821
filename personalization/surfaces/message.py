"""A message: what goes with its products, what could stand in for its product, or else what its reader may want."""

from collections.abc import Iterable

from personalization.decide import scoring
from personalization.decide.slate import Candidate
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rows.related_products import related_to
from personalization.surfaces import Surface


def rank_for_message(visit: Visit, snapshot: SnapshotArrays) -> Iterable[Candidate]:
    """About a basket, or an order, what goes with it; about one product its alternatives; about neither what the reader
    is likely to buy next."""
    if visit.basket:
        return scoring.sorted_candidates(scoring.score_for_basket(visit, snapshot))
    if visit.product is not None:
        return related_to(visit, snapshot).alternatives
    return scoring.sorted_candidates(scoring.score_for_visitor(visit, snapshot))


surface = Surface(name="message", ranking=rank_for_message)
