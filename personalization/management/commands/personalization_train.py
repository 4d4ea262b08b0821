"""Learns from the shop's history: `manage.py personalization_train`."""

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from personalization.management.options import parse_moment
from personalization.management.progress import progress_bars
from personalization.management.training_report import report_lines, shared_work_sentence
from personalization.models.snapshot_files import BrokenSnapshot, MissingSnapshot
from personalization.oscar import search_engine
from personalization.plugins import PluginError
from personalization.train.engines import open_block_store
from personalization.train.engines.history_files import UnusableHistory, read_history_manifest
from personalization.train.engines.local import BlockStore
from personalization.train.engines.optional_packages import MissingPackage
from personalization.train.engines.spark_engine import spark_blocks
from personalization.train.evaluate import Evaluation
from personalization.train.lock import TrainingInProgress, TrainingOvertaken
from personalization.train.nightly import train_shop
from personalization.train.quality_gate import QualityRegression
from personalization.train.run import TrainingSummary, training_cutoff

NOT_PUBLISHED = (
    TrainingOvertaken,
    BrokenSnapshot,
    MissingSnapshot,
    MissingPackage,
    UnusableHistory,
    PluginError,
    OSError,
)
"""The errors that a message tells enough of."""


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
        progress = progress_bars(self.stderr, verbosity)
        try:
            cutoff = _end_of_history(**options)
            with _chosen_engine(**options) as blocks:
                snapshot, customers = train_shop(
                    cutoff,
                    progress,
                    force=force,
                    refit_ranker=refit_ranker,
                    find_products=search_engine.search_keys,
                    blocks=blocks,
                )
        except TrainingInProgress as busy:
            raise CommandError(f"{busy}. Nothing was changed.") from None
        except QualityRegression as reasons:
            message = f"Not published: quality gate failed ({reasons}); the active snapshot stays."
            raise CommandError(f"{message} To publish it anyway: --force") from None
        except NOT_PUBLISHED as error:
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


def _end_of_history(as_of: str | None, engine: str, history: Path | None, **others: Any) -> float:
    """The moment until which is learned; for Spark, that of the export, or an earlier one."""
    if engine != "spark":
        return training_cutoff(parse_moment(as_of))
    if history is None:
        raise CommandError("--engine spark needs --history DIR, which `personalization_export_history DIR` writes.")
    until, wanted = read_history_manifest(history).until, parse_moment(as_of)
    return until if wanted is None else training_cutoff(min(wanted, until))


@contextmanager
def _chosen_engine(engine: str, master: str, history: Path | None, **others: Any) -> Iterator[BlockStore]:
    if engine == "spark" and history:
        with spark_blocks(master, history) as blocks:
            yield blocks
    else:
        yield open_block_store(engine)
