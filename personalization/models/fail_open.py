"""How our reads stay out of the shop's way."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import InterfaceError, InternalError, OperationalError, ProgrammingError, connection, transaction

logger = logging.getLogger("personalization")

DATABASE_OUTAGES = (OperationalError, ProgrammingError, InternalError, InterfaceError)
"""What Django raises where the database does not answer, or lacks a table; not where it refuses what it was given."""


@contextmanager
def fail_open(what: str, *, queries: bool = True) -> Iterator[None]:
    """Runs the block so that an error in it neither reaches the page nor spoils the shop's transaction.

    Under ATOMIC_REQUESTS a caught database error would still fail every later query of the request; a savepoint keeps
    it inside, and is spared where the block makes no query of its own. The log gets the traceback, and nothing about
    the visitor.
    """
    try:
        if queries and connection.in_atomic_block:
            with transaction.atomic():
                yield
        else:
            yield
    except Exception:
        logger.exception("%s failed; the page goes on without it", what)
