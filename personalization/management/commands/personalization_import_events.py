"""Takes in what visitors did before: `manage.py personalization_import_events past.csv`."""

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
from personalization.exchange import event_files, tabular
from personalization.exchange.event_import import ImportOptions, ImportResult, RejectWriter, import_events
from personalization.management.progress import progress_bars
from personalization.shop.customers import LOOKUP_FIELDS, NoSuchField


class Command(BaseCommand):
    """Past views, searches, clicks and basket adds, with GA4's names, from a file of another system."""

    help = "Takes in what customers who agreed did before: views, searches, clicks and basket adds, as GA4 names them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a .csv file with a header, or a .jsonl file")
        parser.add_argument(
            "--items",
            choices=conf.SETTING_CHOICES["EVENT_ITEM_ID_FIELD"],
            help="what item_id is (default: the setting item_ids)",
        )
        parser.add_argument(
            "--users", choices=LOOKUP_FIELDS, default="id", help="what user is (default: the primary key)"
        )
        parser.add_argument(
            "--anonymous", action="store_true", help="keep rows of a client without a user: browsers that agreed to it"
        )
        parser.add_argument("--rejects", type=Path, metavar="FILE", help="default: the file's name with .rejects added")
        parser.add_argument("--dry-run", action="store_true", help="store nothing, only say what would come of it")

    def handle(self, *args: Any, file: Path, rejects: Path | None, verbosity: int, **given: Any) -> None:
        """1. Opens both files. 2. Imports. 3. Says what came of it."""
        rejects = rejects or file.with_name(f"{file.name}.rejects")
        if rejects.resolve() == file.resolve():
            raise CommandError(f"--rejects is the file itself: {file}.")
        items = given["items"] or conf.get_settings().EVENT_ITEM_ID_FIELD
        options = ImportOptions(items, given["users"], given["anonymous"], given["dry_run"])
        bar, codes = progress_bars(self.stderr, verbosity), Counter[str]()
        try:
            with event_files.open_event_file(file) as lines, rejected_to(rejects, codes) as reject:
                rows = bar(lines, "Rows", event_files.file_length(file))
                done = import_events(rows, options, reject, now(), bar)
        except (tabular.TableError, NoSuchField) as error:
            raise CommandError(str(error)) from None
        if verbosity:
            self.say(done, codes, rejects, options.dry_run)

    def say(self, done: ImportResult, codes: Counter[str], rejects: Path, dry_run: bool) -> None:
        stored = "would be stored" if dry_run else "stored"
        where = f", in {rejects}" if done.rejected else ""
        self.stdout.write(
            f"{done.rows} rows: {done.stored} {stored}, {done.duplicates} already there, {done.rejected} rejected{where}."
        )
        for code, count in codes.most_common():
            self.stdout.write(f"  {count} {code}")


@contextmanager
def rejected_to(file: Path, codes: Counter[str]) -> Iterator[RejectWriter]:
    """A function that writes a rejected row there, and counts its code. Without any the file is gone in the end."""
    try:
        with file.open("w", newline="", encoding="utf-8", errors="surrogateescape") as output:
            writer = csv.writer(output)
            writer.writerow(("place", "code", "message", "row"))

            def reject(line: event_files.FileLine, code: str, message: str) -> None:
                codes[code] += 1
                writer.writerow((line.line_number, code, message, line.held))

            yield reject
    except OSError as error:
        raise tabular.TableError(f"{file} could not be written: {error}") from None
    if not codes:
        file.unlink()
