"""What is kept of what visitors did: events for a while, daily totals for longer.

A day is the shop's own, in its TIME_ZONE.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.utils.timezone import get_default_timezone, now

from personalization import conf
from personalization.models import DailyTotal, Event
from personalization.models.daily_totals import DELETE_BATCH_SIZE as TOTALS_AT_ONCE
from personalization.models.events import BROWSER_BATCH_SIZE, DELETE_BATCH_SIZE, EventType
from personalization.shop import catalogue

LATE_DAYS = 8
"""A day that began more than so many days ago gets no late events any more: they come up to 7 days late."""
ONE_DAY = timedelta(days=1)

ProgressBar = Callable[[Iterable[Any], str, int], Iterable[Any]]
"""Passes a stream through and shows how far it is: (stream, what it is, how many there will be)."""


@dataclass(frozen=True)
class RetentionResult:
    """What a run did, or would do."""

    days: int
    """Days that were counted."""
    events: int
    searches: int
    """Of the events, so many were searches."""
    totals: int
    browsers: int

    def __str__(self) -> str:
        return (
            f"{self.days} days counted; {self.events} events ({self.searches} of them searches), "
            f"{self.totals} daily totals and {self.browsers} browsers dropped"
        )


@dataclass(frozen=True)
class RetentionCutoffs:
    """Up to when what lies behind is dropped."""

    now: datetime
    events: datetime
    searches: datetime
    totals: date
    browsers: datetime

    def of(self, name: str) -> datetime:
        """Older events of this name are dropped."""
        return self.searches if name == EventType.SEARCH else self.events


def retention_cutoffs(moment: datetime) -> RetentionCutoffs:
    """By the settings, seen from this moment."""
    settings = conf.get_settings()
    events = moment - timedelta(days=settings.EVENT_RETENTION_DAYS)
    return RetentionCutoffs(
        now=moment,
        events=events,
        searches=max(events, moment - timedelta(days=settings.SEARCH_RETENTION_DAYS)),
        totals=local_day(moment) - timedelta(days=settings.TOTAL_RETENTION_DAYS),
        browsers=moment - timedelta(days=settings.VISITOR_COOKIE_DAYS),
    )


def no_progress(stream: Iterable[Any], what: str, length: int) -> Iterable[Any]:
    """A Progress that shows nothing."""
    return stream


def apply_retention(moment: datetime | None = None, progress: ProgressBar = no_progress) -> RetentionResult:
    """1. Drops events about products that staff called sensitive since.
    2. Counts the days that may have changed since the last time.
    3. Drops old events.
    4. Drops old totals.
    5. Drops the browsers of which nothing is left.

    Gives what it did. It may be killed at any point, repeated, and run twice at once: days are counted before anything
    is dropped, a day whose events are partly dropped is not counted again, and each batch is a transaction of its own.
    """
    until = retention_cutoffs(moment or now())
    sensitive = sum(Event.objects.delete_for_products(catalogue.all_sensitive_products()))
    days = roll_up_days(until.now, progress=progress)
    dropped = {name: _delete_events(name, until.of(name), progress) for name in EventType.values}
    totals = DailyTotal.objects.before(until.totals).count()
    totals = sum(
        progress(DailyTotal.objects.delete_before(until.totals), "Old totals", _batches(totals, TOTALS_AT_ONCE))
    )
    idle = Event.objects.idle_browsers(until.browsers).count()
    idle = sum(
        progress(
            Event.objects.delete_idle_browsers(until.browsers), "Idle browsers", _batches(idle, BROWSER_BATCH_SIZE)
        )
    )
    return RetentionResult(days, sensitive + sum(dropped.values()), dropped[EventType.SEARCH], totals, idle)


def _delete_events(name: str, before: datetime, progress: ProgressBar) -> int:
    there = Event.objects.before(name, before).count()
    if not there:
        return 0
    return sum(progress(Event.objects.delete_before(name, before), f"Old {name}", _batches(there, DELETE_BATCH_SIZE)))


def _batches(rows: int, size: int) -> int:
    return -(-rows // size)


def rows_due(moment: datetime | None = None) -> RetentionResult:
    """What `retain` would do. A browser whose last event would be dropped counts only once that is gone."""
    until = retention_cutoffs(moment or now())
    dropped = {name: Event.objects.before(name, until.of(name)).count() for name in EventType.values}
    sensitive = Event.objects.filter(product_id__in=catalogue.all_sensitive_products()).count()
    return RetentionResult(
        len(list(_days(until.now, ()))),
        sensitive + sum(dropped.values()),
        dropped[EventType.SEARCH],
        DailyTotal.objects.before(until.totals).count(),
        Event.objects.idle_browsers(until.browsers).count(),
    )


def hours_overdue(moment: datetime) -> timedelta:
    """How long the event that should have been dropped first has been waiting for it."""
    until, (arrived, searched) = retention_cutoffs(moment), Event.objects.oldest_held()
    waiting = [limit - held for limit, held in ((until.events, arrived), (until.searches, searched)) if held]
    return max([timedelta(0), *waiting])


def roll_up_days(moment: datetime, days: Collection[date] = (), progress: ProgressBar = no_progress) -> int:
    """Counts anew every day that may have changed since the last time, and these; how many days that were.

    The oldest come first, so that the newest day with totals tells how far an interrupted run came: earlier days than
    LATE_DAYS before it are complete.
    """
    until = retention_cutoffs(moment)
    wanted = list(_days(moment, days))
    for day in progress(wanted, "Days", len(wanted)):
        start = day_bounds(day)
        dropped = [name for name in EventType.values if start < until.of(name)]
        over = day < local_day(moment) - LATE_DAYS * ONE_DAY
        DailyTotal.objects.replace_day(day, start, day_bounds(day + ONE_DAY), dropped=dropped, over=over)
    return len(wanted)


def _days(moment: datetime, more: Collection[date]) -> Iterator[date]:
    today = local_day(moment)
    day, ahead = _first_open(today), set(more)
    yield from sorted(each for each in ahead if each < day)
    while day <= today:
        yield day
        day += ONE_DAY


def _first_open(today: date) -> date:
    newest = DailyTotal.objects.newest_day()
    if newest is not None:
        return min(newest, today) - LATE_DAYS * ONE_DAY
    oldest = Event.objects.oldest_time()
    return today if oldest is None else local_day(oldest)


def local_day(moment: datetime) -> date:
    """The shop's day in which this moment lies."""
    return moment.astimezone(get_default_timezone()).date()


def day_bounds(day: date) -> datetime:
    """The first moment of a day of the shop's."""
    return datetime.combine(day, time.min, get_default_timezone())
