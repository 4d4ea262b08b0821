"""Records consent from elsewhere: `manage.py personalization_consent grant --customers all --source "old shop"`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from personalization import conf
from personalization.exchange.consent_files import read_customers
from personalization.exchange.tabular import TableError
from personalization.privacy import consent_lists
from personalization.shop.customers import LOOKUP_FIELDS, NoSuchField, all_customers

MAX_LENGTHS = {"source": 64, "version": 32}


class Command(BaseCommand):
    """For a shop that asked its customers for consent before it used this app."""

    help = "Records consent that customers gave or withdrew elsewhere, or counts it. Never overrides a withdrawal."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("status", help="count customers and browsers by their consent")
        for action in ("grant", "withdraw"):
            options = actions.add_parser(action)
            all_or = "all, or " if action == "grant" else ""
            options.add_argument("--customers", required=True, help=f"{all_or}a file with a customer in each row")
            options.add_argument("--users", choices=LOOKUP_FIELDS, default="id", help="what a row holds (default: id)")
            options.add_argument("--source", required=True, help="where they did so, up to 64 characters: the proof")
            options.add_argument("--version", help="of the text they agreed to (default: setting CONSENT_VERSION)")

    def handle(self, *args: Any, action: str, verbosity: int, **options: Any) -> None:
        if action == "status":
            self.stdout.write(str(consent_lists.consent_counts()))
            return
        version = options["version"] or conf.get_settings().CONSENT_VERSION
        proof = {"source": options["source"].strip(), "version": version}
        for name, limit in MAX_LENGTHS.items():
            if not 0 < len(proof[name]) <= limit:
                raise CommandError(f"--{name} is {proof[name]!r}; expected a string of 1 to {limit} characters.")
        try:
            customers = self.read_customers(action, options["customers"], options["users"])
        except (TableError, NoSuchField) as error:
            raise CommandError(str(error)) from None
        record = consent_lists.record_grants if action == "grant" else consent_lists.record_withdrawals
        count = record(customers, now=now(), **proof)
        if verbosity:
            done = "granted" if action == "grant" else "withdrawn"
            self.stdout.write(f"{count} of {len(customers)} customers: {done}.")

    def read_customers(self, action: str, customers: str, by: str) -> list[Any]:
        """The primary keys of the customers in the file, or of all."""
        if customers != "all":
            return read_customers(Path(customers), by)
        if action == "withdraw":
            raise CommandError("--customers is 'all'; expected a file with a customer in each row.")
        return all_customers()
