"""Writes a snapshot, then makes it the active one by a single switch."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization import __version__, conf, signals
from personalization.models import Snapshot, snapshot_files


def publish_snapshot(arrays: Mapping[str, NDArray[Any]], summary: Mapping[str, object], now: float) -> Snapshot:
    """Stores the arrays as files, then makes them the active snapshot in one transaction. `now` is the end of the
    history from which they were learned, in seconds since 1970."""
    name = snapshot_files.new_snapshot_name(datetime.fromtimestamp(now, UTC))
    versions = {"personalization": __version__, "numpy": np.__version__}
    checksum = snapshot_files.write_snapshot(name, arrays, {"trained_until": now, "versions": versions})
    snapshot = Snapshot.objects.publish(name, checksum, dict(summary))
    signals.send_on_commit(signals.snapshot_published, Snapshot, snapshot=snapshot)
    return snapshot


def remove_outdated_snapshots() -> None:
    """Deletes old snapshots, and files that crashed runs left behind."""
    outdated = list(Snapshot.objects.outdated(conf.get_settings().SNAPSHOTS_KEPT))
    Snapshot.objects.filter(pk__in=[snapshot.pk for snapshot in outdated]).delete()
    kept = set(Snapshot.objects.values_list("name", flat=True))
    for name in snapshot_files.stored_snapshots():
        if name not in kept:
            snapshot_files.remove_snapshot(name)
