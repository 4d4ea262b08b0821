"""Drops what is too old: `manage.py personalization_retain`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from personalization.management.progress import progress_bars
from personalization.privacy import retention


class Command(BaseCommand):
    """Counts what visitors did into daily totals, then drops the events that are too old."""

    help = "Counts what visitors did into daily totals, then drops what is too old. Run it daily."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")

    def handle(self, *args: Any, dry_run: bool, verbosity: int, **options: Any) -> None:
        if dry_run:
            self.stdout.write(f"Would be done: {retention.rows_due()}.")
            return
        done = retention.apply_retention(progress=progress_bars(self.stderr, verbosity))
        if verbosity:
            self.stdout.write(f"Done: {done}.")
