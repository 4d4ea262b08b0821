"""What the command and the task share: all that is to be learned of a shop in a night."""

import time
from typing import Any

from personalization.models import Genome, Snapshot
from personalization.profile import batch
from personalization.profile.genome_months import store_genome_months
from personalization.recommenders import DAY
from personalization.train.customer_values import refresh_customer_values
from personalization.train.dataset import Progress
from personalization.train.lock import TrainingInProgress
from personalization.train.run import no_progress, run_training
from personalization.train.seen_prices import note_prices


def train_shop(now: float, progress: Progress = no_progress, **options: Any) -> tuple[Snapshot, int]:
    """Learns from the shop's history (`options` as for `run_training`), then works out the genomes of the customers
    that are due (of all with `refit_ranker`, and as of another day) and what is expected of everybody, writes it down
    for the month, and notes today's prices, which need no snapshot: so it is done also where learning failed, whose
    error is raised afterwards.

    Returns
    -------
    The snapshot that is active now, and how many customers have a genome.
    """

    def refresh_customers() -> int:
        as_of_another_day = abs(now - time.time()) > DAY
        batch.refresh_all_genomes(
            now,
            lambda batches: progress(batches, "Customers", len(batches)),
            whole=as_of_another_day or bool(options.get("refit_ranker")),
        )
        refresh_customer_values(now)
        store_genome_months(now, lambda batches: progress(batches, "Months of customers", len(batches)))
        note_prices(time.time())
        return Genome.objects.count()

    try:
        snapshot = run_training(now, progress, **options)
    except TrainingInProgress:  # the other run does it
        raise
    except Exception:
        refresh_customers()
        raise
    return snapshot, refresh_customers()
