"""Writes an audience for the shop's mail or ad tool: `manage.py personalization_export_audience KEY`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from personalization.lifecycle.audiences import FORMATS, NoAudience, audience_lines, find_audience, record_export


class Command(BaseCommand):
    """The addresses go to where its output goes: into the tool, and into no file of ours."""

    help = "Prints the addresses of a segment's customers who allow offers and agreed, with a key for their responses."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("segment", metavar="KEY", help="the key of a live segment")
        parser.add_argument("--format", choices=FORMATS, default="csv", help="default: csv")
        parser.add_argument(
            "--hashed", action="store_true", help="SHA-256 of the lower-case addresses, in place of the addresses"
        )

    def handle(self, *args: Any, segment: str, hashed: bool, **options: Any) -> None:
        try:
            audience = find_audience(segment, now(), is_hashed=hashed)
        except NoAudience as error:
            raise CommandError(str(error)) from None
        record_export(audience, None, "by a command")
        for piece in audience_lines(audience, options["format"]):
            self.stdout.write(piece, ending="")
