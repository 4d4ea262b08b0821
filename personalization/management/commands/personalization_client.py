"""Writes the API's JavaScript client: `manage.py personalization_client frontend/src/`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from personalization.api import client

SHIPPED = Path(client.__file__).parents[1] / "static" / "personalization"
"""Where the one lies that comes with this app."""


class Command(BaseCommand):
    """A module without dependencies, and its types for TypeScript."""

    help = "Writes client.js and client.d.ts, a client of the API, into a folder: for instance of your own front end."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "folder", nargs="?", type=Path, default=SHIPPED, help="default: this app's own, which is for its developers"
        )

    def handle(self, *args: Any, folder: Path, verbosity: int, **options: Any) -> None:
        if not folder.is_dir():
            raise CommandError(f"{folder} is no folder; make it first, or name the one where the client shall lie.")
        for name, text in client.files().items():
            try:
                (folder / name).write_text(text, encoding="utf-8", newline="\n")
            except OSError as error:
                raise CommandError(f"{folder / name} cannot be written: {error.strerror}.") from None
            if verbosity:
                self.stdout.write(f"Written: {folder / name}")
