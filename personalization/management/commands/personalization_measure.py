"""Gives credit for what was bought: `manage.py personalization_measure`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from personalization.measure.outcomes import measure_outcomes
from personalization.models.job_runs import Job, job_run


class Command(BaseCommand):
    """Credits order lines to the rows that they are owed to, and counts them."""

    help = (
        "Credits the order lines of the last day to the rows in which their products were clicked on or seen, and "
        "counts them. Run it every hour; personalization_apply_retention does the same for all days."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--all", action="store_true", help="look at all orders that may have changed, not at those of the last day"
        )

    def handle(self, *args: Any, verbosity: int, **options: Any) -> None:
        with job_run(Job.MEASURE):
            result = measure_outcomes(thorough=options["all"])
        if verbosity:
            self.stdout.write(f"Done: {result}.")
