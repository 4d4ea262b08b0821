"""Learns from the shop's history: `manage.py personalization_train`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from personalization.management.options import parse_moment
from personalization.profile import batch
from personalization.train.lock import TrainingInProgress
from personalization.train.quality_gate import QualityRegression
from personalization.train.run import TrainingSummary, run_training, training_cutoff


class Command(BaseCommand):
    """Reads the orders, publishes a snapshot, and works out every customer's genome."""

    help = "Learns from the shop's orders which products go together, and what each customer likes. Run it daily."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--as-of", metavar="DATE", help="learn only from what was bought before this moment")
        parser.add_argument("--refit-ranker", action="store_true", help="learn the rankers anew, also if they are young")
        parser.add_argument("--force", action="store_true", help="publish also what is clearly worse than what serves")

    def handle(self, *args: Any, force: bool, refit_ranker: bool, **options: Any) -> None:
        silent = options["verbosity"] == 0

        def progress(stream: Any, what: str, length: int) -> Any:
            hidden = True if silent else None  # None: hidden unless someone looks at a terminal
            return tqdm(stream, desc=what, total=length, disable=hidden, file=self.stderr, leave=False)

        now = training_cutoff(parse_moment(options["as_of"]))
        try:
            snapshot = run_training(now, progress, force=force, refit_ranker=refit_ranker)
        except TrainingInProgress:
            raise CommandError("Another training run is under way; nothing was changed.") from None
        except QualityRegression as worse:
            raise CommandError(f"Not published, what served goes on serving: {worse}. To publish it: --force") from None
        customers = batch.refresh_all_genomes(now, lambda batches: progress(batches, "Customers", len(batches)))
        if not silent:
            self.stdout.write(
                f"Snapshot {snapshot} serves: {TrainingSummary(**snapshot.metrics)}; {customers} genomes."
            )
            for kind, origin in snapshot.metrics["weights"].items():
                self.stdout.write(f"  {kind}: {origin}")
            if (others := snapshot.metrics["customers"] - customers) > 0:
                self.stdout.write(f"{others} more customers have not agreed to be known: they see what everybody sees.")
                self.stdout.write("`personalization_consent grant` records consent that was given elsewhere.")
