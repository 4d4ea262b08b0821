"""Records what customers allowed elsewhere: `manage.py personalization_consent grant --customers all --source shop`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from personalization import conf
from personalization.privacy import consent_lists
from personalization.shop.customers import LOOKUP_FIELDS


class Command(BaseCommand):
    """For a shop that asked its customers before this app was there."""

    help = "Records consent that customers gave or withdrew elsewhere, or says how many have. Overrides no withdrawal."

    def add_arguments(self, parser: ArgumentParser) -> None:
        whats = parser.add_subparsers(dest="what", required=True)
        whats.add_parser("status", help="how many customers and browsers allow what")
        for what in ("grant", "withdraw"):
            one = whats.add_parser(what)
            everyone = "all, or " if what == "grant" else ""
            one.add_argument("--customers", required=True, help=f"{everyone}a file with a customer a line")
            one.add_argument(
                "--users", choices=LOOKUP_FIELDS, default="id", help="what a line holds (default: the primary key)"
            )
            one.add_argument("--source", required=True, help="where they said so, in at most 64 letters: the proof")
            one.add_argument("--version", help="of the text they agreed to (default: the setting CONSENT_VERSION)")

    def handle(self, *args: Any, what: str, verbosity: int, **options: Any) -> None:
        if what == "status":
            self.stdout.write(str(consent_lists.consent_counts()))
            return
        proof = {
            "source": options["source"].strip(),
            "version": options["version"] or conf.get_settings().CONSENT_VERSION,
        }
        for name, most in (("source", 64), ("version", 32)):
            if not 0 < len(proof[name]) <= most:
                raise CommandError(f"--{name} is {proof[name]!r}; it takes a text of at most {most} letters.")
        try:
            asked = self.customers(what, options["customers"], options["users"])
            record = consent_lists.record_grants if what == "grant" else consent_lists.record_withdrawals
            count = record(asked, now=now(), **proof)
        except consent_lists.UnclearCustomers as error:
            raise CommandError(str(error)) from None
        if verbosity:
            self.stdout.write(f"{count} of {len(asked)} customers: {'granted' if what == 'grant' else 'withdrawn'}.")

    def customers(self, what: str, given: str, by: str) -> list[Any]:
        if given != "all":
            return consent_lists.customers_from_file(Path(given), by)
        if what == "withdraw":
            raise CommandError("--customers is 'all'; withdraw takes a file with a customer a line.")
        return consent_lists.all_customers()
