"""Writes ranked lists for many visitors: `manage.py personalization_export lists.csv`."""

import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from personalization.batching import batched
from personalization.exchange import export, export_requests, tabular
from personalization.jobs.catalogue import say_exported
from personalization.jobs.recording import recorded_run
from personalization.management.options import parse_moment, require_training_packages
from personalization.management.progress import progress_bars
from personalization.models import RunKind

REQUESTS_PER_BATCH = 200
"""Bounds the memory of an export."""
REQUEST_FILES: dict[str, tuple[str, Callable[[Path, export_requests.Report], export_requests.ExportRequests]]] = {
    "baskets": ("basket", export_requests.basket_requests),
    "listings": ("category", export_requests.listing_requests),
    "rerank": ("category", export_requests.rerank_requests),
    "queries": ("search", export_requests.search_requests),
}
"""By option: the surface that such a file is for, and the function that reads it."""
REQUIRED_FILES = {
    "baskets": "--surface basket needs --baskets IN.csv, with basket_id, product_id and, if known, customer_id.",
    "queries": "--surface search needs --queries IN.csv, with query and, if known, qid and customer_id.",
    "listings": "--surface category needs --listings IN.csv, with customer_id and category_id or query.",
}


class Command(BaseCommand):
    """Ranked lists with scores and reasons, decided as on the pages."""

    help = "Writes what customers would be shown, now or at an earlier moment, as a CSV or Parquet file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the file to write, ending in .csv or .parquet")
        parser.add_argument("--surface", choices=export.SURFACES, help="default: home, or what the input file is for")
        parser.add_argument("--customers", help="primary keys separated by commas, or all who ever ordered (default)")
        parser.add_argument("--top", type=int, help=f"maximum length of a list (default: {export.DEFAULT_LIST_LENGTH})")
        parser.add_argument("--new-only", action="store_true", help="leave out what the customer bought before")
        parser.add_argument("--as-of", metavar="DATE", help="as it would have been at this date or date and time")
        parser.add_argument("--baskets", metavar="IN", help="complete baskets: basket_id, product_id [, customer_id]")
        parser.add_argument("--listings", metavar="IN", help="category or search pages: customer_id, category_id|query")
        parser.add_argument("--queries", metavar="IN", help="answer searches: query [, qid] [, customer_id]")
        parser.add_argument("--rerank", metavar="IN", help="rerank lists: list_id, customer_id, product_id")

    def handle(self, *args: Any, file: Path, verbosity: int, **options: Any) -> None:
        """1. Checks the options. 2. Reads the requests. 3. Writes their lists, a batch at a time."""
        moment, progress = parse_moment(options["as_of"]), progress_bars(self.stderr, verbosity)
        check_options(options)
        if moment is not None:
            require_training_packages()
        try:
            tabular.check_writable(file)
            requests = self.read_requests(options, time.time() if moment is None else moment)
            columns = export.export_columns(requests)
            with recorded_run(RunKind.EXPORT) as recorder, tabular.write_table(file, columns) as write:
                watched = recorder.watch(progress)
                context = export.current_context() if moment is None else learn_past_context(moment, watched)
                run = export.ExportRun(requests.surface, context, options["top"], options["new_only"])
                bar = watched(requests.requests, requests.unit.capitalize(), requests.count)
                say_exported(recorder, requests.count)
                for batch in batched(bar, REQUESTS_PER_BATCH):
                    write(run.rows(batch))
        except (tabular.TableError, export.NoSnapshot) as error:
            raise CommandError(str(error)) from None
        if verbosity:
            skipped = f" {requests.skipped} were skipped." if requests.skipped else ""
            self.stdout.write(f"{file}: the {requests.surface} lists of {requests.count} {requests.unit}.{skipped}")
            if run.without_consent:
                self.stdout.write(
                    f"{len(run.without_consent)} of the customers have given no consent: their lists are not personal. "
                    "`personalization_consent grant` records consent that was given elsewhere."
                )

    def read_requests(self, options: dict[str, Any], now: float) -> export_requests.ExportRequests:
        """The requests in a file, or those for customers."""
        for option, (_, read) in REQUEST_FILES.items():
            if options[option]:
                return read(Path(options[option]), self.stderr.write)
        surface, customers = options["surface"] or "home", options["customers"] or "all"
        if customers == "all":
            return export_requests.requests_for_everyone(surface, now)
        try:
            return export_requests.requests_for_customers(surface, customers, self.stderr.write)
        except ValueError:
            message = f"--customers is {customers!r}; expected primary keys separated by commas, or all."
            raise CommandError(message) from None


def check_options(options: dict[str, Any]) -> None:
    """CommandError names options that are wrong, or wrong together."""
    surface, files = options["surface"], [option for option in REQUEST_FILES if options[option]]
    if options["top"] is not None and options["top"] < 1:
        raise CommandError(f"--top is {options['top']}; expected an integer >= 1.")
    if surface not in (None, *export.SURFACES):
        raise CommandError(f"--surface is {surface!r}; expected one of: {', '.join(export.SURFACES)}.")
    if len(files) > 1:
        raise CommandError(f"--{files[0]} and --{files[1]} are two exports; use one of them.")
    if files and options["customers"]:
        raise CommandError(f"--customers has no effect with --{files[0]}: its file names the customers.")
    if files and surface not in (None, REQUEST_FILES[files[0]][0]):
        raise CommandError(f"--{files[0]} is for --surface {REQUEST_FILES[files[0]][0]}, not for {surface}.")
    if files == ["rerank"] and options["new_only"]:
        raise CommandError("--new-only leaves products out, and --rerank keeps all of them; use one of them.")
    if surface == "navigation" and options["new_only"]:
        raise CommandError("--new-only is about products; --surface navigation lists categories.")
    for option, message in REQUIRED_FILES.items():
        if not files and surface == REQUEST_FILES[option][0]:
            raise CommandError(message)


def learn_past_context(moment: float, progress: Callable[[Any, str, int | None], Any]) -> export.ExportContext:
    """What would have been active at this moment, which has to be learned."""
    from personalization.exchange.past_export import past_context  # noqa: PLC0415 - needs the extra `train`

    return past_context(moment, progress)
