"""How much the weights of a genome have faded since they were worked out."""

from personalization.models import Genome
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.recommenders import DAY


def fading_until_training(genome: Genome, snapshot: SnapshotArrays) -> float:
    """What the weights of a genome are to be multiplied by to be those of the moment of training, from whose history
    rankers learned: all weights of a customer fade alike, so a genome need not be worked out anew for that. 1 for a
    later genome, and where the snapshot is of an earlier release."""
    if genome.computed_at is None or not snapshot.half_life_days:
        return 1.0
    days = max(snapshot.trained_at - genome.computed_at.timestamp(), 0.0) / DAY
    return float(0.5 ** (days / snapshot.half_life_days))
