"""Learns from the shop's history: `manage.py personalization_train`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from personalization.jobs.catalogue import say_learned
from personalization.jobs.recording import recorded_run
from personalization.management.options import require_training_packages
from personalization.management.progress import progress_bars
from personalization.models import RunKind
from personalization.models.snapshot_files import BrokenSnapshot, MissingSnapshot
from personalization.oscar import search_engine
from personalization.plugins import PluginError


class Command(BaseCommand):
    """Reads the orders, publishes a snapshot, and computes every customer's genome."""

    help = "Learns from the shop's orders which products go together, and what each customer likes. Run it daily."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--as-of", metavar="DATE", help="learn only from what was bought before this date, or date and time"
        )
        parser.add_argument(
            "--refit-ranker", action="store_true", help="refit the ranker even if RANKER_REFIT_DAYS have not passed"
        )
        parser.add_argument("--force", action="store_true", help="publish even if the quality gate fails")
        parser.add_argument(
            "--engine",
            choices=["local", "celery", "spark"],
            default="",
            help="who works; else the setting TRAINING_ENGINE",
        )
        parser.add_argument("--master", default="local[*]", help="the address of Spark, for instance spark://host:7077")
        parser.add_argument(
            "--history", type=Path, metavar="DIR", help="what personalization_export_history wrote, for Spark"
        )

    def handle(self, *args: Any, force: bool, refit_ranker: bool, verbosity: int, **options: Any) -> None:
        require_training_packages()
        from personalization.management.training_engines import (  # noqa: PLC0415 - needs these packages
            ENGINE_ERRORS,
            chosen_engine,
            end_of_history,
        )
        from personalization.management.training_report import report_lines, shared_work_sentence  # noqa: PLC0415
        from personalization.train.evaluate import Evaluation  # noqa: PLC0415
        from personalization.train.lock import TrainingInProgress, TrainingOvertaken  # noqa: PLC0415
        from personalization.train.nightly import train_shop  # noqa: PLC0415
        from personalization.train.quality_gate import QualityRegression  # noqa: PLC0415
        from personalization.train.run import TrainingSummary  # noqa: PLC0415

        progress = progress_bars(self.stderr, verbosity)
        try:
            cutoff = end_of_history(**options)
            with recorded_run(RunKind.TRAIN) as run, chosen_engine(**options) as blocks:
                snapshot, customers = train_shop(
                    cutoff,
                    run.watch(progress),
                    force=force,
                    refit_ranker=refit_ranker,
                    find_products=search_engine.search_keys,
                    blocks=blocks,
                )
                say_learned(run, snapshot, customers)
        except TrainingInProgress as busy:
            raise CommandError(f"{busy}. Nothing was changed.") from None
        except QualityRegression as reasons:
            message = f"Not published: quality gate failed ({reasons}); the active snapshot stays."
            raise CommandError(f"{message} To publish it anyway: --force") from None
        except (*ENGINE_ERRORS, TrainingOvertaken, BrokenSnapshot, MissingSnapshot, PluginError, OSError) as error:
            raise CommandError(f"Not published: {error}. The active snapshot stays.") from error
        summary = TrainingSummary(**snapshot.metrics)
        if verbosity:
            self.stdout.write(
                f"Learned from {summary.orders:,} orders of {summary.customers:,} customers. "
                f"{customers:,} of them have agreed to personalisation."
            )
            for line in report_lines(Evaluation.from_summary(snapshot.metrics) or Evaluation()):
                self.stdout.write(f"  {line}")
            if summary.blocks:
                self.stdout.write(shared_work_sentence(summary.blocks))
        if verbosity > 1:
            self.stdout.write(f"Snapshot {snapshot} is active: {summary}; {customers} genomes.")
            for task, origin in summary.weights.items():
                self.stdout.write(f"  {task}: {origin}")
        if verbosity and (others := summary.customers - customers) > 0:
            self.stdout.write(f"The other {others:,} have not agreed: nothing is chosen for them personally.")
            self.stdout.write("`personalization_consent grant` records consent that was given elsewhere.")
