"""What is done in the background, as rows: what, since when, how far, how it ended. One that waits is an order."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.timezone import now
from django.utils.translation import pgettext_lazy

from personalization.models.batched_deletion import delete_in_batches
from personalization.models.processes import has_ended

RUN_DAYS = 90
"""Runs are deleted after this many days."""
RUN_SILENCE = timedelta(minutes=2)
"""A run that was not heard of for so long has broken off."""
FILE_SILENCE = timedelta(hours=3)
"""On a database that is a file, a process that is there has broken off only then: nothing is written there beside the
work, so that a long step is silent."""
RESTART_PAUSES = (timedelta(0), timedelta(seconds=20), timedelta(seconds=50))
"""How long a run that broke off waits before it is started again, each time; then it is given up. With a sweep each
minute it goes on within two minutes."""
RESEND_AFTER = timedelta(seconds=55)
"""A run that was handed to a queue and not begun is handed over again, in case the message was lost."""


class RunKind(models.TextChoices):
    """What can be done in the background."""

    TRAIN = "train", pgettext_lazy("personalization", "Training")
    GENOMES = "genomes", pgettext_lazy("personalization", "Customers' profiles")
    VALUE = "value", pgettext_lazy("personalization", "Expected value of customers")
    MEASURE = "measure", pgettext_lazy("personalization", "Credit for purchases")
    RETENTION = "retention", pgettext_lazy("personalization", "Daily totals and deletion")
    MESSAGES = "messages", pgettext_lazy("personalization", "Messages")
    EXPORT = "export", pgettext_lazy("personalization", "Export")
    IMPORT = "import", pgettext_lazy("personalization", "Import")


class RunOrigin(models.TextChoices):
    """Who wanted it."""

    COMMAND = "command", pgettext_lazy("personalization", "by a command")
    TASK = "task", pgettext_lazy("personalization", "by a task")
    BUTTON = "button", pgettext_lazy("personalization", "by the button")
    SCHEDULE = "schedule", pgettext_lazy("personalization", "by the schedule")


class RunState(models.TextChoices):
    """How far it is."""

    WAITING = "waiting", pgettext_lazy("personalization", "waits")
    RUNNING = "running", pgettext_lazy("personalization", "is running")
    DONE = "done", pgettext_lazy("personalization", "done")
    LEFT_OUT = "left_out", pgettext_lazy("personalization", "left out")
    FAILED = "failed", pgettext_lazy("personalization", "failed")
    BROKEN_OFF = "broken_off", pgettext_lazy("personalization", "broke off")


class RunQuerySet(models.QuerySet):
    """The questions about runs."""

    def order_run(self, kind: str, origin: RunOrigin, occasion: str | None = None) -> "Run | None":
        """A run that waits to be started; None where the same occasion ordered one before."""
        fresh = {"kind": kind, "origin": origin, "queued_at": Now(), "due_at": Now()}
        if occasion is None:
            return self.create(**fresh)
        run, is_new = self.get_or_create(occasion=occasion, defaults=fresh)
        return run if is_new else None

    def begin(self, pk: int, holder: dict[str, Any]) -> bool:
        """Whether this process may do it now: it waits, and its pause is over. Of several who ask, one may."""
        waiting = self.filter(pk=pk, state=RunState.WAITING, due_at__lte=Now())
        began = {"state": RunState.RUNNING, "began_at": Now(), "heartbeat_at": Now(), "ended_at": None}
        return bool(waiting.update(attempt=F("attempt") + 1, steps=[], **began, **holder))

    def write(self, pk: int, token: str, **values: Any) -> bool:
        """Whether it was written: the run is still that of the holder of this token."""
        return bool(self.filter(pk=pk, token=token, state=RunState.RUNNING).update(**values))

    def wait_again(self, run: "Run", state: RunState, pause: timedelta, **values: Any) -> bool:
        """Whether a run that was in this state, and is nobody else's since, waits for another attempt."""
        waits = {"state": RunState.WAITING, "due_at": Now() + pause, "sent_at": None, "token": ""}
        return bool(self.filter(pk=run.pk, token=run.token, state=state).update(**waits, **values))

    def running(self) -> models.QuerySet:
        """Those that were begun and have not ended, as far as they said."""
        return self.filter(state=RunState.RUNNING).order_by("pk")

    def startable(self) -> models.QuerySet:
        """Those that wait, whose pause is over, and of whose kind none is running; the oldest first."""
        busy = self.filter(state=RunState.RUNNING, kind=models.OuterRef("kind"))
        waiting = self.filter(state=RunState.WAITING, due_at__lte=Now()).exclude(models.Exists(busy))
        return waiting.order_by("due_at", "pk")

    def waiting_kinds(self) -> list[str]:
        """The kinds of which a run waits."""
        return list(self.filter(state=RunState.WAITING).values_list("kind", flat=True).distinct())

    def hand_over(self, pk: int) -> bool:
        """Whether it is to be put into a queue now: nobody did so lately."""
        lately = Q(sent_at__gt=Now() - RESEND_AFTER)
        return bool(self.filter(pk=pk, state=RunState.WAITING).exclude(lately).update(sent_at=Now()))

    def silent(self) -> set[int]:
        """The keys of running ones that were not heard of for long, by the clock of the database."""
        return set(self.running().filter(heartbeat_at__lt=Now() - RUN_SILENCE).values_list("pk", flat=True))

    def newest_of_each_kind(self) -> dict[str, "Run"]:
        """By kind, the run that was ordered last."""
        newest = self.values("kind").annotate(newest=models.Max("pk")).values("newest")
        return {run.kind: run for run in self.filter(pk__in=newest)}

    def before(self, moment: datetime) -> models.QuerySet:
        """Those that were ordered before a moment, in the sequence in which they are deleted."""
        return self.filter(queued_at__lt=moment).order_by("queued_at", "pk")

    def delete_before(self, moment: datetime) -> Iterator[int]:
        """Deletes those; how many went with each batch."""
        return delete_in_batches(self.before(moment))


class Run(models.Model):
    """One run of one job. It holds no word about any person."""

    kind = models.CharField(pgettext_lazy("personalization", "kind"), max_length=16, choices=RunKind)
    origin = models.CharField(pgettext_lazy("personalization", "started"), max_length=10, choices=RunOrigin)
    state = models.CharField(
        pgettext_lazy("personalization", "state"), max_length=10, choices=RunState, default=RunState.WAITING
    )
    occasion = models.CharField(max_length=80, unique=True, null=True)
    """What asked for it once: a period of a schedule, or the message of a queue. Asking twice is asking once."""
    queued_at = models.DateTimeField(pgettext_lazy("personalization", "ordered"))
    due_at = models.DateTimeField()
    """It is not started before."""
    sent_at = models.DateTimeField(null=True)
    """When it was last put into a queue."""
    began_at = models.DateTimeField(pgettext_lazy("personalization", "began"), null=True)
    heartbeat_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(pgettext_lazy("personalization", "ended"), null=True)
    attempt = models.PositiveSmallIntegerField(pgettext_lazy("personalization", "attempt"), default=0)
    token = models.CharField(max_length=32, default="")
    """What only the process that does it knows."""
    host = models.CharField(pgettext_lazy("personalization", "host"), max_length=255, default="")
    process = models.PositiveBigIntegerField(pgettext_lazy("personalization", "process"), default=0)
    process_begun = models.PositiveBigIntegerField(default=0)
    steps = models.JSONField(pgettext_lazy("personalization", "steps"), default=list)
    """[{"label": what is done, "done": how many, "of": how many there are or null}, ...], the last one now."""
    sentence = models.CharField(max_length=255, default="")
    """How it ended, with places for numbers: a text that is translated where it is shown."""
    numbers = models.JSONField(default=dict)
    fault = models.CharField(max_length=255, default="")
    """The class of the error and the line of ours that it came from; never its own text."""
    peak_mib = models.PositiveIntegerField(pgettext_lazy("personalization", "peak memory"), null=True)
    is_own_peak = models.BooleanField(default=True)
    """Whether this run needed that much; else the process had needed it before."""

    objects = RunQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "run")
        verbose_name_plural = pgettext_lazy("personalization", "runs")
        default_permissions = ()
        indexes = (
            models.Index(fields=["queued_at"], name="personalization_run_age"),
            models.Index(fields=["kind", "-id"], name="personalization_run_newest"),
            models.Index(
                fields=["state", "due_at"],
                name="personalization_run_open",
                condition=Q(state__in=["waiting", "running"]),
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}: {self.state}"

    def has_broken_off(self, silent: set[int] | None = None) -> bool:
        """Whether it says that it is running, and is not: its process is no more, or nobody heard of it for long.

        Parameters: `silent`, the keys of those of whom the database says so; None to go by the clock of this host.
        """
        if self.state != RunState.RUNNING:
            return False
        ended = has_ended(self.host, self.process, self.process_begun)
        if ended:
            return True
        if ended is False and connection.vendor == "sqlite":
            return self.heartbeat_at is None or self.heartbeat_at < now() - FILE_SILENCE
        if silent is not None:
            return self.pk in silent
        return self.heartbeat_at is None or self.heartbeat_at < now() - RUN_SILENCE

    @property
    def shown_state(self) -> RunState:
        """Its state, as it is and not as it was last written."""
        return RunState.BROKEN_OFF if self.has_broken_off() else RunState(self.state)

    @property
    def is_open(self) -> bool:
        """Whether it waits, or is running."""
        return self.shown_state in (RunState.WAITING, RunState.RUNNING)
