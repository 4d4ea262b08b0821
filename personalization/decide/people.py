"""A genome, as the arithmetic sees it."""

import numpy as np
from numpy.typing import NDArray

from personalization.models import Genome
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rank.visitor_history import VisitorHistory


def visitor_history(genome: Genome, learned: SnapshotArrays) -> VisitorHistory:
    """The person behind a genome, in places of a snapshot; what the snapshot does not know is left out."""
    if not genome.products and not genome.neighbour_products:
        return VisitorHistory.empty()
    places, (weight, days, last, first) = _lookup_history(genome.products, learned, columns=4)
    near, (near_weight,) = _lookup_history(genome.neighbour_products, learned, columns=1)
    return VisitorHistory(places, weight, days.astype(np.int64), first, last, near, near_weight)


def _lookup_history(
    rows: list[list], learned: SnapshotArrays, columns: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(places, the columns after the key) of the rows whose key the snapshot knows."""
    table = np.array(rows, np.float64).reshape(-1, columns + 1)
    places = learned.product_indices(table[:, 0].astype(np.int64))
    known = places >= 0
    return places[known], table[known, 1:].T
