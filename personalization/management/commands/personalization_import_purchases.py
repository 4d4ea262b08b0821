"""Imports purchases made in stores: `manage.py personalization_import_purchases receipts.csv --dry-run`."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from personalization import conf
from personalization.exchange.purchase_files import PURCHASE_COLUMNS
from personalization.exchange.purchase_import import (
    DEFAULT_SOURCE,
    MAX_LINES,
    PurchaseImportResult,
    PurchaseOptions,
    import_purchases,
    report_sentences,
)
from personalization.exchange.tabular import TableError, TableRow, open_table
from personalization.jobs.catalogue import say_imported
from personalization.jobs.recording import recorded_run
from personalization.management.commands.personalization_import_events import reject_writer
from personalization.management.progress import progress_bars
from personalization.models import RunKind
from personalization.shop.customers import RESPONSE_FIELDS, NoSuchField

HEADER_HELP = """The file has a header row with these columns, in any order:

  receipt           the number of the receipt, unique within its source
  line              the number of the line on it, from 0 or 1
  time              2026-11-22T18:00:00+01:00; without a zone, by the clock of the store
  sku               the product: what --items says
  price             of the whole line, with tax
  quantity          pieces (default: 1); below 0 for a return
  currency          three letters (default: the shop's own)
  store             the code of the store; one that is new is added
  card              the number of the customer's card; only a keyed hash of it is stored
  customer          the customer's account: what --users says
  returned          1 for a line that came back
  returned_receipt  of a return: the receipt on which it was bought

The first five are required. A line that was imported before is written over, so that a file may be imported again.
"""


class Command(BaseCommand):
    """Purchases from a file of the tills, for training and genomes; orders and reports stay as they are."""

    help = f"Imports purchases made in stores from a CSV file of up to {MAX_LINES:,} lines."

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> Any:
        """The parser, whose help shows the columns as they are written."""
        parser = super().create_parser(prog_name, subcommand, **options)
        parser.epilog, parser.formatter_class = HEADER_HELP, RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a .csv file with a header, or a .jsonl file")
        parser.add_argument("--source", default=DEFAULT_SOURCE, help="the system that it comes from (default: store)")
        parser.add_argument(
            "--items", choices=conf.SETTING_CHOICES["EVENT_ITEM_ID_FIELD"], default="sku", help="what sku is"
        )
        parser.add_argument("--users", choices=RESPONSE_FIELDS, default="id", help="what customer is")
        parser.add_argument("--rejects", type=Path, metavar="FILE", help="default: the file's name with .rejects added")
        parser.add_argument("--dry-run", action="store_true", help="store nothing, only report")

    def handle(self, *args: Any, file: Path, rejects: Path | None, verbosity: int, **options: Any) -> None:
        """1. Counts the lines. 2. Imports. 3. Reports."""
        rejects = rejects or file.with_name(f"{file.name}.rejects")
        if rejects.resolve() == file.resolve():
            raise CommandError(f"--rejects is the file itself: {file}.")
        if not 1 <= len(options["source"]) <= 32:
            raise CommandError("--source is empty or longer than 32 characters.")
        purchase_options = PurchaseOptions(**{key: options[key] for key in ("source", "items", "users", "dry_run")})
        progress, codes = progress_bars(self.stderr, verbosity), Counter[str]()
        try:
            lines = self.count_lines(file)
            with (
                recorded_run(RunKind.IMPORT) as run,
                open_purchase_file(file) as rows,
                reject_writer(rejects, codes) as reject,
            ):
                counted_lines = run.watch(progress)(rows, "Lines", lines)
                result = import_purchases(counted_lines, purchase_options, reject, now())
                say_imported(run, result.stored, result.repeated, result.rejected)
        except (TableError, NoSuchField) as error:
            raise CommandError(str(error)) from None
        if verbosity:
            self.print_result(result, codes, rejects, purchase_options.dry_run)

    def count_lines(self, file: Path) -> int:
        """The lines of a file; CommandError for too many, before anything is stored."""
        with open_purchase_file(file) as rows:
            lines = sum(1 for _ in rows)
        if lines > MAX_LINES:
            raise CommandError(f"{file} has {lines:,} lines; split it into files of at most {MAX_LINES:,}.")
        return lines

    def print_result(self, result: PurchaseImportResult, codes: Counter[str], rejects: Path, dry_run: bool) -> None:
        """One line with the counts, then sentences, then one line for each reason of rejection."""
        stored = f"{result.stored} {'would be stored' if dry_run else 'stored'}"
        where = f", in {rejects}" if result.rejected else ""
        self.stdout.write(
            f"{result.lines} lines: {stored}, {result.repeated} already there, {result.rejected} rejected{where}."
        )
        for sentence in report_sentences(result):
            self.stdout.write(sentence)
        for code, count in codes.most_common():
            self.stdout.write(f"  {count} {code}")


@contextmanager
def open_purchase_file(file: Path) -> Iterator[Iterator[TableRow]]:
    """The lines of a file; TableError says why it cannot be read."""
    if file.suffix.lower() not in (".csv", ".jsonl", ".ndjson"):
        raise TableError(f"{file} does not end in .csv or .jsonl, the formats of purchases.")
    with open_table(file) as table:
        yield table.rows(PURCHASE_COLUMNS)
