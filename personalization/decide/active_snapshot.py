"""The snapshot that this process serves from."""

import logging
import time
from dataclasses import dataclass

from personalization import conf
from personalization.models import Snapshot, snapshot_files
from personalization.models.fail_open import fail_open
from personalization.rank.snapshot_arrays import SnapshotArrays

logger = logging.getLogger("personalization")


@dataclass(frozen=True)
class LoadedSnapshot(SnapshotArrays):
    """A snapshot in memory, and its name."""

    name: str = ""


@dataclass
class _ProcessCache:
    """What this process remembers between requests. Two threads may load one snapshot at once; the last one stays."""

    loaded: LoadedSnapshot | None = None
    refused: str = ""
    checked: float = -1e9


_process_cache = _ProcessCache()


def get_active_snapshot() -> LoadedSnapshot | None:
    """The snapshot to decide with, or None when there is none. After a broken one the last good one stays active."""
    if time.monotonic() - _process_cache.checked >= conf.get_settings().SNAPSHOT_POLL_SECONDS:
        _process_cache.checked = time.monotonic()
        with fail_open("Looking for a newer snapshot"):
            _load_newer_snapshot()
    return _process_cache.loaded


def reset_active_snapshot() -> None:
    """Makes the next call of `get_active_snapshot` look again, as a fresh process would."""
    _process_cache.loaded, _process_cache.refused, _process_cache.checked = None, "", -1e9


def _load_newer_snapshot() -> None:
    row = Snapshot.objects.active().first()
    if (
        row is None
        or row.name == _process_cache.refused
        or (_process_cache.loaded and row.name == _process_cache.loaded.name)
    ):
        return
    try:
        _process_cache.loaded = LoadedSnapshot(snapshot_files.read_snapshot(row.name, row.manifest_sha256), row.name)
    except snapshot_files.BrokenSnapshot:  # it stays broken; any other failure is tried again
        _process_cache.refused = row.name
        last_good = _process_cache.loaded.name if _process_cache.loaded else "none"
        logger.exception("Snapshot %s is broken; the last good one stays active: %s", row.name, last_good)
