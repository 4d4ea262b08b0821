"""Writes to customers: `manage.py personalization_messages`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from personalization import conf
from personalization.lifecycle.live_messages import read_live_messages
from personalization.lifecycle.message_run import MESSAGES_PER_RUN, run_messages
from personalization.models.job_runs import Job, job_run


class Command(BaseCommand):
    """Finds who is due, and sends what is due."""

    help = (
        "Finds who is due for a message that is live in the dashboard, and sends those that are due, each at most "
        "once. Run it every ten minutes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--limit",
            type=int,
            default=MESSAGES_PER_RUN,
            help=f"decide on at most so many messages ({MESSAGES_PER_RUN})",
        )

    def handle(self, *args: Any, limit: int, verbosity: int, **options: Any) -> None:
        if missing := conf.missing_message_settings():
            self.stdout.write(f"Nothing was sent: {', '.join(missing)} is not set. See docs/how-to-messages.md.")
            return
        is_off = not read_live_messages(now())
        with job_run(Job.MESSAGES):
            run = run_messages(limit)
        if is_off and not run.result.skipped:
            self.stdout.write("No message is live in the dashboard, so nothing was sent. See docs/how-to-messages.md.")
            return
        if verbosity:
            self.stdout.write(f"Done: {run}.")
        if run.result.outage:
            raise CommandError(f"The mail server cannot be reached ({run.result.outage}). What is due stays due.")
