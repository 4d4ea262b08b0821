"""Whether personalisation works, in sentences: the first line of the overview and of the jobs."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import formats
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, npgettext, pgettext

from personalization.health import Health
from personalization.operations.findings import Finding, Severity

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class HealthLine:
    """How it is, and why."""

    state: str
    """ "good", "late" where a daily job was missed, or "wrong" where pages are not personal."""
    label: str
    sentences: list[str] = field(default_factory=list)


def health_line(
    health: Health,
    moment: datetime,
    findings: Iterable[Finding] = (),
    *,
    events: int | None = None,
    orders: int | None = None,
) -> HealthLine:
    """The health at a moment. Parameters: `findings` of the doctor, which stand below it; `events` of the last hour and
    `orders` of today, None where they could not be counted."""
    state, sentences = _snapshot_sentences(health, moment)
    if health.has_database and health.deletion_overdue and health.retention_overdue is not None:
        state = "wrong" if state == "wrong" else "late"
        days = health.retention_overdue.days
        words = ngettext(
            "What should be deleted is %(days)d day late: personalization_apply_retention does not run.",
            "What should be deleted is %(days)d days late: personalization_apply_retention does not run.",
            days,
        )
        sentences.append(words % {"days": days})
    if events is not None:
        words = npgettext(
            "personalization", "%(number)s event in the last hour.", "%(number)s events in the last hour.", events
        )
        sentences.append(words % {"number": formats.number_format(events, force_grouping=True)})
    if orders is not None:
        words = npgettext("personalization", "%(number)s order today.", "%(number)s orders today.", orders)
        sentences.append(words % {"number": formats.number_format(orders, force_grouping=True)})
    state, label = _with_findings(state, findings)
    labels = {
        "good": pgettext("personalization", "All is well"),
        "late": pgettext("personalization", "A job is late"),
        "wrong": pgettext("personalization", "Something is wrong"),
        "new": pgettext("personalization", "Not started yet"),
    }
    return HealthLine(state, label or labels[state], sentences)


def _with_findings(state: str, findings: Iterable[Finding]) -> tuple[str, str]:
    """The state that is true with these, and its label where it is none of the usual ones."""
    worst = max((finding.severity for finding in findings), default=Severity.NOTE)
    if state == "wrong" or worst == Severity.WRONG:
        return "wrong", ""
    if state == "good" and worst == Severity.LATE:
        return "late", pgettext("personalization", "Something needs attention")
    return state, ""


def _snapshot_sentences(health: Health, moment: datetime) -> tuple[str, list[str]]:
    if not health.has_database:
        return "wrong", [_("The database does not answer. Pages are the shop's own.")]
    if health.snapshot_age is None and not health.has_snapshot:
        return "new", [_("Nothing has been learned yet.")]
    if health.snapshot_age is None:
        return "wrong", [_("The files of what was learned cannot be read; rows show bestsellers or stay away.")]
    trained_at = localtime(moment - health.snapshot_age)
    shown = "H:i" if trained_at.date() == localtime(moment).date() else "SHORT_DATETIME_FORMAT"
    words = pgettext("personalization", "Learned from what was bought until %(at)s.")
    sentences = [words % {"at": formats.date_format(trained_at, shown)}]
    if health.training_overdue:
        sentences.append(_("That is more than two days ago: personalization_train does not run, or fails."))
    return ("late" if health.training_overdue else "good"), sentences
