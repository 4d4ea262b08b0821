"""What every row goes through before it is laid out: variety, and how much the visitor is expected to use it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from personalization.decide import scoring, selection
from personalization.decide.slate import Candidate, RowCandidate, RowType
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays


def propose_rows(row_type: RowType, visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """The rows of a type, products that differ in size only folded into one; of a customer with how likely they are to
    buy each product, for rows that have nothing to do with what they do right now."""
    purchased = {row[0] for row in visit.genome.products}
    for row in row_type.propose(visit, snapshot) if row_type.propose else ():
        usual = not row_type.personal and bool(visit.genome.products)
        probability = visit.compute_once(_purchase_probabilities, snapshot) if usual else None
        candidates = selection.fold_sizes(row.candidates, snapshot, purchased, row.params.get("product"))
        yield replace(row, candidates=candidates, probability=probability)


def expected_share(candidates: Sequence[Candidate], visit: Visit, snapshot: SnapshotArrays) -> float:
    """How many of the row's first products the visitor is expected to buy next."""
    probability = visit.compute_once(_purchase_probabilities, snapshot)
    return sum(probability.get(candidate.item.id, 0.0) for candidate in candidates[: visit.policy.row_size])


def _purchase_probabilities(visit: Visit, snapshot: SnapshotArrays) -> dict[int, float]:
    """By product key, for all candidates of the home page."""
    scored = visit.compute_once(scoring.score_for_visitor, snapshot)
    keys = snapshot.ids[scored.product_indices].tolist()
    return dict(zip(keys, scored.purchase_probability.tolist(), strict=True))
