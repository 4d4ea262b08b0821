"""How long events and daily totals are stored: deletes what is older, and counts the days before.

A day is the shop's own, in its TIME_ZONE.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.utils.timezone import get_default_timezone, now

from personalization import conf
from personalization.models import (
    AuditEntry,
    CampaignCustomer,
    CardClaim,
    ChannelConsent,
    Credit,
    DailyTotal,
    Delivery,
    Event,
    GenomeMonth,
    HouseholdInvitation,
    MessageOutcome,
    ProductWeek,
    Purchase,
    Run,
    SearchTotal,
    SweepTurn,
    UncountedDay,
)
from personalization.models.audit import AUDIT_DAYS
from personalization.models.batched_deletion import DELETE_BATCH_SIZE as ROWS_AT_ONCE
from personalization.models.credits import oldest_credited
from personalization.models.events import BROWSER_BATCH_SIZE, DELETE_BATCH_SIZE, EventType
from personalization.models.genome_months import month_before
from personalization.models.runs import RUN_DAYS
from personalization.shop import catalogue, notifications

LATE_DAYS = 8
"""A day that began more days ago gets no late events any more: they may come up to 7 days late."""
ONE_DAY = timedelta(days=1)
ROLL_UP = "daily-totals"
"""The name under which it is noted which event was looked at last."""
SLOWEST_STORING = timedelta(hours=1)
"""What arrived in the last hour before a run is looked at by the next one again: of two events that are stored at the
same time, the one with the lower key may be there later."""

ProgressBar = Callable[[Iterable[Any], str, int | None], Iterable[Any]]
"""Passes a stream through and shows its progress: (stream, label, expected length)."""


@dataclass(frozen=True)
class RetentionResult:
    """What a run did, or would do."""

    days: int
    """How many days were counted."""
    events: int
    searches: int
    """How many of the events are searches."""
    totals: int
    browsers: int
    audit: int = 0
    """How many entries of the audit."""
    credits: int = 0
    """How many credits of orders that are too old to change."""
    messages: int = 0
    """How many messages to persons, requests for one, and what came of them."""
    genomes: int = 0
    """How many genomes of months."""
    purchases: int = 0
    """How many lines of purchases in stores."""
    runs: int = 0
    """How many rows of what was done in the background."""

    def __str__(self) -> str:
        return (
            f"{self.days} days counted; {self.events} events ({self.searches} of them searches), "
            f"{self.totals} daily totals, {self.credits} credits, {self.browsers} browsers, {self.audit} audit "
            f"entries, {self.messages} messages, {self.genomes} genomes of months, {self.purchases} purchases in "
            f"stores and {self.runs} runs dropped"
        )


@dataclass(frozen=True)
class RetentionCutoffs:
    """Before which moments rows are deleted."""

    now: datetime
    events: datetime
    searches: datetime
    totals: date
    browsers: datetime
    audit: datetime
    credits: datetime
    messages: datetime
    genomes: date
    """The first month that stays."""
    purchases: datetime
    runs: datetime

    def for_event_type(self, name: str) -> datetime:
        """The cutoff for events of this type."""
        return self.searches if name == EventType.SEARCH else self.events


def retention_cutoffs(moment: datetime) -> RetentionCutoffs:
    """The cutoffs by the settings, at this moment."""
    settings = conf.get_settings()
    events = moment - timedelta(days=settings.EVENT_RETENTION_DAYS)
    return RetentionCutoffs(
        now=moment,
        events=events,
        searches=max(events, moment - timedelta(days=settings.SEARCH_RETENTION_DAYS)),
        totals=local_day(moment) - timedelta(days=settings.TOTAL_RETENTION_DAYS),
        browsers=moment - timedelta(days=settings.VISITOR_COOKIE_DAYS),
        audit=moment - timedelta(days=AUDIT_DAYS),
        credits=day_bounds(local_day(oldest_credited(moment))),
        messages=moment - timedelta(days=settings.MESSAGE_RETENTION_DAYS),
        genomes=month_before(local_day(moment).replace(day=1), settings.GENOME_RETENTION_MONTHS),
        purchases=moment - timedelta(days=settings.PURCHASE_RETENTION_DAYS),
        runs=moment - timedelta(days=RUN_DAYS),
    )


def no_progress(stream: Iterable[Any], what: str, length: int | None) -> Iterable[Any]:
    """A ProgressBar that shows nothing."""
    return stream


def apply_retention(moment: datetime | None = None, progress: ProgressBar = no_progress) -> RetentionResult:
    """1. Deletes events about products that staff marked as sensitive since, takes such categories out of the genomes
       of months, and deletes events of visitors who withdrew, if that was interrupted.
    2. Forgets the networks of yesterday's events.
    3. Counts the days that received or lost events since they were counted.
    4. Deletes old events.
    5. Deletes old daily totals.
    6. Deletes browsers without any event left.
    7. Deletes old entries of the audit, credits of orders that are too old to change, old messages, genomes of old
       months, old purchases in stores and claims of cards, expired invitations to households, and rows of old runs.

    It may be killed at any point, repeated, and run twice at once: days are counted before anything is deleted, a day
    whose events are partly deleted is not counted again, and each batch is a transaction of its own.
    """
    until = retention_cutoffs(moment or now())
    unwanted = sum(Event.objects.delete_for_products(catalogue.all_sensitive_products()))
    unwanted += sum(Event.objects.delete_withdrawn())
    GenomeMonth.objects.forget_categories(catalogue.sensitive_categories())
    Event.objects.settle_voices(until.now)
    days = roll_up_days(until.now, progress=progress)
    dropped = {name: _delete_events(name, until.for_event_type(name), progress) for name in EventType.values}
    totals = DailyTotal.objects.before(until.totals).count()
    totals = sum(progress(DailyTotal.objects.delete_before(until.totals), "Old totals", _batches(totals, ROWS_AT_ONCE)))
    totals += sum(SearchTotal.objects.delete_before(until.totals)) + sum(
        ProductWeek.objects.delete_before(until.totals)
    )
    idle = Event.objects.idle_browsers(until.browsers).count()
    idle = sum(
        progress(
            Event.objects.delete_idle_browsers(until.browsers), "Idle browsers", _batches(idle, BROWSER_BATCH_SIZE)
        )
    )
    audit = sum(AuditEntry.objects.delete_before(until.audit))
    credits = sum(Credit.objects.delete_before(until.credits))
    notifications.delete_notifications(Delivery.objects.before(until.messages))
    messages = sum(Delivery.objects.delete_before(until.messages))
    messages += sum(ChannelConsent.objects.delete_before(until.messages))
    messages += sum(MessageOutcome.objects.delete_before(until.messages))
    messages += CampaignCustomer.objects.ended_before(until.messages).delete()[0]
    genomes = sum(GenomeMonth.objects.delete_before(until.genomes))
    purchases = sum(Purchase.objects.delete_before(until.purchases))
    CardClaim.objects.before(until.audit).delete()
    HouseholdInvitation.objects.expired(until.now).delete()
    runs = sum(Run.objects.delete_before(until.runs))
    deleted = audit, credits, messages, genomes, purchases, runs
    events = unwanted + sum(dropped.values())
    return RetentionResult(days, events, dropped[EventType.SEARCH], totals, idle, *deleted)


def _delete_events(name: str, before: datetime, progress: ProgressBar) -> int:
    there = Event.objects.before(name, before).count()
    if not there:
        return 0
    return sum(progress(Event.objects.delete_before(name, before), f"Old {name}", _batches(there, DELETE_BATCH_SIZE)))


def _batches(rows: int, size: int) -> int:
    return -(-rows // size)


def rows_due(moment: datetime | None = None) -> RetentionResult:
    """What `apply_retention` would do now. A browser whose last event would be deleted does not count yet."""
    until = retention_cutoffs(moment or now())
    dropped = {name: Event.objects.before(name, until.for_event_type(name)).count() for name in EventType.values}
    unwanted = Event.objects.filter(product_id__in=catalogue.all_sensitive_products()).count()
    unwanted += Event.objects.of_withdrawn().count()
    return RetentionResult(
        len(_uncounted_days(until.now)),
        unwanted + sum(dropped.values()),
        dropped[EventType.SEARCH],
        sum(kind.objects.before(until.totals).count() for kind in (DailyTotal, SearchTotal, ProductWeek)),
        Event.objects.idle_browsers(until.browsers).count(),
        AuditEntry.objects.before(until.audit).count(),
        Credit.objects.before(until.credits).count(),
        sum(kind.objects.before(until.messages).count() for kind in (Delivery, ChannelConsent, MessageOutcome)),
        GenomeMonth.objects.before(until.genomes).count(),
        Purchase.objects.before(until.purchases).count(),
        Run.objects.before(until.runs).count(),
    )


def hours_overdue(moment: datetime, oldest_held: tuple[datetime | None, datetime | None] | None = None) -> timedelta:
    """How long the oldest event should have been deleted; `oldest_held`, where that was read already."""
    until, (arrived, searched) = retention_cutoffs(moment), oldest_held or Event.objects.oldest_held()
    waiting = [limit - held for limit, held in ((until.events, arrived), (until.searches, searched)) if held]
    return max([timedelta(0), *waiting])


def roll_up_days(moment: datetime, days: Collection[date] = (), progress: ProgressBar = no_progress) -> int:
    """Counts every day that received or lost events since it was counted, and `days`; returns how many days.

    All of them are noted before the first is counted, and each forgets its note as it is counted: so the next run goes
    on where one was interrupted, and of two runs at once each does a part.
    """
    until, open_since = retention_cutoffs(moment), _first_open(moment)
    with transaction.atomic():
        UncountedDay.objects.mark(_days_of_arrivals(moment).union(days))
        position = Event.objects.last_arrival(before=moment - SLOWEST_STORING)
        SweepTurn.objects.note_round(ROLL_UP, moment, position)
    UncountedDay.objects.drop_losses(open_since)
    wanted = sorted(UncountedDay.objects.due(open_since, local_day(moment)))
    for day in progress(wanted, "Days", len(wanted)):
        start = day_bounds(day)
        dropped = [name for name in EventType.values if start < until.for_event_type(name)]
        over = day < open_since
        DailyTotal.objects.replace_day(day, start, day_bounds(day + ONE_DAY), dropped=dropped, over=over)
    return len(wanted)


def _first_open(moment: datetime) -> date:
    return local_day(moment) - LATE_DAYS * ONE_DAY


def _uncounted_days(moment: datetime) -> set[date]:
    return UncountedDay.objects.due(_first_open(moment), local_day(moment)) | _days_of_arrivals(moment)


def _days_of_arrivals(moment: datetime) -> set[date]:
    """The days of events that arrived since the last run; all that may not be counted yet where there was none."""
    last, today = SweepTurn.objects.last_round(ROLL_UP), local_day(moment)
    if last is not None:
        return {day for day in Event.objects.arrived_after(last.position).affected_days() if day <= today}
    newest, oldest = DailyTotal.objects.newest_day(), Event.objects.oldest_time()
    first = today if oldest is None else local_day(oldest)
    if newest is not None:  # counted by a release that noted nothing
        first = min(newest, today) - LATE_DAYS * ONE_DAY
    return {first + ahead * ONE_DAY for ahead in range((today - first).days + 1)}


def local_day(moment: datetime) -> date:
    """The day of this moment in the shop's time zone."""
    return moment.astimezone(get_default_timezone()).date()


def day_bounds(day: date) -> datetime:
    """The first moment of a day in the shop's time zone."""
    return datetime.combine(day, time.min, get_default_timezone())
