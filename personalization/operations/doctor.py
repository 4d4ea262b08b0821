"""All findings: each part by itself, so that what is broken hides nothing else."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _

from personalization.health import read_health
from personalization.models.fail_open import describe_fault
from personalization.models.job_history import NOTHING_KNOWN, JobRuns, read_job_runs
from personalization.operations.database_findings import database_findings
from personalization.operations.findings import Finding, Severity
from personalization.operations.job_findings import job_findings
from personalization.operations.service_findings import (
    cache_findings,
    mail_findings,
    message_findings,
    process_findings,
    search_findings,
)
from personalization.operations.setting_findings import erasure_findings, key_findings, permission_findings
from personalization.operations.snapshot_findings import snapshot_findings


def examine_installation(moment: datetime) -> list[Finding]:
    """All findings of this host, the worst first. Asks everything that the shop asks, so it takes a second or more."""
    health = read_health(moment)
    if not health.has_database:
        return [_database_silent()]
    try:
        with transaction.atomic():
            runs = read_job_runs(moment)
    except DatabaseError:  # a migration is missing, which is said below
        runs = NOTHING_KNOWN
    parts: list[tuple[str, Callable[[], Iterable[Finding]]]] = [
        ("snapshot", lambda: snapshot_findings(health)),
        ("jobs", lambda: job_findings(runs, moment)),
        ("database", lambda: database_findings(moment)),
        ("cache", cache_findings),
        ("process", lambda: process_findings(moment)),
        ("messages", lambda: message_findings(runs.oldest_due, moment)),
        ("mail", lambda: mail_findings() if runs.sends_messages else ()),
        ("search", search_findings),
        ("keys", key_findings),
        ("erasures", erasure_findings),
        ("permissions", permission_findings),
    ]
    found = [finding for name, look in parts for finding in _looked_at(name, look)]
    return sorted(found, key=lambda finding: -finding.severity)


def daily_findings(moment: datetime, runs: JobRuns) -> list[Finding]:
    """What the dashboard says on its first page, besides the state of the snapshot. No query."""
    return [
        *job_findings(runs, moment),
        *message_findings(runs.oldest_due, moment),
        *process_findings(moment),
    ]


def _looked_at(name: str, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    try:
        with transaction.atomic():  # so that an error of the database ends here
            found = list(look())
        yield from found
    except Exception as fault:  # whatever it is, the other parts are looked at
        yield Finding(
            f"{name}-unknown",
            Severity.WRONG,
            _("This could not be looked at: %(name)s (%(fault)s).") % {"name": name, "fault": describe_fault(fault)},
            _("Whatever asks the same fails, too."),
            "python manage.py migrate && python manage.py check --deploy",
        )


def _database_silent() -> Finding:
    return Finding(
        "database-silent",
        Severity.WRONG,
        _("The database does not answer, or lacks the app's tables."),
        _("Pages are the shop's own, and nothing is stored."),
        "python manage.py migrate personalization",
    )
