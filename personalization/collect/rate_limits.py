"""How much is taken in: counts by the minute, kept in Django's cache and, when that does not answer, in this process.

The cache is asked by a thread of our own, so that one that has stopped answering costs a request 50 ms once and then
nothing: shops give their cache no timeout, and a frozen Redis holds a caller for as long as it likes.
"""

import hashlib
import logging
import math
import os
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from typing import NamedTuple

from django.conf import settings
from django.core.cache import cache
from django.db import connections

from personalization import conf

logger = logging.getLogger("personalization")

MAX_ADDRESS_EVENTS_PER_MINUTE = 600
"""The events that are taken from one address in a minute; the rest is dropped."""
MINUTE = 60
CACHE_TIMEOUT = 0.05
"""Seconds that a request waits for the cache."""
CACHE_RETRY_AFTER = 10.0
"""Seconds during which a cache that failed is not asked again."""
MAX_CONCURRENT_DELIVERIES = 3
"""The deliveries that a process takes in at a time; one more is dropped, without waiting. A process of more threads
always has one left for a page."""
MAX_LOCAL_KEYS = 10_000
"""The keys that a process counts by itself in one minute; any further key counts as over the limit."""
OVERFLOW_COUNT = 2**31


class Pace(NamedTuple):
    """How fast events come, in this minute."""

    address_limited: bool
    """More than enough from this address."""
    visitor_limited: bool
    """More from this visitor than a shopper can do."""


def count_events(address: str, visitor: str, events: int, now: float) -> Pace:
    """Counts these events, for their address and for who sends them: any text that tells visitors apart, or an empty
    one when they are nobody in particular."""
    keys = [_key("address", address, now), *([_key("visitor", visitor, now)] if visitor else [])]
    here = _local_counter.add(keys, events, int(now // MINUTE))
    everywhere = _shared_counter.add(keys, events) or here
    of_address, of_visitor, *_ = [*map(max, here, everywhere), 0]
    return Pace(
        of_address > MAX_ADDRESS_EVENTS_PER_MINUTE, of_visitor > conf.get_settings().MAX_VISITOR_EVENTS_PER_MINUTE
    )


def within_request_limit(who: str, most: int) -> bool:
    """Counts a request of this client; False once there were more than `most` in this minute."""
    moment = time.time()
    keys = [_key("request", who, moment)]
    here = _local_counter.add(keys, 1, int(moment // MINUTE))
    return max(here + (_shared_counter.add(keys, 1) or [])) <= most


def seconds_until_reset() -> float:
    """Seconds until all counts start anew."""
    return MINUTE - time.time() % MINUTE


@contextmanager
def concurrency_slot() -> Iterator[bool]:
    """Whether this process has time for one more delivery; in a burst some are dropped, so that pages are not slow."""
    free = _slots.acquire(blocking=False)
    try:
        yield free
    finally:
        if free:
            _slots.release()


def _key(kind: str, who: str, now: float) -> str:
    """Tells nobody who reads the cache who was here."""
    secret = settings.SECRET_KEY.encode()[:64]
    digest = hashlib.blake2b(f"{kind}:{who}".encode(), key=secret, digest_size=16).hexdigest()
    return f"personalization:{int(now // MINUTE)}:{digest}"


class LocalCounter:
    """What this process has counted in this minute."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute = 0
        self._counts: dict[str, int] = {}

    def add(self, keys: list[str], events: int, minute: int) -> list[int]:
        """How many there are under each key with these."""
        with self._lock:
            if minute != self._minute:
                self._minute, self._counts = minute, {}
            return [self._count(key, events) for key in keys]

    def _count(self, key: str, events: int) -> int:
        if key not in self._counts and len(self._counts) >= MAX_LOCAL_KEYS:
            return OVERFLOW_COUNT
        self._counts[key] = self._counts.get(key, 0) + events
        return self._counts[key]


class SharedCounter:
    """What all processes have counted, as long as the cache answers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = 0
        self._questions: SimpleQueue[CounterRequest] = SimpleQueue()
        self._asleep_until = 0.0
        self._late: Future | None = None

    def add(self, keys: list[str], events: int) -> list[int] | None:
        """How many there are under each key with these; None when the cache does not say in time."""
        if time.monotonic() < self._asleep_until or (self._late is not None and not self._late.done()):
            return None
        answer: Future = Future()
        try:
            self._ask(CounterRequest(answer, keys, events))
            return answer.result(timeout=CACHE_TIMEOUT)
        except Exception as fault:
            self._late, self._asleep_until = answer, time.monotonic() + CACHE_RETRY_AFTER
            logger.warning(
                "The cache fails (%s): for a while each process counts events by itself", type(fault).__name__
            )
            return None

    def _ask(self, question: "CounterRequest") -> None:
        """Starts the thread first, when this process, a fork perhaps, has none. A daemon: one that waits for a frozen
        cache does not keep the process from ending."""
        with self._lock:
            if self._process != os.getpid():
                self._process, self._questions = os.getpid(), SimpleQueue()
                threading.Thread(target=_serve_requests, args=[self._questions], daemon=True).start()
        self._questions.put(question)


class CounterRequest(NamedTuple):
    """Adds these events to each key's count; returns the new counts."""

    answer: Future
    keys: list[str]
    events: int


def _serve_requests(questions: "SimpleQueue[CounterRequest]") -> None:
    while True:
        answer, keys, events = questions.get()
        try:
            answer.set_result([_increment(key, events) for key in keys])
        except Exception as fault:
            answer.set_exception(fault)
        connections.close_all()  # a cache in the database has opened one for this thread


def _increment(key: str, events: int) -> int:
    for _ in range(2):
        with suppress(ValueError):  # there is no such key yet, or no more
            return cache.incr(key, events)
        if cache.add(key, events, timeout=2 * MINUTE):
            return events
    return events


class DropLog:
    """Counts what was not taken in, and says so in the log at most once a minute, in numbers only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._said_at = -math.inf

    def record(self, codes: Iterable[str]) -> None:
        """One entry for each event that was not taken in, or was kept apart: why."""
        with self._lock:
            self._counts.update(codes)
            if not self._counts or time.monotonic() < self._said_at + MINUTE:
                return
            counts, self._counts, self._said_at = self._counts, Counter(), time.monotonic()
        logger.warning("Events that were dropped or kept apart: %s", _counts_as_text(counts))


def _counts_as_text(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {code}" for code, count in sorted(counts.items()))


_local_counter, _shared_counter, drop_log = LocalCounter(), SharedCounter(), DropLog()
_slots = threading.BoundedSemaphore(MAX_CONCURRENT_DELIVERIES)


def reset_counters() -> None:
    """Starts to count anew, as a new process does."""
    for counter in (_local_counter, _shared_counter, drop_log):
        counter.__init__()  # type: ignore[misc]
