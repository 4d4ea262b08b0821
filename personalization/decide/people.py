"""A genome, as the arithmetic sees it."""

import numpy as np
from numpy.typing import NDArray

from personalization.models import Genome
from personalization.rank.snapshot_arrays import Learned
from personalization.rank.visitor_history import Person


def person_of(genome: Genome, learned: Learned) -> Person:
    """The person behind a genome, in places of a snapshot; what the snapshot does not know is left out."""
    if not genome.products and not genome.near:
        return Person.nobody()
    places, (weight, days, last, first) = _known(genome.products, learned, columns=4)
    near, (near_weight,) = _known(genome.near, learned, columns=1)
    return Person(places, weight, days.astype(np.int64), first, last, near, near_weight)


def _known(rows: list[list], learned: Learned, columns: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(places, the columns after the key) of the rows whose key the snapshot knows."""
    table = np.array(rows, np.float64).reshape(-1, columns + 1)
    places = learned.places(table[:, 0].astype(np.int64))
    known = places >= 0
    return places[known], table[known, 1:].T
