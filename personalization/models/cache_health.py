"""Whether the shop's cache answers: a page does not ask one that has stopped.

Shops give their cache no time-out, and a frozen Redis holds whoever asks it for as long as it likes. So a thread of our
own asks it first, and is waited for briefly.
"""

import os
import threading
import time
from concurrent.futures import Future
from queue import SimpleQueue

from django.core.cache import cache
from django.db import connections

WAIT_SECONDS = 0.05
PAUSE_SECONDS = 10.0
"""For so long a cache that did not answer is not asked again."""


class _Probe:
    """The thread that asks, in the process that started it."""

    def __init__(self) -> None:
        self._start_lock = threading.Lock()
        self._process = 0
        self._questions: SimpleQueue[Future[None]] = SimpleQueue()
        self._paused_until = 0.0

    def answers(self) -> bool:
        """Whether the cache answers now."""
        if time.monotonic() < self._paused_until:
            return False
        question: Future[None] = Future()
        self._ask(question)
        try:
            question.result(timeout=WAIT_SECONDS)
        except Exception:
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            return False
        return True

    def _ask(self, question: "Future[None]") -> None:
        with self._start_lock:
            if self._process != os.getpid():  # a fork has no thread yet
                self._process, self._questions = os.getpid(), SimpleQueue()
                threading.Thread(
                    target=_serve, args=[self._questions], name="personalization-cache", daemon=True
                ).start()
        self._questions.put(question)


def _serve(questions: "SimpleQueue[Future[None]]") -> None:
    while True:
        question = questions.get()
        try:
            cache.get("personalization:answers")
            question.set_result(None)
        except Exception as fault:
            question.set_exception(fault)
        connections.close_all()  # a cache in the database has opened one for this thread


_probe = _Probe()


def cache_answers() -> bool:
    """Whether the cache answers now: false for some seconds after it did not within 50 ms."""
    return _probe.answers()


def reset_cache_health() -> None:
    """Asks anew, as a new process does."""
    _probe.__init__()  # type: ignore[misc]
