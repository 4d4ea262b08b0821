"""Imports past events: `manage.py personalization_import_events past.csv`."""

import csv
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from personalization import conf
from personalization.exchange import event_files
from personalization.exchange.event_import import ImportOptions, ImportResult, RejectWriter, import_events
from personalization.exchange.tabular import TableError, TableRow
from personalization.jobs.catalogue import say_imported
from personalization.jobs.recording import recorded_run
from personalization.management.progress import progress_bars
from personalization.models import RunKind
from personalization.shop.customers import RESPONSE_FIELDS, NoSuchField


class Command(BaseCommand):
    """Past views, searches, clicks and basket additions with GA4's event names, from a file of another system."""

    help = "Imports past events of customers who gave consent: views, searches, clicks and basket additions, as in GA4."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a .csv file with a header, or a .jsonl file")
        parser.add_argument(
            "--items",
            choices=conf.SETTING_CHOICES["EVENT_ITEM_ID_FIELD"],
            help="what item_id is (default: the setting EVENT_ITEM_ID_FIELD)",
        )
        parser.add_argument(
            "--users", choices=RESPONSE_FIELDS, default="id", help="what user is (default: primary key)"
        )
        parser.add_argument(
            "--anonymous", action="store_true", help="also import rows of browsers (client, no user) that gave consent"
        )
        parser.add_argument("--rejects", type=Path, metavar="FILE", help="default: the file's name with .rejects added")
        parser.add_argument("--dry-run", action="store_true", help="store nothing, only print what would be stored")

    def handle(self, *args: Any, file: Path, rejects: Path | None, verbosity: int, **options: Any) -> None:
        """1. Opens both files. 2. Imports. 3. Prints the counts."""
        rejects = rejects or file.with_name(f"{file.name}.rejects")
        if rejects.resolve() == file.resolve():
            raise CommandError(f"--rejects is the file itself: {file}.")
        items = options["items"] or conf.get_settings().EVENT_ITEM_ID_FIELD
        import_options = ImportOptions(items, options["users"], options["anonymous"], options["dry_run"])
        progress, codes = progress_bars(self.stderr, verbosity), Counter[str]()
        try:
            with (
                recorded_run(RunKind.IMPORT) as run,
                event_files.open_event_file(file) as rows,
                reject_writer(rejects, codes) as reject,
            ):
                watched = run.watch(progress)
                counted_rows = watched(rows, "Rows", event_files.count_lines(file))
                result = import_events(counted_rows, import_options, reject, now(), watched)
                say_imported(run, result.stored, result.duplicates, result.rejected)
        except (TableError, NoSuchField) as error:
            raise CommandError(str(error)) from None
        if verbosity:
            self.print_result(result, codes, rejects, import_options.dry_run)

    def print_result(self, result: ImportResult, codes: Counter[str], rejects: Path, dry_run: bool) -> None:
        """One line with the counts, then one for each reason of rejection."""
        stored = f"{result.stored} {'would be stored' if dry_run else 'stored'}"
        where = f", in {rejects}" if result.rejected else ""
        duplicates, rejected = f"{result.duplicates} already there", f"{result.rejected} rejected{where}"
        self.stdout.write(f"{result.rows} rows: {stored}, {duplicates}, {rejected}.")
        for code, count in codes.most_common():
            self.stdout.write(f"  {count} {code}")


@contextmanager
def reject_writer(file: Path, codes: Counter[str]) -> Iterator[RejectWriter]:
    """A function that writes a rejected row to a file and counts its code. A file without rows is deleted."""
    try:
        with file.open("w", newline="", encoding="utf-8", errors="surrogateescape") as output:
            writer = csv.writer(output)
            writer.writerow(("location", "code", "message", "row"))

            def reject(row: TableRow, code: str, message: str) -> None:
                codes[code] += 1
                writer.writerow((row.location, code, message, row.text))

            yield reject
    except OSError as error:
        raise TableError(f"{file} could not be written: {error}") from None
    if not codes:
        file.unlink()
