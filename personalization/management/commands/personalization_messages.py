"""Writes to customers: `manage.py personalization_messages`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from personalization.lifecycle.kinds import active_kinds
from personalization.lifecycle.message_run import MESSAGES_PER_RUN, run_messages


class Command(BaseCommand):
    """Finds who is due, and sends what is due."""

    help = (
        "Finds who is due for a message of the kinds that the setting MESSAGES names, and sends those that are due, "
        "each at most once. Run it every ten minutes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--limit",
            type=int,
            default=MESSAGES_PER_RUN,
            help=f"decide on at most so many messages ({MESSAGES_PER_RUN})",
        )

    def handle(self, *args: Any, limit: int, verbosity: int, **options: Any) -> None:
        if not active_kinds():
            self.stdout.write("No kind of message is switched on, so nothing was sent. See docs/how-to-messages.md.")
            return
        run = run_messages(limit)
        if verbosity:
            self.stdout.write(f"Done: {run}.")
        if run.result.outage:
            raise CommandError(f"The mail server cannot be reached ({run.result.outage}). What is due stays due.")
