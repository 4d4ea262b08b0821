"""What long work does about a database that goes away for a moment, or lends a connection for one transaction only."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import InterfaceError, InternalError, OperationalError, connection, transaction

logger = logging.getLogger("personalization")

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

CONNECTION_ERRORS = (OperationalError, InterfaceError, InternalError)
"""As what a lost connection shows; the last one where a pooler garbles the end of the conversation."""
PAUSES = (0.1, 1, 5, 20, 60)
"""Seconds before each new attempt."""


def repeat_on_lost_connection(step: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """A function that does the step, and does it again on a new connection where the database goes away meanwhile; so
    it must be one that may be done twice. Within a transaction, which a lost connection ends, and on a database that
    is a file, the step is done once."""

    @wraps(step)
    def repeated(*args: Arguments.args, **named: Arguments.kwargs) -> Result:
        if connection.in_atomic_block or connection.vendor == "sqlite":
            return step(*args, **named)
        for pause in (*PAUSES, None):
            try:
                return step(*args, **named)
            except CONNECTION_ERRORS as error:
                if pause is None:
                    raise
                logger.warning("The database is away or busy, the step is done again in %s s: %s", pause, error)
                connection.close()
                time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    return repeated


def close_idle_connection() -> None:
    """Before long arithmetic: what idles for an hour may be cut without a word, and the next query hang."""
    if not connection.in_atomic_block:
        connection.close()


@contextmanager
def streamed_reads() -> Iterator[None]:
    """Within the block rows can be streamed also where a pooler (PgBouncer in transaction mode) lends a connection for
    one transaction only: a stream of PostgreSQL's lives where it was begun."""
    if connection.vendor != "postgresql" or connection.in_atomic_block:
        yield
    else:
        with transaction.atomic():
            yield
