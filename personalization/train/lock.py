"""Only one training run at a time, on all machines that share the database."""

import logging
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, connection

from personalization.models import TrainingLease
from personalization.models.lost_connections import repeat_on_lost_connection
from personalization.models.training_leases import LEASE

logger = logging.getLogger("personalization")

RENEWAL_SECONDS = LEASE.total_seconds() / 4


class TrainingInProgress(Exception):
    """Another training run holds the lock; the message says who, and since when."""


class TrainingOvertaken(Exception):
    """This run was not heard of for so long that another one began: it must publish nothing."""


class TrainingLock:
    """The right of one run to train, kept while it runs by a thread with a connection of its own."""

    def __init__(self) -> None:
        self._token, self._over = secrets.token_hex(16), threading.Event()
        self._renewal = threading.Thread(target=self._keep, name="training-lock", daemon=True)

    def acquire(self) -> None:
        """TrainingInProgress when another run has it."""
        holder = TrainingLease.objects.current()
        abandoned = holder.token if holder and _is_gone(holder) else ""
        if not TrainingLease.objects.take(self._token, socket.gethostname(), os.getpid(), abandoned=abandoned):
            raise TrainingInProgress(f"Another training run is in progress: {TrainingLease.objects.current()}")
        self._renewal.start()

    def confirm(self) -> None:
        """Nobody else can publish until the end of this transaction. TrainingOvertaken when somebody else may."""
        if not TrainingLease.objects.renew(self._token):
            raise TrainingOvertaken(
                f"this run was not heard of for some minutes, and another one began: {TrainingLease.objects.current()}"
            )

    def release(self) -> None:
        """Lets the next run begin; where the database is away, the right runs out by itself."""
        self._over.set()
        self._renewal.join(timeout=RENEWAL_SECONDS)
        try:
            repeat_on_lost_connection(TrainingLease.objects.release)(self._token)
        except DatabaseError as error:
            logger.warning("The training lock is free in %s: %s", LEASE, error)

    def _keep(self) -> None:
        while not self._over.wait(RENEWAL_SECONDS):
            try:
                if not TrainingLease.objects.renew(self._token):
                    logger.error("Another training run began; this one will publish nothing")
                    return
            except DatabaseError as error:
                logger.warning("The training lock was not renewed: %s", error)
            finally:
                connection.close()


@contextmanager
def training_lock() -> Iterator[TrainingLock]:
    """Holds the lock for the block. That of a killed process is free at once for others on its host, and for all when
    it runs out.

    Raises
    ------
    TrainingInProgress : at once, when another run holds it.
    """
    lock = TrainingLock()
    repeat_on_lost_connection(lock.acquire)()
    try:
        yield lock
    finally:
        lock.release()


def _is_gone(holder: TrainingLease) -> bool:
    """Whether the holder was a process of this host that is no more."""
    if holder.host != socket.gethostname():
        return False
    try:
        os.kill(holder.process, 0)  # sends nothing
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False
