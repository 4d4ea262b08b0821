"""A row of what is bought in large orders, on the home page."""

from collections.abc import Iterator

from personalization.decide import selection
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rows import Candidate, Reason, RowCandidate, RowType, product_ref


def propose_large_orders(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """What the recommender of this app scores highest."""
    indices, scores = selection.top_k(snapshot.scores("large_orders").score)
    found = zip(snapshot.ids[indices].tolist(), scores.tolist(), strict=True)
    yield RowCandidate([Candidate(product_ref(key), score, Reason("from_large_orders")) for key, score in found])


from_large_orders = RowType(
    code="from_large_orders",
    title=lambda params: "For large orders",
    explanation=lambda params: "Bought in large orders",
    discloses_activity=False,
    propose=propose_large_orders,
    surfaces=("home",),
)
