"""Deletes data that is too old: `manage.py personalization_apply_retention`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from personalization.jobs.catalogue import say_deleted
from personalization.jobs.recording import recorded_run
from personalization.management.progress import progress_bars
from personalization.measure.outcomes import measure_outcomes
from personalization.models import RunKind
from personalization.privacy import retention


class Command(BaseCommand):
    """Gives credit for orders, counts events into daily totals, then deletes the events that are too old."""

    help = (
        "Gives credit for orders, counts events into daily totals, then deletes what is older than the retention "
        "settings. Run it daily."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only print what would be deleted")

    def handle(self, *args: Any, dry_run: bool, verbosity: int, **options: Any) -> None:
        if dry_run:
            self.stdout.write(f"Would be done: {retention.rows_due()}.")
            return
        with recorded_run(RunKind.RETENTION) as run:
            run.begin_step("Credit for purchases")
            measured = measure_outcomes()
            result = retention.apply_retention(progress=run.watch(progress_bars(self.stderr, verbosity)))
            say_deleted(run, result)
        if verbosity:
            self.stdout.write(f"Measured: {measured}.")
            self.stdout.write(f"Done: {result}.")
