"""Bounds how long our queries keep a page waiting.

PostgreSQL only: SQLite has no locks that one table can wait for. No `statement_timeout`: set inside the shop's
transaction it would leak into the shop's own queries, and it would cost two queries a block. A thread of this process
cancels instead what runs too long, while the thread that waits for it holds no lock of ours.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.db import DatabaseError, connection

from personalization import conf

TICK = 0.005
"""Seconds between two looks for queries that run too long."""
IDLE_AFTER = 5.0
"""Seconds without a query of ours after which nobody looks any more."""
CANCEL_TIMEOUT = 1.0
"""Seconds that a request to cancel a query may take."""
PAUSE_SECONDS = 10.0
"""For so long a kind of query that ran too long is not made again, so that the next page does not wait for it."""
PASSED_ON = ("SAVEPOINT", "RELEASE", "ROLLBACK")
"""Statements that only open and close our part of the shop's transaction."""


class QueryTimeout(DatabaseError):
    """A query of ours was not made, as such a query ran too long just now, or the page has waited long enough."""


class _RunningQuery:
    """A query that is cancelled at its deadline."""

    def __init__(self, driver: Any, seconds: float) -> None:
        self._driver, self._lock, self._done = driver, threading.Lock(), False
        self.deadline = time.monotonic() + seconds
        self.was_cancelled = False

    def cancel(self) -> None:
        """Asks the server to stop it, again and again until it has: what ends meanwhile cannot be hit, as `finish`
        waits for this."""
        with self._lock:
            if not self._done:
                self.was_cancelled = True
                with suppress(Exception):  # the server may be gone; then the query ends by itself
                    _cancel(self._driver)

    def finish(self) -> None:
        """From now on there is nothing to cancel."""
        with self._lock:
            self._done = True


def _cancel(driver: Any) -> None:
    if hasattr(driver, "cancel_safe"):  # psycopg 3.2
        driver.cancel_safe(timeout=CANCEL_TIMEOUT)
    else:
        driver.cancel()


class _Watchdog:
    """The thread that cancels. One a process; it sleeps while we ask nothing."""

    def __init__(self) -> None:
        self._running: dict[int, _RunningQuery] = {}
        self._awake = threading.Event()
        self._process = 0
        self._start_lock = threading.Lock()

    @contextmanager
    def watch(self, query: _RunningQuery) -> Iterator[None]:
        """Cancels this query if it runs longer than it may."""
        if self._process != os.getpid():
            self._start()
        self._running[id(query)] = query
        if not self._awake.is_set():
            self._awake.set()
        try:
            yield
        finally:
            self._running.pop(id(query), None)
            query.finish()

    def _start(self) -> None:
        """In this process, a fork perhaps, there is no thread yet. A daemon: it keeps no process from ending."""
        with self._start_lock:
            if self._process != os.getpid():
                self._running.clear()
                threading.Thread(target=self._look, name="personalization-query-limits", daemon=True).start()
                self._process = os.getpid()

    def _look(self) -> None:
        busy = time.monotonic()
        while True:
            moment = time.monotonic()
            running = list(self._running.values())
            for query in running:
                if query.deadline <= moment:
                    query.cancel()
            busy = moment if running else busy
            if moment - busy > IDLE_AFTER:
                self._awake.clear()
                if not self._running:
                    self._awake.wait()
                busy = time.monotonic()
            time.sleep(TICK)


class _Page(threading.local):
    """What the request of this thread has lost in waiting so far."""

    in_request = False
    seconds_lost = 0.0


_watchdog, _page = _Watchdog(), _Page()
_paused_until: dict[str, float] = {}


def start_request(**rest: Any) -> None:
    """A new request: nothing is lost yet. Receives Django's signal."""
    _page.in_request, _page.seconds_lost = True, 0.0


def finish_request(**rest: Any) -> None:
    """The response was sent. Receives Django's signal."""
    _page.in_request, _page.seconds_lost = False, 0.0


def in_request() -> bool:
    """Whether this thread is answering a request; commands and workers may take longer."""
    return _page.in_request


@contextmanager
def limited_queries(kind: str, *, whole_page: bool = False) -> Iterator[None]:
    """Cancels what the block asks the database for longer than ROW_QUERY_MILLISECONDS in all, or, where it is the whole
    of what a page asks, PAGE_QUERY_MILLISECONDS; and for longer than is left for the page. While such a block is
    paused, its queries fail at once. Only within a request, and on PostgreSQL."""
    if not (_page.in_request and connection.vendor == "postgresql"):
        yield
        return
    settings = conf.get_settings()
    limit = settings.PAGE_QUERY_MILLISECONDS if whole_page else settings.ROW_QUERY_MILLISECONDS
    with connection.execute_wrapper(_Limit(kind, limit / 1000)):
        yield


class _Limit:
    """Wraps each query of one block, as Django's `execute_wrapper` calls it."""

    def __init__(self, kind: str, seconds: float) -> None:
        self._kind, self._left = kind, seconds

    def __call__(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        if str(sql).startswith(PASSED_ON):
            return execute(sql, params, many, context)
        allowed = self._seconds_allowed()
        if allowed <= 0:
            raise QueryTimeout(f"{self._kind}: not asked, as it took too long just now")
        began = time.monotonic()
        query = _RunningQuery(context["connection"].connection, allowed)
        try:
            with _watchdog.watch(query):
                return execute(sql, params, many, context)
        finally:
            spent = time.monotonic() - began
            self._left -= spent
            if query.was_cancelled:
                _page.seconds_lost += spent
            if query.was_cancelled or self._left <= 0:  # many short ones take as long as a long one
                _paused_until[self._kind] = time.monotonic() + PAUSE_SECONDS

    def _seconds_allowed(self) -> float:
        if time.monotonic() < _paused_until.get(self._kind, 0.0):
            return 0.0
        return min(self._left, conf.get_settings().PAGE_QUERY_MILLISECONDS / 1000 - _page.seconds_lost)


def reset_query_limits() -> None:
    """Nothing is paused, as in a new process."""
    _paused_until.clear()
    finish_request()
