"""How much is taken in and given out: counts by the minute and by the day, kept in Django's cache and, when that does
not answer, in this process."""

import hashlib
import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import NamedTuple

from django.conf import settings
from django.core.cache import cache
from django.utils.timezone import now

from personalization import conf
from personalization.cache_access import PATIENT_SECONDS, ask_cache
from personalization.metrics import count_turned_away

logger = logging.getLogger("personalization")

DROPPED_ADDED = 10
"""Seconds after which a process adds what it turned away to what all of them did."""
DROPPED_KEPT = 2 * 86_400
"""Seconds for which the number of events that were turned away on a day is kept."""

MAX_ADDRESS_EVENTS_PER_MINUTE = 600
"""The events that are taken from one address in a minute; the rest is dropped."""
MAX_ADDRESS_CHANGES_PER_MINUTE = 600
"""The changes by hand (feedback, interests, switches) that are taken from one address in a minute."""
MAX_VISITOR_CHANGES_PER_MINUTE = 120
"""The changes by hand that are taken from one visitor in a minute."""
MAX_ADDRESS_CARDS_PER_MINUTE = 20
"""The loyalty cards that are tried from one address in a minute."""
MAX_CUSTOMER_CARDS_PER_MINUTE = 3
"""The loyalty cards that one customer tries in a minute."""
MAX_ADDRESS_INVITATIONS_PER_MINUTE = 20
"""The invitations to households that are made and tried from one address in a minute."""
MAX_CUSTOMER_INVITATIONS_PER_MINUTE = 5
"""The invitations to households that one customer makes and tries in a minute."""
MAX_ADDRESS_DOWNLOADS_PER_MINUTE = 10
"""The downloads of visitors' data that begin from one address in a minute."""
MAX_VISITOR_DOWNLOADS_PER_MINUTE = 3
"""The downloads of their data that one visitor begins in a minute."""
MAX_CONCURRENT_DOWNLOADS = 2
"""The downloads of visitors' data that a process makes at a time."""
DOWNLOAD_LEASE = 60
"""Seconds after which a download of which nothing more was fetched does not stand in the way of another."""
MINUTE = 60
DAY = 24 * 60 * MINUTE
MAX_CONCURRENT_DELIVERIES = 3
"""The deliveries that a process takes in at a time; one more is dropped, without waiting. A process of more threads
always has one left for a page."""
SAVED_UP = 1.0
"""Seconds that a process may save up for a burst of events."""
MAX_LOCAL_KEYS = 10_000
"""The keys that a process counts by itself in one minute; any further key counts as over the limit."""
OVERFLOW_COUNT = 2**31


class Pace(NamedTuple):
    """How fast events come, in this minute."""

    address_limited: bool
    """More than enough from this address."""
    visitor_limited: bool
    """More from this visitor than a shopper can do."""


class RateLimited(Exception):
    """Too much of this in this minute: nothing was changed. The doors answer with the status 429."""

    def __init__(self) -> None:
        super().__init__()
        self.retry_after = seconds_until_reset()


def count_events(address: str, visitor: str, events: int, now: float) -> Pace:
    """Counts these events, for their address and for who sends them: any text that tells visitors apart, or an empty
    one when they are nobody in particular."""
    whose = [f"address:{address}", *([f"visitor:{visitor}"] if visitor else [])]
    of_address, of_visitor, *_ = [*_counts_this_minute(whose, events, now), 0]
    return Pace(
        of_address > MAX_ADDRESS_EVENTS_PER_MINUTE, of_visitor > conf.get_settings().MAX_VISITOR_EVENTS_PER_MINUTE
    )


def count_day_events(visitor: str, events: int, now: float, count_stored: Callable[[], int]) -> int:
    """How many events of this visitor there are today (UTC), with these.

    `count_stored` counts those that the table holds. It is asked when the cache has none: at the first events of a day,
    when the cache was emptied, and whenever it does not answer.
    """
    keys = [_key(f"day:{visitor}", int(now // DAY))]
    counted = _count_everywhere(keys, events, timeout=2 * DAY)
    if counted is not None and counted[0] > events:
        return counted[0]
    stored = count_stored()
    if counted is not None and stored:
        _count_everywhere(keys, stored, timeout=2 * DAY)
    return stored + events


def check_new_visitor(address: str) -> None:
    """Counts a visitor that is about to be made for this address; RateLimited for one more than the setting
    `MAX_NEW_VISITORS_PER_MINUTE`."""
    if not within_request_limit(f"new visitor {address}", conf.get_settings().MAX_NEW_VISITORS_PER_MINUTE):
        drop_log.record(["new_visitor_refused"])
        raise RateLimited


def check_change(address: str, visitor: str) -> None:
    """Counts a change by hand of this visitor ("" for one who is not known yet) and address; RateLimited for one too
    many."""
    whose = [f"changes:{address}", *([f"changes of:{visitor}"] if visitor else [])]
    of_address, of_visitor, *_ = [*_counts_this_minute(whose, 1, time.time()), 0]
    if of_address > MAX_ADDRESS_CHANGES_PER_MINUTE or of_visitor > MAX_VISITOR_CHANGES_PER_MINUTE:
        drop_log.record(["change_refused"])
        raise RateLimited


def check_card(address: str, customer: str) -> None:
    """Counts a loyalty card that a customer tries to link; RateLimited for one too many."""
    of_address = within_request_limit(f"cards {address}", MAX_ADDRESS_CARDS_PER_MINUTE)
    of_customer = within_request_limit(f"cards of {customer}", MAX_CUSTOMER_CARDS_PER_MINUTE)
    if not (of_address and of_customer):
        drop_log.record(["card_refused"])
        raise RateLimited


def check_invitation(address: str, customer: str) -> None:
    """Counts an invitation to a household that a customer makes or tries; RateLimited for one too many."""
    of_address = within_request_limit(f"invitations {address}", MAX_ADDRESS_INVITATIONS_PER_MINUTE)
    of_customer = within_request_limit(f"invitations of {customer}", MAX_CUSTOMER_INVITATIONS_PER_MINUTE)
    if not (of_address and of_customer):
        drop_log.record(["invitation_refused"])
        raise RateLimited


def within_request_limit(who: str, most: int) -> bool:
    """Counts a request of this client; False once there were more than `most` in this minute."""
    (count,) = _counts_this_minute([f"request:{who}"], 1, time.time())
    return count <= most


def _counts_this_minute(whose: list[str], events: int, now: float) -> list[int]:
    """The counts of all of these with these events: what this process and all of them have, whichever is more."""
    minute = int(now // MINUTE)
    keys = [_key(who, minute) for who in whose]
    here = _local_counter.add(keys, events, minute)
    return [*map(max, here, _count_everywhere(keys, events) or here)]


def seconds_until_reset() -> float:
    """Seconds until all counts start anew."""
    return MINUTE - time.time() % MINUTE


@contextmanager
def delivery_slot(*, is_server: bool = False) -> Iterator[bool]:
    """Whether this process has time for one more delivery; in a burst some are dropped, so that pages are not slow.

    Parameters: `is_server`, whether a server of the shop delivers, which may take all the time there is.
    """
    free = (is_server or _time_share.is_left(conf.get_settings().MAX_EVENT_TIME_SHARE)) and _slots.acquire(
        blocking=False
    )
    started = time.monotonic()
    try:
        yield free
    finally:
        if free:
            _slots.release()
            _time_share.spend(time.monotonic() - started)


class DownloadSlot:
    """The right to download a visitor's data, one at a time. It ends when it is released, or by itself when nothing
    has been fetched for some time: by then its process may have been killed.

    RateLimited when the visitor has one already, began too many, or this process is busy with others.
    """

    def __init__(self, address: str, visitor: str) -> None:
        self._key = _key(f"download:{visitor or address}", 0)
        self._is_held = False
        asked = within_request_limit(f"download {address}", MAX_ADDRESS_DOWNLOADS_PER_MINUTE) and (
            not visitor or within_request_limit(f"download of {visitor}", MAX_VISITOR_DOWNLOADS_PER_MINUTE)
        )
        self._is_held = asked and _downloads.begin(self._key)
        if self._is_held and ask_cache(lambda: cache.add(self._key, 1, DOWNLOAD_LEASE)) is False:
            self._is_held = False
            _downloads.end(self._key)
        if not self._is_held:
            raise RateLimited

    def renew(self) -> None:
        """Holds on to it for another while."""
        _downloads.renew(self._key)
        ask_cache(lambda: cache.touch(self._key, DOWNLOAD_LEASE))

    def release(self) -> None:
        """Lets the next download begin. May be called again."""
        if self._is_held:
            self._is_held = False
            _downloads.end(self._key)
            ask_cache(lambda: cache.delete(self._key))


class LocalDownloads:
    """The downloads that this process makes now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}

    def begin(self, key: str) -> bool:
        """Whether there is room for this one, and it is not under way already."""
        with self._lock:
            self._until = {each: until for each, until in self._until.items() if until > time.monotonic()}
            if key in self._until or len(self._until) >= MAX_CONCURRENT_DOWNLOADS:
                return False
            self._until[key] = time.monotonic() + DOWNLOAD_LEASE
            return True

    def renew(self, key: str) -> None:
        """This one goes on."""
        with self._lock:
            self._until[key] = time.monotonic() + DOWNLOAD_LEASE

    def end(self, key: str) -> None:
        """This one is over."""
        with self._lock:
            self._until.pop(key, None)


def _key(who: str, period: int) -> str:
    """Tells nobody who reads the cache who was here."""
    secret = settings.SECRET_KEY.encode()[:64]
    digest = hashlib.blake2b(who.encode(), key=secret, digest_size=16).hexdigest()
    return f"personalization:{period}:{digest}"


class LocalCounter:
    """What this process has counted in this minute."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute = 0
        self._counts: dict[str, int] = {}

    def add(self, keys: list[str], events: int, minute: int) -> list[int]:
        """How many there are under each key with these."""
        with self._lock:
            if minute > self._minute:  # a request that began a little earlier does not take the counts back
                self._minute, self._counts = minute, {}
            return [self._count(key, events) for key in keys]

    def _count(self, key: str, events: int) -> int:
        if key not in self._counts and len(self._counts) >= MAX_LOCAL_KEYS:
            return OVERFLOW_COUNT
        self._counts[key] = self._counts.get(key, 0) + events
        return self._counts[key]


def _count_everywhere(keys: list[str], events: int, timeout: int = 2 * MINUTE) -> list[int] | None:
    """How many all processes have under each key with these; None when the cache does not say in time. A new key is
    forgotten after `timeout` seconds."""
    counts: list[int] | None = ask_cache(lambda: [_increment(key, events, timeout) for key in keys])
    return counts


def _increment(key: str, events: int, timeout: int) -> int:
    for _ in range(2):
        with suppress(ValueError):  # there is no such key yet, or no more
            return cache.incr(key, events)
        if cache.add(key, events, timeout=timeout):
            return events
    return events


class DropLog:
    """Counts what was not taken in. Says so in the log at most once a minute, in numbers only, and adds it to what all
    processes turned away today every few seconds, when a next delivery comes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._uncounted = 0
        self._said_at = self._added_at = -math.inf

    def record(self, codes: Iterable[str]) -> None:
        """One entry for each event that was not taken in, or was kept apart: why."""
        codes = list(codes)
        count_turned_away(codes)
        with self._lock:
            self._counts.update(codes)
            self._uncounted += sum(code != "suspect" for code in codes)
            moment = time.monotonic()
            is_due = self._uncounted > 0 and moment >= self._added_at + DROPPED_ADDED
            if is_due:
                self._added_at = moment
        if is_due:
            ask_cache(self._add_to_everybodys)
        self._write_to_log(moment)

    def _add_to_everybodys(self) -> None:
        """Called where the cache is asked. Where it is not, or fails, nothing is lost: the next call adds that, too."""
        with self._lock:
            count, self._uncounted = self._uncounted, 0
        try:
            _increment(_dropped_key(now()), count, DROPPED_KEPT)
        except Exception:
            with self._lock:
                self._uncounted += count
            raise

    def _write_to_log(self, moment: float) -> None:
        with self._lock:
            if not self._counts or moment < self._said_at + MINUTE:
                return
            counts, self._counts, self._said_at = self._counts, Counter(), moment
        logger.warning(
            "Events that were dropped or kept apart: %s", _counts_as_text(counts), extra={"dropped": dict(counts)}
        )


def dropped_today(moment: datetime) -> int:
    """How many events all processes turned away on this day (UTC), as far as the cache knows: what a process counted in
    the last seconds comes with its next delivery."""
    return ask_cache(lambda: cache.get(_dropped_key(moment), 0), PATIENT_SECONDS) or 0


def _dropped_key(moment: datetime) -> str:
    return f"personalization:dropped:{moment.astimezone(UTC):%Y%m%d}"


def _counts_as_text(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {code}" for code, count in sorted(counts.items()))


class TimeShare:
    """How much time this process may still spend on events. By the clock, not by the processor's: where the machine or
    the database is busy, a delivery takes longer, and fewer are taken in."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left, self._counted_at = SAVED_UP, time.monotonic()

    def is_left(self, share: float) -> bool:
        """Whether there is any, `share` seconds of which come back each second."""
        with self._lock:
            moment = time.monotonic()
            self._left = min(self._left + (moment - self._counted_at) * share, SAVED_UP)
            self._counted_at = moment
            return self._left > 0

    def spend(self, seconds: float) -> None:
        """A delivery took so long."""
        with self._lock:
            self._left -= seconds


_local_counter, drop_log = LocalCounter(), DropLog()
_downloads, _time_share = LocalDownloads(), TimeShare()
_slots = threading.BoundedSemaphore(MAX_CONCURRENT_DELIVERIES)


def reset_counters() -> None:
    """Starts to count anew, as a new process does."""
    for counter in (_local_counter, drop_log, _downloads, _time_share):
        counter.__init__()  # type: ignore[misc]
