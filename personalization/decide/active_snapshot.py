"""The snapshot that this process serves from.

A request never looks for it, fetches it or checks it: a thread of the process does, so that a lock on our table, or a
storage that does not answer, keeps nobody waiting. Commands and workers, outside of requests, look for it themselves.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import connections

from personalization import conf
from personalization.models import Snapshot, host_copies, query_limits, snapshot_files
from personalization.models.fail_open import fail_open
from personalization.models.snapshots import ServingState
from personalization.rank.snapshot_arrays import SnapshotArrays

logger = logging.getLogger("personalization")

FIRST_WAIT = 0.15
"""Seconds that the first request of a process waits for the snapshot, once."""
START_SECONDS = 5.0
"""A thread that has not begun by then never will: a server may run none (uWSGI without `enable-threads`)."""
MAX_PAUSE = 300.0
"""Seconds: the longest pause between two tries to read a snapshot whose files are not there."""


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
    pause: float = 0.0
    """Seconds; it doubles with each try to read what is not there."""


@dataclass
class _Watcher:
    """The thread that looks for snapshots, in the process that started it."""

    process: int = 0
    started_at: float = 0.0
    was_missed: bool = False
    """Whether the log says that it never began."""
    began: threading.Event = field(default_factory=threading.Event)
    due: threading.Event = field(default_factory=threading.Event)
    looked: threading.Event = field(default_factory=threading.Event)


also_read: list[Callable[[ServingState], None]] = []
"""What else follows what serves, at each look; none of them may raise."""
_process_cache = _ProcessCache()
_watcher = _Watcher()
_start_lock = threading.Lock()


def get_active_snapshot() -> LoadedSnapshot | None:
    """The snapshot to decide with, or None when there is none. After a broken one the last good one stays active."""
    look_when_due()
    return _process_cache.loaded


def look_when_due() -> None:
    """Has what serves looked for, where that is some seconds ago."""
    cached = _process_cache
    if time.monotonic() - cached.checked >= seconds_between_looks():
        cached.checked = time.monotonic()
        if query_limits.in_request():
            look_in_background()
        else:
            look_for_newer()


def seconds_between_looks() -> float:
    """How long what was found stays good; longer after a snapshot that could not be read."""
    return max(conf.get_settings().SNAPSHOT_POLL_SECONDS, _process_cache.pause)


def reset_active_snapshot() -> None:
    """Makes the next call of `get_active_snapshot` look again, as a fresh process would."""
    _process_cache.loaded, _process_cache.refused = None, ""
    _process_cache.checked, _process_cache.pause = -1e9, 0.0


def look_in_background() -> None:
    """Lets the thread look for a newer snapshot. Waits for it only where nothing has been loaded yet, and once."""
    global _watcher  # noqa: PLW0603 - a fork begins anew
    with _start_lock:
        if _watcher.process != os.getpid():
            _watcher = _Watcher(process=os.getpid(), started_at=time.monotonic())
            threading.Thread(target=_watch, args=[_watcher], name="personalization-snapshot", daemon=True).start()
    if not _watcher.began.is_set() and time.monotonic() - _watcher.started_at > START_SECONDS:
        if not _watcher.was_missed:
            logger.warning("This server runs no threads (uWSGI: enable-threads); requests look for snapshots")
        _watcher.was_missed = True
        look_for_newer()
        return
    _watcher.due.set()
    if _process_cache.loaded is None and not _watcher.looked.is_set():
        _watcher.looked.wait(FIRST_WAIT)
        _watcher.looked.set()


def _watch(watcher: _Watcher) -> None:
    watcher.began.set()
    while True:
        watcher.due.wait()
        watcher.due.clear()
        look_for_newer()
        watcher.looked.set()
        connections.close_all()  # this thread's own; idle until the next look


def look_for_newer() -> None:
    """Reads the active snapshot, and whatever else serves, if it is another one than this process has."""
    state = None
    with fail_open("Looking for what serves"):
        state = Snapshot.objects.serving_state()
    if state is not None:
        for read in also_read:  # they need no file, so they do not wait for one
            read(state)
        with fail_open("Loading a newer snapshot", queries=False):
            _load_newer_snapshot(state)


def _load_newer_snapshot(row: ServingState) -> None:
    if (
        not row.name
        or row.name == _process_cache.refused
        or (_process_cache.loaded and row.name == _process_cache.loaded.name)
    ):
        return
    last_good = _process_cache.loaded.name if _process_cache.loaded else "none"
    try:
        arrays = host_copies.load_snapshot(row.name, row.manifest_sha256)
    except snapshot_files.BrokenSnapshot as fault:  # it stays broken
        _process_cache.refused = row.name
        logger.error("Snapshot %s is broken (%s); the last good one stays active: %s", row.name, fault, last_good)
    except snapshot_files.MissingSnapshot as fault:
        pause = max(conf.get_settings().SNAPSHOT_POLL_SECONDS, _process_cache.pause * 2)
        _process_cache.pause = min(pause, MAX_PAUSE)
        logger.warning(
            "Snapshot %s cannot be read (%s); tried again in %.0f s. Until then: %s",
            row.name,
            fault,
            _process_cache.pause,
            last_good,
        )
    else:
        _process_cache.loaded, _process_cache.pause = LoadedSnapshot(arrays, row.name), 0.0
