"""The snapshot that this process serves from."""

import logging
import time
from dataclasses import dataclass

from personalization import conf
from personalization.models import Snapshot, snapshot_files
from personalization.models.fail_open import failing_open
from personalization.rank.snapshot_arrays import Learned

logger = logging.getLogger("personalization")


@dataclass(frozen=True)
class LoadedSnapshot(Learned):
    """What serves: what a training run learned, by its name."""

    name: str = ""


@dataclass
class _Process:
    """What this process remembers between requests. Two threads may load the same snapshot at once; one then wins."""

    loaded: LoadedSnapshot | None = None
    refused: str = ""
    checked: float = -1e9


_process = _Process()


def current() -> LoadedSnapshot | None:
    """The snapshot to decide with, or None when there is none. A broken newer one leaves the last good one serving."""
    if time.monotonic() - _process.checked >= conf.current().snapshot_check_seconds:
        _process.checked = time.monotonic()
        with failing_open("Looking for a newer snapshot"):
            _look_for_newer()
    return _process.loaded


def forget() -> None:
    """Makes the next call of `current` look anew, as a fresh process would."""
    _process.loaded, _process.refused, _process.checked = None, "", -1e9


def _look_for_newer() -> None:
    row = Snapshot.objects.serving().first()
    if row is None or row.name == _process.refused or (_process.loaded and row.name == _process.loaded.name):
        return
    try:
        _process.loaded = LoadedSnapshot(snapshot_files.read(row.name, row.manifest_sha256), row.name)
    except snapshot_files.BrokenSnapshot:  # it stays broken; whatever else went wrong is tried again
        _process.refused = row.name
        last_good = _process.loaded.name if _process.loaded else "none"
        logger.exception("Snapshot %s is broken; the last good one serves on: %s", row.name, last_good)
