"""How the jobs of the schedule went lately, from the rows of their runs: for the doctor, the dashboard and metrics."""

from dataclasses import dataclass
from datetime import datetime

from django.db import models
from django.utils.translation import gettext as _

from personalization import conf
from personalization.models.definitions import Definition
from personalization.models.deliveries import Delivery, DeliveryState
from personalization.models.runs import Run, RunKind, RunState


class Job(models.TextChoices):
    """What a shop has done in the background, again and again, with the command that does it."""

    TRAIN = str(RunKind.TRAIN), "personalization_train"
    RETENTION = str(RunKind.RETENTION), "personalization_apply_retention"
    MEASURE = str(RunKind.MEASURE), "personalization_measure"
    MESSAGES = str(RunKind.MESSAGES), "personalization_messages"


@dataclass(frozen=True)
class JobHistory:
    """The last run of a job, and the last one that ended well."""

    job: str
    last: Run
    """Its row."""
    host: str
    first_at: datetime
    """When the oldest run that is known was ordered."""
    began_at: datetime
    ended_at: datetime | None
    """None while it runs."""
    succeeded_at: datetime | None
    """When one ended well last."""
    seconds: float | None
    """How long that one took."""
    failure: str
    """What ended the last one: the class of the error and the line of ours; never its text, which may hold a person."""


@dataclass(frozen=True)
class JobRuns:
    """What ran."""

    by_name: dict[str, JobHistory]
    sends_messages: bool
    """Whether any message is live and can be sent. False where no job ever ran: then nothing is known."""
    oldest_due: datetime | None
    """Since when the oldest message is due that was neither sent nor given up."""

    def last_run(self, job: Job) -> Run | None:
        """The row of the last run of a job that began."""
        return self.by_name[job].last if job in self.by_name else None


NOTHING_KNOWN = JobRuns({}, sends_messages=False, oldest_due=None)
BEGUN = (RunState.RUNNING, RunState.DONE, RunState.FAILED, RunState.BROKEN_OFF)


def read_job_runs(moment: datetime) -> JobRuns:
    """The last run of each job that ever ran, and what messages wait for one: one query, over the index of the newest
    run of each kind."""
    live = Definition.objects.live_messages(moment).order_by()
    due = Delivery.objects.filter(state=DeliveryState.DUE).order_by("due_at").values("due_at")[:1]
    wanted = models.Q()
    for job in Job:
        of_job = Run.objects.filter(kind=job.value)
        newest, done = of_job.filter(state__in=BEGUN).order_by("-pk"), of_job.filter(state=RunState.DONE)
        for some in (newest, done.order_by("-pk"), of_job.order_by("pk")):
            wanted |= models.Q(pk=models.Subquery(some.values("pk")[:1]))
    rows = list(
        Run.objects.filter(wanted)
        .annotate(is_any_live=models.Exists(live), oldest_due=models.Subquery(due))
        .defer("steps")
        .order_by("pk")
    )
    if not rows:
        return NOTHING_KNOWN
    sends_messages = rows[0].is_any_live and not conf.missing_message_settings()
    histories = (_history(job, [run for run in rows if run.kind == job.value]) for job in Job)
    by_name = {one.job: one for one in histories if one is not None}
    return JobRuns(by_name, sends_messages, rows[0].oldest_due if sends_messages else None)


def _history(job: Job, rows: list[Run]) -> JobHistory | None:
    begun = [(run, run.began_at) for run in rows if run.state in BEGUN and run.began_at is not None]
    if not begun:
        return None
    last, began_at = begun[-1]
    done = [(run.ended_at, began) for run, began in begun if run.state == RunState.DONE and run.ended_at is not None]
    ended_well, began_well = done[-1] if done else (None, None)
    return JobHistory(
        job=str(job.value),
        last=last,
        host=last.host,
        first_at=rows[0].queued_at,
        began_at=began_at,
        ended_at=last.ended_at,
        succeeded_at=ended_well,
        seconds=(ended_well - began_well).total_seconds() if ended_well and began_well else None,
        failure=_failure(last),
    )


def _failure(run: Run) -> str:
    if run.shown_state == RunState.BROKEN_OFF:
        return _("its process ended in the midst of it")
    return run.fault or "?" if run.state == RunState.FAILED else ""
