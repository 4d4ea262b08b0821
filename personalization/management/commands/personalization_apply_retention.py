"""Deletes data that is too old: `manage.py personalization_apply_retention`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from personalization.management.progress import progress_bars
from personalization.measure.outcomes import measure_outcomes
from personalization.models.job_runs import Job, job_run
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
        with job_run(Job.RETENTION):
            measured = measure_outcomes()
            result = retention.apply_retention(progress=progress_bars(self.stderr, verbosity))
        if verbosity:
            self.stdout.write(f"Measured: {measured}.")
            self.stdout.write(f"Done: {result}.")
