"""What an export would have held at an earlier moment; for workers, as it learns anew."""

from personalization.decide import active_snapshot
from personalization.decide.active_snapshot import LoadedSnapshot
from personalization.exchange.export import ExportContext
from personalization.models import Genome
from personalization.profile import batch
from personalization.train import run
from personalization.train.dataset import Progress


def past_context(moment: float, progress: Progress) -> ExportContext:
    """What would have been active at this moment: nothing that happened later is used, and nothing is stored.

    When the shop was last trained as of this very moment, that snapshot is used.
    """
    cutoff = run.training_cutoff(moment)
    active = active_snapshot.get_active_snapshot()
    if active is not None and active.trained_at == cutoff and Genome.objects.is_current(cutoff):
        return ExportContext(cutoff, moment, active, Genome.objects.of_customers)
    trained = LoadedSnapshot(run.start_of_day(moment, progress).arrays, "not published")
    return ExportContext(cutoff, moment, trained, batch.computed_at(cutoff), facts=lambda user_ids: {})
