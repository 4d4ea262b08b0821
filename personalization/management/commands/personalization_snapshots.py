"""Lists snapshots, and makes an earlier one serve again: `manage.py personalization_snapshots --serve NAME`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import localtime

from personalization.models import Snapshot, snapshot_files
from personalization.models.snapshot_files import BrokenSnapshot, MissingSnapshot


class Command(BaseCommand):
    """The way back from a snapshot that serves badly; the dashboard has a button for it."""

    help = "Lists the snapshots that there are; with --serve, makes one of them serve until the next is published."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--serve", metavar="NAME", help="the one that serves from now on; previous: the one before")

    def handle(self, *args: Any, serve: str | None, **options: Any) -> None:
        """Makes a snapshot serve, then lists all of them, the newest first."""
        if serve:
            self.serve(self.previous() if serve == "previous" else serve)
        for snapshot in Snapshot.objects.order_by("-pk"):
            made = f"{localtime(snapshot.created_at):%Y-%m-%d %H:%M}"
            self.stdout.write("  ".join([snapshot.name, made, *(["serves"] if snapshot.is_active else [])]))

    def serve(self, name: str) -> None:
        """Makes it serve, if all of its files are whole and this release reads them. CommandError where not."""
        snapshot = Snapshot.objects.filter(name=name).first()
        if snapshot is None:
            names = ", ".join(Snapshot.objects.order_by("-pk").values_list("name", flat=True)) or "none yet"
            raise CommandError(f"There is no snapshot {name!r}. There are: {names}")
        try:
            snapshot_files.read_snapshot(snapshot.name, snapshot.manifest_sha256)
        except (BrokenSnapshot, MissingSnapshot) as fault:
            raise CommandError(f"It cannot serve: {fault}. What serves stays.") from None
        if not Snapshot.objects.serve_again(name):
            raise CommandError("A training run has just removed this snapshot.")

    def previous(self) -> str:
        """The newest of those that are older than what serves. CommandError where there is none."""
        serving = Snapshot.objects.active().first()
        older = Snapshot.objects.filter(pk__lt=serving.pk).order_by("-pk").first() if serving else None
        if older is None:
            raise CommandError("There is no snapshot before the one that serves.")
        return str(older.name)
