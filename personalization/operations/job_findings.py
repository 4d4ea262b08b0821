"""Jobs that do not run, fail or take long."""

import socket
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import formats
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from personalization import extras
from personalization.models.job_runs import Job, JobRun, JobRuns
from personalization.operations.findings import Finding, Severity

LONGEST_PAUSES = {
    Job.TRAIN: timedelta(hours=48),
    Job.RETENTION: timedelta(hours=48),
    Job.MEASURE: timedelta(hours=6),
    Job.MESSAGES: timedelta(hours=2),
}
"""After so long without a run that ended well a job is late."""
GIVEN_UP = timedelta(days=14)
"""The hourly run may be left out, as the daily one does the same: one that ended so long ago was given up."""
FIRST_DAYS = timedelta(hours=48)
"""A job that never ran is late when another one ran before that."""
LONGEST_RUNS = {
    Job.TRAIN: timedelta(hours=4),
    Job.RETENTION: timedelta(hours=2),
    Job.MEASURE: timedelta(minutes=50),
    Job.MESSAGES: timedelta(minutes=30),
}
"""A job that takes longer is likely to meet its next run, or the shop's busy hours."""


def job_findings(runs: JobRuns, moment: datetime) -> Iterator[Finding]:
    """Without a query: what is wrong with the last runs."""
    for job in Job:
        if run := runs.by_name.get(job):
            yield from _faults_of_run(job, run, moment, is_needed=job != Job.MESSAGES or runs.sends_messages)
        elif (job == Job.RETENTION or (job == Job.MESSAGES and runs.sends_messages)) and _is_settled(runs, moment):
            yield Finding(
                f"{job}-never-ran",
                Severity.LATE,
                _("%(command)s has never run.") % {"command": job.label},
                _why_it_matters(job),
                _("Put it into the crontab: %(line)s") % {"line": _crontab_line(job)},
            )
    yield from _missing_packages(runs.by_name)


def _faults_of_run(job: Job, run: JobRun, moment: datetime, *, is_needed: bool) -> Iterator[Finding]:
    words = {"command": job.label, "host": run.host}
    last = run.succeeded_at or run.began_at
    if run.failure:
        yield Finding(
            f"{job}-failed",
            Severity.WRONG if job in (Job.TRAIN, Job.MESSAGES) else Severity.LATE,
            _("The last run of %(command)s failed on %(host)s: %(failure)s.") % {**words, "failure": run.failure},
            _why_it_matters(job),
            _("Run it by hand and read what it says: %(line)s") % {"line": f"python manage.py {job.label}"},
        )
    elif is_needed and LONGEST_PAUSES[job] < moment - last and (job != Job.MEASURE or moment - last < GIVEN_UP):
        yield Finding(
            f"{job}-late",
            Severity.LATE,
            _("%(command)s last ended well on %(at)s.") % {**words, "at": _date_words(last)},
            _why_it_matters(job),
            _("Look whether the schedule still runs. As a line of the crontab: %(line)s")
            % {"line": _crontab_line(job)},
        )
    took = moment - run.began_at if run.ended_at is None else timedelta(seconds=run.seconds or 0)
    minutes = took // timedelta(minutes=1)
    if took > LONGEST_RUNS[job]:
        yield Finding(
            f"{job}-slow",
            Severity.LATE,
            _("%(command)s runs since %(at)s, or was killed.") % {**words, "at": _date_words(run.began_at)}
            if run.ended_at is None
            else _("The last run of %(command)s took %(minutes)d minutes.") % {**words, "minutes": minutes},
            _("It may meet the shop's busy hours, or its own next run."),
            _slow_remedy(job),
        )


def _is_settled(runs: JobRuns, moment: datetime) -> bool:
    return any(moment - run.first_at > FIRST_DAYS for run in runs.by_name.values())


def _slow_remedy(job: Job) -> str:
    if job == Job.RETENTION:
        return _("Lower EVENT_RETENTION_DAYS, and let it run daily; see docs/production.md, What to watch.")
    return _("Give it a host of its own, or more memory; see docs/production.md, Sizes.")


def _why_it_matters(job: Job) -> str:
    return {
        Job.TRAIN: _("Lists go by what was learned before; new products and customers are missing in them."),
        Job.RETENTION: _("What your privacy notice says is deleted stays stored, and reports stand still."),
        Job.MEASURE: _("What was bought is credited a day late."),
        Job.MESSAGES: _("What is due is not sent; after some hours it is too late for it."),
    }[job]


def _crontab_line(job: Job) -> str:
    at = {Job.TRAIN: "10 3", Job.RETENTION: "40 4", Job.MEASURE: "20 *", Job.MESSAGES: "*/10 *"}[job]
    return f"{at} * * *  cd {getattr(settings, 'BASE_DIR', '/srv/shop')} && python manage.py {job.label} --verbosity 0"


def _missing_packages(runs: dict[str, JobRun]) -> Iterator[Finding]:
    beat = str(getattr(settings, "CELERY_BEAT_SCHEDULE", {}))
    trains_here = Job.TRAIN in runs and runs[Job.TRAIN].host == socket.gethostname()
    for extra, is_needed in (("train", trains_here), ("celery", "personalization." in beat)):
        missing = extras.missing_packages(extra)
        if is_needed and missing:
            yield Finding(
                f"extra-{extra}",
                Severity.LATE if missing == ["lightgbm"] else Severity.WRONG,
                _("On this host packages are missing that the schedule needs: %(packages)s.")
                % {"packages": ", ".join(missing)},
                _("Without LightGBM lists go by default weights; without the others nothing is learned or run."),
                extras.install_line(extra),
            )


def _date_words(moment: datetime) -> str:
    local = localtime(moment)
    return f"{formats.date_format(local, 'SHORT_DATE_FORMAT')} {local:%H:%M}"
