"""Asks the shop's cache without waiting for one that has stopped.

Shops give their cache no time-out, and a frozen Redis holds whoever asks it for as long as it likes. So a thread of our
own asks it: a cache that has stopped answering costs a request 50 ms once, and then nothing for a while.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, NamedTuple

from django.core.cache import cache
from django.db import connections

from personalization.breakers import Breakers

logger = logging.getLogger("personalization")

WAIT_SECONDS = 0.05
"""So long a request waits for the cache."""
PATIENT_SECONDS = 2.0
"""So long a question of staff does: the first answer of a process takes longer, as it loads the client and connects."""
HOUR = 3600.0
CACHE = "cache"
"""Its name among the breakers."""


class _Question(NamedTuple):
    """A call of the cache, and where its answer goes."""

    answer: Future[Any]
    call: Callable[[], Any]


class _CacheThread:
    """The thread that asks, in the process that started it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = 0
        self._questions: SimpleQueue[_Question] = SimpleQueue()
        self._breakers = Breakers()
        self._logged_at = -HOUR
        self._late: Future[Any] | None = None

    @property
    def is_paused(self) -> bool:
        """Whether it failed or was late, and has not answered since."""
        return self._breakers.any_paused

    def ask(self, call: Callable[[], Any], seconds: float = WAIT_SECONDS) -> Any:
        """What the call returns; None when it fails, or does not answer in time."""
        if (self._late is not None and not self._late.done()) or not self._breakers.may_ask([CACHE]):
            return None
        answer: Future[Any] = Future()
        asked_at = time.monotonic()
        try:
            self._send(_Question(answer, call))
            found = answer.result(timeout=seconds)
        except Exception as fault:
            self._late = answer
            self._breakers.note_failure([CACHE], asked_at)
            self._log(fault)
            return None
        self._breakers.note_answer([CACHE])
        return found

    def _log(self, fault: Exception) -> None:
        if time.monotonic() - self._logged_at >= HOUR:
            self._logged_at = time.monotonic()
            logger.warning(
                "The cache fails (%s): for a while this process does without it. Not said again within an hour.",
                type(fault).__name__,
            )

    def _send(self, question: _Question) -> None:
        """Starts the thread first, when this process, a fork perhaps, has none. A daemon: one that waits for a frozen
        cache does not keep the process from ending."""
        with self._lock:
            if self._process != os.getpid():
                self._process, self._questions = os.getpid(), SimpleQueue()
                threading.Thread(target=_answer, args=[self._questions], daemon=True).start()
        self._questions.put(question)


def _answer(questions: "SimpleQueue[_Question]") -> None:
    while True:
        answer, call = questions.get()
        try:
            answer.set_result(call())
        except Exception as fault:
            answer.set_exception(fault)
        connections.close_all()  # a cache in the database has opened one for this thread


_thread = _CacheThread()


def ask_cache(call: Callable[[], Any], seconds: float = WAIT_SECONDS) -> Any:
    """What a call of the cache returns; None when it fails, or does not answer within so many seconds."""
    return _thread.ask(call, seconds)


def cache_is_paused() -> bool:
    """Whether this process goes on without the cache now."""
    return _thread.is_paused


def cache_answers() -> bool:
    """Whether the cache answers now: asked before a card asks it for a thumbnail, where nobody could stop waiting."""
    return ask_cache(lambda: (cache.get("personalization:answers"),)) is not None


def reset_cache_access() -> None:
    """Asks anew, as a new process does."""
    _thread.__init__()  # type: ignore[misc]
