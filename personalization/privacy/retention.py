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
from personalization.models.daily_totals import DROPPED_AT_ONCE as TOTALS_AT_ONCE
from personalization.models.events import BROWSERS_AT_ONCE, DROPPED_AT_ONCE, Name
from personalization.shop import catalogue

LATE_DAYS = 8
"""A day that began more than so many days ago gets no late events any more: they come up to 7 days late."""
ONE_DAY = timedelta(days=1)

Progress = Callable[[Iterable[Any], str, int], Iterable[Any]]
"""Passes a stream through and shows how far it is: (stream, what it is, how many there will be)."""


@dataclass(frozen=True)
class Retained:
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
class Limits:
    """Up to when what lies behind is dropped."""

    now: datetime
    events: datetime
    searches: datetime
    totals: date
    browsers: datetime

    def of(self, name: str) -> datetime:
        """Older events of this name are dropped."""
        return self.searches if name == Name.SEARCHED else self.events


def limits(moment: datetime) -> Limits:
    """By the settings, seen from this moment."""
    settings = conf.current()
    events = moment - timedelta(days=settings.event_days)
    return Limits(
        now=moment,
        events=events,
        searches=max(events, moment - timedelta(days=settings.search_days)),
        totals=day_of(moment) - timedelta(days=settings.total_days),
        browsers=moment - timedelta(days=settings.visitor_days),
    )


def silent(stream: Iterable[Any], what: str, length: int) -> Iterable[Any]:
    """A Progress that shows nothing."""
    return stream


def retain(moment: datetime | None = None, progress: Progress = silent) -> Retained:
    """1. Drops events about products that staff called sensitive since.
    2. Counts the days that may have changed since the last time.
    3. Drops old events.
    4. Drops old totals.
    5. Drops the browsers of which nothing is left.

    Gives what it did. It may be killed at any point, repeated, and run twice at once: days are counted before anything
    is dropped, a day whose events are partly dropped is not counted again, and each batch is a transaction of its own.
    """
    until = limits(moment or now())
    sensitive = sum(Event.objects.drop_about(catalogue.all_sensitive_products()))
    days = roll_up(until.now, progress=progress)
    dropped = {name: _drop_events(name, until.of(name), progress) for name in Name.values}
    totals = DailyTotal.objects.older(until.totals).count()
    totals = sum(progress(DailyTotal.objects.drop_older(until.totals), "Old totals", _batches(totals, TOTALS_AT_ONCE)))
    idle = Event.objects.idle_browsers(until.browsers).count()
    idle = sum(
        progress(Event.objects.drop_idle_browsers(until.browsers), "Idle browsers", _batches(idle, BROWSERS_AT_ONCE))
    )
    return Retained(days, sensitive + sum(dropped.values()), dropped[Name.SEARCHED], totals, idle)


def _drop_events(name: str, before: datetime, progress: Progress) -> int:
    there = Event.objects.older(name, before).count()
    if not there:
        return 0
    return sum(progress(Event.objects.drop_older(name, before), f"Old {name}", _batches(there, DROPPED_AT_ONCE)))


def _batches(rows: int, size: int) -> int:
    return -(-rows // size)


def due(moment: datetime | None = None) -> Retained:
    """What `retain` would do. A browser whose last event would be dropped counts only once that is gone."""
    until = limits(moment or now())
    dropped = {name: Event.objects.older(name, until.of(name)).count() for name in Name.values}
    sensitive = Event.objects.filter(product__in=catalogue.all_sensitive_products()).count()
    return Retained(
        len(list(_days(until.now, ()))),
        sensitive + sum(dropped.values()),
        dropped[Name.SEARCHED],
        DailyTotal.objects.older(until.totals).count(),
        Event.objects.idle_browsers(until.browsers).count(),
    )


def overdue(moment: datetime) -> timedelta:
    """How long the event that should have been dropped first has been waiting for it."""
    until, (arrived, searched) = limits(moment), Event.objects.longest_held()
    waiting = [limit - held for limit, held in ((until.events, arrived), (until.searches, searched)) if held]
    return max([timedelta(0), *waiting])


def roll_up(moment: datetime, days: Collection[date] = (), progress: Progress = silent) -> int:
    """Counts anew every day that may have changed since the last time, and these; how many days that were.

    The oldest come first, so that the newest day with totals tells how far an interrupted run came: earlier days than
    LATE_DAYS before it are complete.
    """
    until = limits(moment)
    wanted = list(_days(moment, days))
    for day in progress(wanted, "Days", len(wanted)):
        start = starts(day)
        dropped = [name for name in Name.values if start < until.of(name)]
        over = day < day_of(moment) - LATE_DAYS * ONE_DAY
        DailyTotal.objects.replace(day, start, starts(day + ONE_DAY), dropped=dropped, over=over)
    return len(wanted)


def _days(moment: datetime, more: Collection[date]) -> Iterator[date]:
    today = day_of(moment)
    day, ahead = _first_open(today), set(more)
    yield from sorted(each for each in ahead if each < day)
    while day <= today:
        yield day
        day += ONE_DAY


def _first_open(today: date) -> date:
    newest = DailyTotal.objects.newest_day()
    if newest is not None:
        return min(newest, today) - LATE_DAYS * ONE_DAY
    oldest = Event.objects.oldest()
    return today if oldest is None else day_of(oldest)


def day_of(moment: datetime) -> date:
    """The shop's day in which this moment lies."""
    return moment.astimezone(get_default_timezone()).date()


def starts(day: date) -> datetime:
    """The first moment of a day of the shop's."""
    return datetime.combine(day, time.min, get_default_timezone())
