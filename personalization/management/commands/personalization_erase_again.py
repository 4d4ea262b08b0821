"""Erases again whom a restored backup brought back: `manage.py personalization_erase_again`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from personalization import conf
from personalization.operations.erasure_log import UnreadableLog, erase_again


class Command(BaseCommand):
    """Reads ERASURE_LOG and erases everybody of it who is in the database."""

    help = "After a backup was restored: erases everybody again who is in ERASURE_LOG. May be interrupted and repeated."

    def handle(self, *args: Any, verbosity: int, **options: Any) -> None:
        if not conf.get_settings().ERASURE_LOG:
            raise CommandError("ERASURE_LOG is not set in PERSONALIZATION: nobody was noted. See docs/production.md.")
        try:
            count = erase_again()
        except UnreadableLog as fault:
            raise CommandError(str(fault)) from None
        if verbosity:
            self.stdout.write(f"Erased again: {count}.")
