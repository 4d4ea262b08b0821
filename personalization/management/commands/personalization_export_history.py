"""Writes what training learns from into files: `manage.py personalization_export_history DIR`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from personalization.management.options import parse_moment, require_training_packages
from personalization.management.progress import progress_bars


class Command(BaseCommand):
    """Writes Parquet files for Spark."""

    help = "Writes the purchases that training learns from into Parquet files, for an engine that reads no database."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR", help="a folder that Spark reads, too, and nobody else")
        parser.add_argument("--as-of", metavar="DATE", help="only what was bought before this date, or date and time")

    def handle(self, *args: Any, folder: Path, as_of: str | None, verbosity: int, **options: Any) -> None:
        require_training_packages()
        from personalization.train.engines.history_files import export_history  # noqa: PLC0415 - needs these packages
        from personalization.train.engines.optional_packages import MissingPackage  # noqa: PLC0415
        from personalization.train.run import training_cutoff  # noqa: PLC0415

        cutoff = training_cutoff(parse_moment(as_of))
        try:
            manifest = export_history(folder, cutoff, progress_bars(self.stderr, verbosity))
        except (MissingPackage, OSError) as error:
            raise CommandError(f"Not exported: {error}.") from error
        if verbosity:
            self.stdout.write(
                f"{manifest.lines:,} lines of {manifest.products:,} products, in {len(manifest.parts):,} files."
            )
            self.stdout.write(
                "They hold numbers of customers: keep them to yourself, and delete them when you trained."
            )
