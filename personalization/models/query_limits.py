"""Bounds how long our queries keep a page waiting.

PostgreSQL only: SQLite has no locks that one table can wait for. No `statement_timeout`: set inside the shop's
transaction it would leak into the shop's own queries, and it would cost two queries a block. A thread of this process
cancels instead what runs too long, while the thread that waits for it holds no lock of ours.
"""

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

from django.db import DatabaseError, connection

from personalization import conf
from personalization.breakers import Breakers

TICK = 0.005
"""Seconds between two looks for queries that run too long."""
IDLE_AFTER = 5.0
"""Seconds without a query of ours after which nobody looks any more."""
CANCEL_TIMEOUT = 1.0
"""Seconds that a request to cancel a query may take."""
PASSED_ON = ("SAVEPOINT", "RELEASE", "ROLLBACK")
"""Statements that only open and close our part of the shop's transaction."""
OUR_TABLE = re.compile(r"\bpersonalization_\w+")
CHANGE = re.compile(r"\b(?:INSERT|UPDATE|DELETE|SHARE)\b")
"""The words of statements that change rows or lock them: they wait for what reading does not wait for."""


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


class _Part:
    """A block of ours whose queries have so many seconds in all."""

    def __init__(self, kind: str, seconds: float) -> None:
        self.kind, self.seconds_left, self.has_asked = kind, seconds, False


class _Page(threading.local):
    """What the request of this thread has lost in waiting so far, and the blocks that it is in."""

    def __init__(self) -> None:
        self.in_request = False
        self.seconds_lost = 0.0
        self.parts: list[_Part] = []


_watchdog, _page = _Watchdog(), _Page()
breakers = Breakers()
"""What is not asked now: kinds of blocks, and tables of ours, reading and changing apart."""


def paused_names() -> list[str]:
    """What this process asks less often now."""
    return breakers.paused_names()


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
    of what a page asks, PAGE_QUERY_MILLISECONDS; and for longer than is left for the page. While such a block, or a
    table that it asks, is paused, its queries fail at once. Only within a request, and on PostgreSQL."""
    if not (_page.in_request and connection.vendor == "postgresql"):
        yield
        return
    part = _Part(kind, _page_seconds() if whole_page else _row_seconds())
    is_first = not _page.parts
    _page.parts.append(part)
    try:
        with connection.execute_wrapper(_ask_within_limits) if is_first else nullcontext():
            yield
        if part.has_asked and part.seconds_left > 0:
            breakers.note_answer([kind])
    finally:
        _page.parts.pop()


def _page_seconds() -> float:
    return conf.get_settings().PAGE_QUERY_MILLISECONDS / 1000


def _row_seconds() -> float:
    return min(conf.get_settings().ROW_QUERY_MILLISECONDS / 1000, _page_seconds())


def _ask_within_limits(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    """Wraps each query of the blocks that this thread is in, as Django's `execute_wrapper` calls it."""
    text = str(sql)
    if text.startswith(PASSED_ON):
        return execute(sql, params, many, context)
    began, parts = time.monotonic(), _page.parts
    allowed = min(_page_seconds() - _page.seconds_lost, *(part.seconds_left for part in parts))
    new = [part for part in parts if not part.has_asked]
    if allowed <= 0 or not _may_ask(text, new):
        raise QueryTimeout(f"{parts[-1].kind}: not asked, as it took too long just now")
    for part in new:
        part.has_asked = True
    query = _RunningQuery(context["connection"].connection, allowed)
    try:
        with _watchdog.watch(query):
            return execute(sql, params, many, context)
    finally:
        _note_duration(text, began, was_cancelled=query.was_cancelled)


def _may_ask(sql: str, new: list[_Part]) -> bool:
    return not breakers.any_paused or breakers.may_ask([*(part.kind for part in new), *_tables(sql)])


def _note_duration(sql: str, began: float, *, was_cancelled: bool) -> None:
    """A table is late that did not answer within a row's time, and a block that has used up its own: many short queries
    take as long as a long one. What was cancelled sooner, as the page had no more time, says nothing."""
    spent = time.monotonic() - began
    for part in _page.parts:
        part.seconds_left -= spent
    late = [part.kind for part in _page.parts if part.seconds_left <= 0]
    if was_cancelled:
        _page.seconds_lost += spent
        late += _tables(sql) if spent >= _row_seconds() else ()
    elif breakers.any_paused:
        breakers.note_answer(_tables(sql))
    if late:
        breakers.note_failure(late, began)


def _tables(sql: str) -> set[str]:
    """The tables of ours that a statement asks, by what it does to them."""
    does = "changing" if CHANGE.search(sql) else "reading"
    return {f"{does} {table}" for table in OUR_TABLE.findall(sql)}


def reset_query_limits() -> None:
    """Nothing is paused, as in a new process."""
    breakers.reset()
    finish_request()
