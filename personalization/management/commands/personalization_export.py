"""Writes ranked lists for many visitors: `manage.py personalization_export lists.csv`."""

import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from personalization.exchange import export, export_requests, tabular
from personalization.management.options import parse_moment

REQUESTS_PER_BATCH = 200
"""Bounds the memory of an export."""
EXAMPLE_FILES: dict[str, tuple[str, Callable[[Path, Callable[[str], Any]], export_requests.Questions]]] = {
    "baskets": ("basket", export_requests.baskets),
    "listings": ("category", export_requests.listings),
    "order": ("category", export_requests.lists),
    "queries": ("search", export_requests.searches),
}
"""By option: the surface, and what is asked for in such a file."""

NEEDED_FILES = {
    "baskets": "--surface basket needs --baskets IN.csv, with basket_id, product_id and, where known, customer_id.",
    "queries": "--surface search needs --queries IN.csv, with query and, where known, qid and customer_id.",
    "listings": "--surface category needs --listings IN.csv, with customer_id and category_id or query.",
}


class Command(BaseCommand):
    """Ranked lists with scores and reasons, through the same door as the pages."""

    help = "Writes what customers would be shown, now or at an earlier moment, as a CSV or Parquet file: a row a place."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the file to write, ending in .csv or .parquet")
        parser.add_argument("--surface", choices=export.SURFACES, help="default: home, or what the given file is for")
        parser.add_argument("--customers", help="primary keys with commas between, or all who ever ordered (default)")
        parser.add_argument("--top", type=int, help=f"at most so many places a list (default: {export.DEFAULT_TOP})")
        parser.add_argument("--new-only", action="store_true", help="leave out what the customer bought before")
        parser.add_argument("--as-of", metavar="DATE", help="as it would have been at this date or date and time")
        parser.add_argument(
            "--baskets", metavar="IN", help="what goes with these: basket_id, product_id [, customer_id]"
        )
        parser.add_argument(
            "--listings", metavar="IN", help="category pages or searches: customer_id, category_id|query"
        )
        parser.add_argument("--queries", metavar="IN", help="what fits these searches: query [, qid] [, customer_id]")
        parser.add_argument("--order", metavar="IN", help="puts lists in order: list_id, customer_id, product_id")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        """1. Sees that it can be done. 2. Reads what is asked for. 3. Answers, some questions at a time."""
        silent = options["verbosity"] == 0

        def progress(stream: Any, what: str, length: int) -> Any:
            hidden = True if silent else None  # None: hidden unless someone looks at a terminal
            return tqdm(stream, desc=what, total=length, disable=hidden, file=self.stderr, leave=False)

        moment = parse_moment(options["as_of"])
        check_options(options)
        try:
            tabular.check_columns(file)
            questions = self.questions(options, time.time() if moment is None else moment)
            with tabular.write_table(file, export.export_columns(questions)) as write:
                standpoint = export.current_context() if moment is None else export.past_context(moment, progress)
                lists = export.ExportRun(questions.surface, standpoint, options["top"], options["new_only"])
                with progress(None, questions.what.capitalize(), questions.size) as bar:
                    for some in export_requests.in_batches(questions.each, REQUESTS_PER_BATCH):
                        write(lists.rows(some))
                        bar.update(len(some))
        except (tabular.TableError, export.NoSnapshot) as error:
            raise CommandError(str(error)) from None
        if not silent:
            skipped = f" {questions.skipped} were skipped." if questions.skipped else ""
            self.stdout.write(f"{file}: the {questions.surface} lists of {questions.size} {questions.what}.{skipped}")
            if lists.unknown:
                self.stdout.write(
                    f"{len(lists.unknown)} of the customers have not agreed to be known: their lists are everybody's. "
                    "`personalization_consent grant` records consent that was given elsewhere."
                )

    def questions(self, options: dict[str, Any], now: float) -> export_requests.Questions:
        """What is asked for: by a file, or by the customers."""
        for option, (_, read) in EXAMPLE_FILES.items():
            if options[option]:
                return read(Path(options[option]), self.stderr.write)
        surface, customers = options["surface"] or "home", options["customers"] or "all"
        if customers == "all":
            return export_requests.of_everyone(surface, now)
        try:
            return export_requests.of_customers(surface, customers, self.stderr.write)
        except ValueError:
            sentence = f"--customers is {customers!r}; it takes primary keys with commas between, or all."
            raise CommandError(sentence) from None


def check_options(options: dict[str, Any]) -> None:
    """CommandError says which options make no sense, or none together."""
    surface, given = options["surface"], [option for option in EXAMPLE_FILES if options[option]]
    if options["top"] is not None and options["top"] < 1:
        raise CommandError(f"--top is {options['top']}; it takes a whole number from 1.")
    if surface not in (None, *export.SURFACES):
        raise CommandError(f"--surface is {surface!r}; it takes one of: {', '.join(export.SURFACES)}.")
    if len(given) > 1:
        raise CommandError(f"--{given[0]} and --{given[1]} are two exports; give one of them.")
    if given and options["customers"]:
        raise CommandError(f"--customers is of no use with --{given[0]}: its file says whose list each is.")
    if given and surface not in (None, EXAMPLE_FILES[given[0]][0]):
        raise CommandError(f"--{given[0]} is for --surface {EXAMPLE_FILES[given[0]][0]}, not for {surface}.")
    if given == ["order"] and options["new_only"]:
        raise CommandError("--new-only leaves products out, and --order leaves none out; give one of them.")
    if surface == "navigation" and options["new_only"]:
        raise CommandError("--new-only is about products; --surface navigation lists categories.")
    for option, sentence in NEEDED_FILES.items():
        if not given and surface == EXAMPLE_FILES[option][0]:
            raise CommandError(sentence)
