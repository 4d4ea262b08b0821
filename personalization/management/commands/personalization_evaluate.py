"""Evaluates the ranked lists: `manage.py personalization_evaluate`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from personalization.management.options import require_training_packages
from personalization.rank.tasks import RANKING_TASKS


class Command(BaseCommand):
    """Holds out the last weeks of the shop's own orders, trains on the rest, and compares with what was bought."""

    help = (
        "Evaluates the ranked lists, or the forecast of customers, on the shop's own past orders. Nothing is changed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--weeks", type=int, help="weeks to hold out (default: the setting EVALUATION_DAYS)")
        parser.add_argument(
            "--task", action="append", choices=list(RANKING_TASKS), help="evaluate only this; may be repeated"
        )
        parser.add_argument("--as-of", metavar="DATE", help="evaluate as of this date, or date and time")
        parser.add_argument(
            "--signals",
            action="store_true",
            help="also say what views and clicks are worth: the lists with and without them; takes up to three times "
            "as long",
        )
        parser.add_argument(
            "--value",
            action="store_true",
            help="instead of the lists: how well it would have been known 90 days ago what each customer orders and "
            "spends; all numbers with --verbosity 2",
        )
        parser.add_argument("--json", type=Path, metavar="FILE", help="also write all numbers to this file")

    def handle(self, *args: Any, **options: Any) -> None:
        require_training_packages()
        from personalization.management.evaluation import Evaluating  # noqa: PLC0415 - needs these packages

        Evaluating(self.stdout, self.stderr).evaluate(**options)
