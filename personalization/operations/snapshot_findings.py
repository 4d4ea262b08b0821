"""What serves: whether it is there, whole and young, and whether there is room for the next one."""

import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from personalization.health import OVERDUE, Health
from personalization.models import Snapshot, snapshot_files
from personalization.operations.findings import Finding, Severity

TRAIN = "python manage.py personalization_train"
TOO_OLD = timedelta(days=7)
LEAST_FREE = 0.05
"""With a smaller part of the disk free it is nearly full, ..."""
LEAST_FREE_BYTES = 2 * 2**30
"""... unless as much as this is free."""


def snapshot_findings(health: Health) -> Iterator[Finding]:
    """One query, and the files of the snapshot that serves."""
    yield from _state_of_snapshot(health)
    yield from _state_of_folder()


def _state_of_snapshot(health: Health) -> Iterator[Finding]:
    serving = Snapshot.objects.active().first()
    if serving is None:
        yield Finding(
            "snapshot-none",
            Severity.LATE,
            _("Nothing has been learned yet."),
            _("Rows show bestsellers by the shop's own counts, and what is new."),
            TRAIN,
        )
        return
    try:
        snapshot_files.read_snapshot(serving.name, serving.manifest_sha256)
    except (snapshot_files.BrokenSnapshot, snapshot_files.MissingSnapshot) as fault:
        remedy = pgettext("personalization", "Train again: %(line)s") % {"line": TRAIN}
        if isinstance(fault, snapshot_files.MissingSnapshot):
            remedy = _(
                'Share the folder with the host that trains, or name a shared storage in STORAGES["personalization"].'
            )
        yield Finding(
            "snapshot-unreadable",
            Severity.WRONG,
            _("The snapshot that should serve cannot be read here: %(fault)s.") % {"fault": fault},
            _("Processes on this host go on with an older one, or show bestsellers."),
            remedy,
        )
        return
    age = health.snapshot_age
    if age is not None and age > OVERDUE:
        words = ngettext(
            "What serves was learned %(days)d day ago.", "What serves was learned %(days)d days ago.", age.days
        )
        yield Finding(
            "snapshot-old",
            Severity.WRONG if age > TOO_OLD else Severity.LATE,
            words % {"days": age.days},
            _("New products are missing in what was learned, and trends are those of then."),
            TRAIN,
        )


def _state_of_folder() -> Iterator[Finding]:
    home = snapshot_files.snapshot_storage()
    try:
        folder: Path | None = Path(home.path(""))
    except NotImplementedError:  # a storage elsewhere
        folder = None
    while folder is not None and not folder.exists():
        folder = folder.parent  # the training run makes it
    if folder is None:
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Finding(
            "snapshot-folder",
            Severity.LATE,
            _("This process may not write into %(folder)s.") % {"folder": folder},
            _("Where a training run cannot store what it learned, nothing new serves. Web hosts need only read it."),
            f"chown -R $(whoami) {folder}",
        )
    disk = shutil.disk_usage(folder)
    if disk.free < LEAST_FREE * disk.total and disk.free < LEAST_FREE_BYTES:
        yield Finding(
            "disk-full",
            Severity.WRONG,
            _("The disk of %(folder)s is nearly full: %(free)d MB are free.")
            % {"folder": folder, "free": disk.free // 10**6},
            _("The next training run will be refused for want of room."),
            f"du -sh {folder}/*",
        )
