"""When each job of the schedule ran last, how long it took, and how it ended: one row a job, about nobody."""

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import models
from django.utils.timezone import now
from django.utils.translation import pgettext_lazy

from personalization import conf
from personalization.metrics import observe_job
from personalization.models.definitions import Definition
from personalization.models.deliveries import Delivery, DeliveryState
from personalization.models.fail_open import describe_fault, fail_open

logger = logging.getLogger("personalization")


class Job(models.TextChoices):
    """What a shop has done in the background."""

    TRAIN = "train", "personalization_train"
    RETENTION = "retention", "personalization_apply_retention"
    MEASURE = "measure", "personalization_measure"
    MESSAGES = "messages", "personalization_messages"


@dataclass(frozen=True)
class JobRuns:
    """What ran."""

    by_name: "dict[str, JobRun]"
    sends_messages: bool
    """Whether any message is live and can be sent. False where no job ever ran: then nothing is known."""
    oldest_due: datetime | None
    """Since when the oldest message is due that was neither sent nor given up."""


class JobRunQuerySet(models.QuerySet):
    """The questions about runs."""

    def by_job(self, moment: datetime) -> "JobRuns":
        """The last run of each job that ever ran, and what messages wait for one: one query."""
        live = Definition.objects.live_messages(moment).order_by()
        due = Delivery.objects.filter(state=DeliveryState.DUE).order_by("due_at").values("due_at")[:1]
        rows = list(self.annotate(is_any_live=models.Exists(live), oldest_due=models.Subquery(due)))
        if not rows:
            return JobRuns({}, sends_messages=False, oldest_due=None)
        sends_messages = rows[0].is_any_live and not conf.missing_message_settings()
        return JobRuns({run.job: run for run in rows}, sends_messages, rows[0].oldest_due if sends_messages else None)


class JobRun(models.Model):
    """The last run of a job, and the last one that did not fail."""

    job = models.CharField(max_length=16, primary_key=True, choices=Job.choices)
    host = models.CharField(max_length=255)
    first_at = models.DateTimeField(auto_now_add=True)
    """When it ran for the first time."""
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    """None while it runs, and of one that was killed."""
    succeeded_at = models.DateTimeField(null=True)
    """When one ended without an error last."""
    seconds = models.FloatField(null=True)
    """How long that one took."""
    failure = models.CharField(max_length=300, blank=True)
    """What ended the last one: the class of the error and the line of ours; never its text, which may hold a person."""

    objects = JobRunQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "run of a job")
        verbose_name_plural = pgettext_lazy("personalization", "runs of jobs")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.job} on {self.host}, {self.began_at:%Y-%m-%d %H:%M}"


@contextmanager
def job_run(job: Job, *, passing: type[Exception] | tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Notes that a job runs, and how it ends. Where that cannot be noted, the job runs all the same.

    Parameters: `passing`, errors that say that another run is at it, and are none of this job.
    """
    begun, started = now(), time.monotonic()
    with fail_open("Noting that a job begins"):
        _note_run(job, began_at=begun, ended_at=None, host=socket.gethostname())
    failure = ""
    try:
        yield
    except passing:
        raise
    except BaseException as fault:
        failure = describe_fault(fault)[:300]
        raise
    finally:
        seconds = time.monotonic() - started
        ends = {"ended_at": now(), "failure": failure}
        if not failure:
            ends |= {"succeeded_at": now(), "seconds": seconds}
        with fail_open("Noting how a job ended"):
            JobRun.objects.filter(job=job).update(**ends)
        observe_job(str(job), seconds, failed=bool(failure))
        logger.info(
            "The job %s ended after %.1f s%s", job.label, seconds, f" with {failure}" if failure else "",
            extra={"job": str(job), "seconds": round(seconds, 3), "failure": failure},
        )  # fmt: skip


def _note_run(job: Job, **values: object) -> None:
    if not JobRun.objects.filter(job=job).update(**values):
        JobRun.objects.bulk_create([JobRun(job=job, **values)], ignore_conflicts=True)
