"""When jobs are due, as rows that staff change: every so many minutes, or daily at a time of the shop's clock."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db import models
from django.db.models.functions import Now
from django.utils.timezone import get_default_timezone
from django.utils.translation import pgettext_lazy

from personalization.models.runs import RunKind

SWEEP_SECONDS = 60
"""So often a clock entry of the shop has the schedules looked at."""
USUAL_TIMES: dict[str, tuple[int | None, time | None, bool]] = {
    RunKind.TRAIN: (None, time(3, 10), True),
    RunKind.RETENTION: (None, time(4, 40), True),
    RunKind.MEASURE: (60, None, True),
    RunKind.MESSAGES: (10, None, True),
    RunKind.GENOMES: (None, time(12, 10), False),
    RunKind.VALUE: (None, time(12, 40), False),
    RunKind.EXPORT: (None, time(5, 10), False),
}
"""For a new shop: (every so many minutes, daily at, whether it is on). A training has genomes and values in it."""


@dataclass(frozen=True)
class SchedulePeriod:
    """A stretch of time in which a job is done once."""

    occasion: str
    """What names it, among all periods of all schedules."""
    due_at: datetime


class JobScheduleQuerySet(models.QuerySet):
    """The questions about schedules."""

    def add_usual(self) -> int:
        """Adds those that there are not yet, with their usual times; how many. What there is stays as it is."""
        there = set(self.values_list("kind", flat=True))
        missing = {kind: times for kind, times in USUAL_TIMES.items() if kind not in there}
        rows = [
            JobSchedule(kind=kind, every_minutes=every, daily_at=at, is_on=is_on, changed_at=Now())
            for kind, (every, at, is_on) in missing.items()
        ]
        self.bulk_create(rows, ignore_conflicts=True)
        return len(rows)

    def note_look(self) -> None:
        """That all were looked at now."""
        self.update(looked_at=Now())

    def last_look(self) -> datetime | None:
        """When somebody last looked what is due."""
        return self.aggregate(latest=models.Max("looked_at"))["latest"]


class JobSchedule(models.Model):
    """When one kind of job is due."""

    kind = models.CharField(pgettext_lazy("personalization", "kind"), max_length=16, choices=RunKind, unique=True)
    every_minutes = models.PositiveIntegerField(pgettext_lazy("personalization", "every so many minutes"), null=True)
    daily_at = models.TimeField(pgettext_lazy("personalization", "daily at"), null=True)
    """By the shop's clock."""
    is_on = models.BooleanField(pgettext_lazy("personalization", "on"), default=True)
    changed_at = models.DateTimeField()
    """What was due before is not made up for."""
    looked_at = models.DateTimeField(null=True)
    """When a sweep last asked whether it is due."""

    objects = JobScheduleQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "schedule")
        verbose_name_plural = pgettext_lazy("personalization", "schedules")
        default_permissions = ()
        constraints = (
            models.CheckConstraint(
                condition=models.Q(every_minutes__gte=1, daily_at=None)
                | models.Q(every_minutes=None, daily_at__isnull=False),
                name="personalization_schedule_one_rhythm",
            ),
        )

    def __str__(self) -> str:
        when = f"daily at {self.daily_at:%H:%M}" if self.daily_at else f"every {self.every_minutes} min"
        return f"{self.kind} {when}" if self.is_on else f"{self.kind} {when}, off"

    def latest_period(self, moment: datetime) -> SchedulePeriod | None:
        """The period that began last before a moment; None where that was before the schedule was changed, and while it
        is off. Each has one name, whatever the clock did since: one that is set back meets a period that was."""
        if not self.is_on:
            return None
        period = self._daily_period(moment, 0) if self.daily_at else self._short_period(moment, 0)
        if period.due_at > moment:
            period = self._daily_period(moment, -1)
        return period if period.due_at >= self.changed_at else None

    def next_due(self, moment: datetime) -> datetime | None:
        """When it is due next; None while it is off."""
        if not self.is_on:
            return None
        if not self.daily_at:
            return self._short_period(moment, 1).due_at
        today = self._daily_period(moment, 0)
        return today.due_at if today.due_at > moment else self._daily_period(moment, 1).due_at

    def _short_period(self, moment: datetime, periods_later: int) -> SchedulePeriod:
        minutes = self.every_minutes or 1
        number = int(moment.timestamp() // (60 * minutes)) + periods_later
        due_at = datetime.fromtimestamp(number * 60 * minutes, UTC)
        return SchedulePeriod(f"{self.kind} every {minutes} min, {number}", due_at)

    def _daily_period(self, moment: datetime, days_later: int) -> SchedulePeriod:
        day = moment.astimezone(get_default_timezone()).date() + timedelta(days=days_later)
        return SchedulePeriod(f"{self.kind} of {day:%Y-%m-%d}", _clock_moment(day, self.daily_at or time.min))


def _clock_moment(day: date, at: time) -> datetime:
    """The first moment of a day at which the shop's clock shows this time, or would, had it not been put forward."""
    return datetime.combine(day, at, get_default_timezone()).astimezone(UTC)
