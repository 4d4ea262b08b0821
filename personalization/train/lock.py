"""Only one training run at a time."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.files import locks
from django.db import connection

from personalization.models import snapshot_files

KEY = 7_203_685_547
"""An arbitrary number that is ours among the advisory locks of a PostgreSQL database."""


class TrainingInProgress(Exception):
    """Another training run holds the lock."""


@contextmanager
def training_lock() -> Iterator[None]:
    """Holds the lock for the block; the lock of a killed process is released by the system.

    Raises
    ------
    TrainingInProgress : at once, when another run holds it.
    """
    with _database_lock() if connection.vendor == "postgresql" else _file_lock():
        yield


@contextmanager
def _database_lock() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [KEY])
        if not cursor.fetchone()[0]:
            raise TrainingInProgress
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [KEY])


@contextmanager
def _file_lock() -> Iterator[None]:
    folder = snapshot_files.local_root()
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "training.lock", "w") as file:
        if not locks.lock(file, locks.LOCK_EX | locks.LOCK_NB):
            raise TrainingInProgress
        yield
