"""Writes a snapshot, then makes it the active one by a single switch."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from personalization import __version__, conf, signals
from personalization.models import Snapshot, snapshot_files
from personalization.models.lost_connections import repeat_on_lost_connection
from personalization.train.lock import TrainingLock

logger = logging.getLogger("personalization")


def publish_snapshot(
    arrays: Mapping[str, NDArray[Any]], summary: Mapping[str, object], now: float, lock: TrainingLock
) -> Snapshot:
    """Stores the arrays as files, reads them as web processes will, then makes them the active snapshot in one
    transaction, if the lock is still ours. Of what cannot be published no file is left. `now` is the end of the history
    from which they were learned, in seconds since 1970."""
    name = snapshot_files.new_snapshot_name(datetime.fromtimestamp(now, UTC))
    versions = {"personalization": __version__, "numpy": np.__version__}
    try:
        checksum = snapshot_files.write_snapshot(name, arrays, {"trained_until": now, "versions": versions})
        snapshot_files.read_snapshot(name, checksum)
        snapshot = _switch(name, checksum, summary, lock)
    except BaseException:
        _remove_unpublished(name)
        raise
    signals.send_on_commit(signals.snapshot_published, Snapshot, snapshot=snapshot)
    return snapshot


@repeat_on_lost_connection
def _switch(name: str, checksum: str, summary: Mapping[str, object], lock: TrainingLock) -> Snapshot:
    with transaction.atomic():
        lock.confirm()
        return Snapshot.objects.publish(name, checksum, dict(summary))


def _remove_unpublished(name: str) -> None:
    """A switch may have been made although its answer was lost."""
    try:
        if not Snapshot.objects.filter(name=name).exists():
            snapshot_files.remove_snapshot(name)
    except Exception as error:
        logger.warning("The files of snapshot %s stay until the next run: %s", name, error)


@repeat_on_lost_connection
def remove_outdated_snapshots() -> None:
    """Deletes old snapshots, and files that crashed runs left behind."""
    outdated = list(Snapshot.objects.outdated(conf.get_settings().SNAPSHOTS_KEPT))
    Snapshot.objects.filter(pk__in=[snapshot.pk for snapshot in outdated]).delete()
    kept = set(Snapshot.objects.values_list("name", flat=True))
    for name in snapshot_files.stored_snapshots():
        if name not in kept:
            snapshot_files.remove_snapshot(name)
