"""Writes what a surface shows to many customers: `manage.py personalization_export lists.csv`."""

import csv
import os
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from personalization import surfaces
from personalization.export import Shown, shown
from personalization.oscar import orders

CUSTOMERS_AT_ONCE = 200
"""Bounds the memory of an export."""


class Command(BaseCommand):
    """Ranked lists with scores and reasons, through the same door as the pages."""

    help = "Writes what customers would be shown now, as a CSV file: one line a customer and product."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the file to write, ending in .csv")
        parser.add_argument("--surface", default="home", choices=sorted(surfaces.every()), help="default: home")
        parser.add_argument(
            "--customers", default="all", help="primary keys with commas between, or all who ever ordered (default)"
        )
        parser.add_argument("--top", type=int, default=100, help="at most so many products a customer (default: 100)")
        parser.add_argument("--new-only", action="store_true", help="leave out what the customer bought before")

    def handle(self, *args: Any, file: Path, surface: str, customers: str, top: int, **options: Any) -> None:
        if file.suffix != ".csv":
            raise CommandError(f"{file} does not end in .csv; an export is a CSV file.")
        if top < 1:
            raise CommandError(f"--top is {top}; it takes a whole number from 1.")
        user_ids = list(orders.customers()) if customers == "all" else [key.strip() for key in customers.split(",")]
        silent = options["verbosity"] == 0
        bar = tqdm(total=len(user_ids), desc="Customers", disable=True if silent else None, file=self.stderr)
        unfinished = file.with_name(file.name + ".new")
        try:
            with bar, open(unfinished, "w", newline="") as output:
                writer = csv.writer(output)
                writer.writerow(Shown._fields)
                for batch in _batches(user_ids):
                    writer.writerows(shown(surface, batch, time.time(), top, options["new_only"]))
                    bar.update(len(batch))
            os.replace(unfinished, file)
        except (ValueError, ValidationError):
            raise CommandError(
                f"--customers is {customers!r}; it takes primary keys with commas between, or all."
            ) from None
        except OSError as error:
            raise CommandError(f"{file} could not be written: {error}") from None
        finally:
            unfinished.unlink(missing_ok=True)
        if not silent:
            self.stdout.write(f"{file}: the {surface} of {len(user_ids)} customers.")


def _batches(user_ids: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(user_ids), CUSTOMERS_AT_ONCE):
        yield user_ids[start : start + CUSTOMERS_AT_ONCE]
