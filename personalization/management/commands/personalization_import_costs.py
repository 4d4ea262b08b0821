"""Imports what products cost: `manage.py personalization_import_costs costs.csv --dry-run`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from personalization.exchange.cost_import import COST_ITEMS, import_costs, import_sentence, open_cost_file
from personalization.exchange.tabular import TableError


class Command(BaseCommand):
    """Costs from a file, so that margin can count."""

    help = (
        "Imports what a piece of each product costs, without tax, from a CSV file with the columns product and cost; "
        "currency, and since, the day from which it holds, may be there, too."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a .csv file with a header, or a .jsonl file")
        parser.add_argument("--items", choices=COST_ITEMS, default="sku", help="what product is (default: sku)")
        parser.add_argument("--dry-run", action="store_true", help="store nothing, only report")

    def handle(self, *args: Any, file: Path, items: str, dry_run: bool, **options: Any) -> None:
        try:
            with open_cost_file(file) as rows:
                result = import_costs(rows, items=items, dry_run=dry_run)
        except TableError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"Nothing was stored. {import_sentence(result)}" if dry_run else import_sentence(result))
        for location, why in result.rejected:
            self.stdout.write(f"  {location}: {why}")
        if result.left_out > len(result.rejected):
            self.stdout.write(f"  and {result.left_out - len(result.rejected)} more")
