"""How our reads stay out of the shop's way."""

import logging
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from django.db import Error, InterfaceError, InternalError, OperationalError, ProgrammingError, connection, transaction

from personalization.models import query_limits
from personalization.models.query_limits import QueryTimeout, limited_queries

logger = logging.getLogger("personalization")

DATABASE_OUTAGES = (OperationalError, ProgrammingError, InternalError, InterfaceError, QueryTimeout)
"""What Django raises where the database does not answer, or lacks a table; not where it refuses what it was given."""
HOUR = 3600.0
PACKAGE = Path(__file__).parents[1]
_logged_at: dict[tuple[str, str], float] = {}
"""When a fault was last logged, by what failed and how."""


@contextmanager
def fail_open(what: str, *, queries: bool = True, whole_page: bool = False) -> Iterator[None]:
    """Runs the block so that an error in it neither reaches the page nor spoils the shop's transaction, and a lock or a
    slow database does not hold the page up: see `query_limits`.

    Under ATOMIC_REQUESTS a caught database error would still fail every later query of the request; a savepoint keeps
    it inside, and is spared where the block makes no query of its own.

    Parameters: `queries`, whether it makes any; `whole_page`, whether it is all that a page asks, which may take longer
    than a part of one.
    """
    try:
        if queries and connection.in_atomic_block:
            with savepoint(), limited_queries(what, whole_page=whole_page):
                yield
        elif queries:
            with limited_queries(what, whole_page=whole_page):
                yield
        else:
            yield
    except Exception as fault:
        log_fault(what, fault)


@contextmanager
def savepoint() -> Iterator[None]:
    """A savepoint around the block. Where none can be set, as the connection is gone, the block begins all the same,
    and what it asks fails in the same way: a block cannot be left out from here."""
    with ExitStack() as stack:
        try:
            stack.enter_context(transaction.atomic())
        except Error as fault:
            stack.enter_context(connection.execute_wrapper(_raising(fault)))
        yield


def _raising(fault: Exception) -> Callable[..., Any]:
    def refuse(*asked: Any) -> Any:
        raise fault

    return refuse


def log_fault(what: str, fault: Exception) -> None:
    """Says in the log what failed, how and where, once an hour for each. Never the error's own text: a database quotes
    the row that it refuses, with a visitor's id and search."""
    how = describe_fault(fault)
    if time.monotonic() - _logged_at.get((what, how), -HOUR) >= HOUR:
        _logged_at[what, how] = time.monotonic()
        logger.error("%s failed (%s); the page goes on without it. Not said again within an hour.", what, how)


def describe_fault(fault: BaseException) -> str:
    """The class of an error, its SQLSTATE if a database gave one, and the line of ours that it came from."""
    names = [type(fault).__name__]
    codes = (getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None) for cause in (fault.__cause__, fault))
    names += [f"SQLSTATE {code}" for code in codes if code][:1]
    frames = [frame for frame in traceback.extract_tb(fault.__traceback__) if _is_ours(frame.filename)]
    names += [f"{Path(frame.filename).relative_to(PACKAGE.parent)}:{frame.lineno}" for frame in frames[-1:]]
    return ", ".join(names)


def _is_ours(filename: str) -> bool:
    path = Path(filename)
    return path.is_relative_to(PACKAGE) and path not in (Path(__file__), Path(query_limits.__file__))


def reset_fault_log() -> None:
    """Says everything again, as a new process does."""
    _logged_at.clear()
