"""Data and jobs: whether it runs, what there is to learn from, and going back to an earlier snapshot."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import formats
from django.utils.timezone import localdate, now
from django.utils.translation import gettext as _
from django.utils.translation import npgettext, pgettext
from django.views.decorators.http import require_GET, require_http_methods

from personalization import conf
from personalization.decide import active_snapshot
from personalization.health import read_health
from personalization.models import (
    AuditAction,
    AuditEntry,
    DailyTotal,
    Event,
    Snapshot,
    TrainingLease,
    snapshot_files,
)
from personalization.models.arrivals import Arrivals, count_arrivals
from personalization.models.audit import AUDIT_DAYS
from personalization.models.fail_open import fail_open
from personalization.models.job_history import NOTHING_KNOWN, Job, read_job_runs
from personalization.operations.doctor import daily_findings
from personalization.oscar.dashboard.card_claims import claimed_cards
from personalization.oscar.dashboard.health_lines import health_line
from personalization.oscar.dashboard.quality_words import quality_sentences
from personalization.oscar.dashboard.readiness import recommender_readiness, weights_readiness, weights_words
from personalization.oscar.dashboard.run_screen import run_context
from personalization.oscar.dashboard.screens import show
from personalization.rank.training_quality import readable_metrics
from personalization.shop import data_sources

SHOWN_DAYS = 28
FEWEST_DAYS = 7
"""With fewer full days nothing is usual yet."""
FEW = 0.25
"""Yesterday is noticed with a smaller part than this of what is usual."""
FEWEST_A_DAY = 20
"""Only where so many are usual."""
TRAIN_COMMAND = "python manage.py personalization_train"


@dataclass(frozen=True)
class SnapshotLine:
    """A training run that was published, and its files."""

    snapshot: Snapshot
    size: int | None
    """Bytes; None where its files are gone or not readable."""
    problem: str
    """Why it cannot serve, in words; "" where its manifest is there."""
    quality: list[str]
    weights: str


@dataclass(frozen=True)
class SourceLine:
    """Something to learn from."""

    label: str
    note: str
    arrivals: Arrivals
    days: list[int | None]

    @property
    def highest(self) -> int:
        """The most of one day, for the picture."""
        return max((count or 0 for count in self.days), default=0)

    @property
    def bars(self) -> list[int]:
        """The height of each day in the picture, in percent."""
        return [round(100 * (count or 0) / self.highest) if self.highest else 0 for count in self.days]

    @property
    def average(self) -> float | None:
        """How many a day, over the days that were counted."""
        counted = [count for count in self.days if count is not None]
        return sum(counted) / len(counted) if counted else None

    @property
    def state(self) -> str:
        """Whether as much arrived as is usual, in words. Today is not over, and does not count."""
        full = [count for count in self.days[:-1] if count is not None]
        silent = next((number for number, count in enumerate(reversed(full)) if count), len(full))
        earlier = full[: len(full) - max(silent, 1)]
        usual = sum(earlier) / len(earlier) if earlier else 0
        if self.arrivals.newest is None:
            return pgettext("personalization", "nothing yet")
        if len(earlier) < FEWEST_DAYS or usual < 1:
            return pgettext("personalization", "too few to tell")
        if silent and not self.days[-1]:
            words = npgettext("personalization", "nothing for %(days)s day", "nothing for %(days)s days", silent)
            return words % {"days": silent}
        if not silent and usual >= FEWEST_A_DAY and full[-1] < FEW * usual:
            return pgettext("personalization", "far fewer than usual yesterday")
        return pgettext("personalization", "as usual")


@dataclass(frozen=True)
class RetentionLine:
    """Something that is deleted after some time."""

    label: str
    days: int
    oldest: datetime | date | None = None
    is_known: bool = True
    """Whether the oldest was looked for."""


@require_GET
def show_data(request: HttpRequest) -> HttpResponse:
    """Everything about jobs and data on one page; each part fails alone."""
    moment = now()
    context: dict[str, Any] = {"command": TRAIN_COMMAND, "days": SHOWN_DAYS, **run_context(request, moment)}
    with fail_open("Reading the snapshots for the dashboard", whole_page=True):
        snapshots = list(Snapshot.objects.order_by("-pk")[:20])
        context["runs"] = list(map(_snapshot_line, snapshots))
        context["lease"] = TrainingLease.objects.current()
    with fail_open("Reading the health for the dashboard", whole_page=True):
        health = read_health(moment)
        runs = read_job_runs(moment) if health.has_database else NOTHING_KNOWN
        context["findings"] = daily_findings(moment, runs)
        training = runs.last_run(Job.TRAIN)
        context["health"] = health_line(health, moment, context["findings"], training=training)
        context["retention"] = list(_retention_lines(health.oldest_held))
    with fail_open("Reading claims of cards for the dashboard", whole_page=True):
        context["claims"] = claimed_cards()
    with fail_open("Counting the sources for the dashboard", whole_page=True):
        context["sources"] = list(_source_lines())
    with fail_open("Reading what is ready for the dashboard", whole_page=True):
        loaded = active_snapshot.get_active_snapshot()
        context["readiness"] = list(recommender_readiness(loaded.arrays)) if loaded else []
        context["history"] = weights_readiness(data_sources.oldest_order(), moment)
    return show(request, "data", context, tab="data")


@require_http_methods(["GET", "POST"])
def serve_snapshot(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks once; posting it makes an earlier snapshot serve, if its files are whole and this release reads them."""
    snapshot = get_object_or_404(Snapshot, pk=pk)
    back = HttpResponseRedirect(reverse("personalization:personalization-data"))
    if snapshot.is_active:
        messages.info(request, _("This snapshot serves already."))
        return back
    try:
        if request.method == "POST":
            snapshot_files.read_snapshot(snapshot.name, snapshot.manifest_sha256)
        else:
            snapshot_files.read_manifest(snapshot.name, snapshot.manifest_sha256)
    except (snapshot_files.BrokenSnapshot, snapshot_files.MissingSnapshot) as error:
        _note(request, snapshot, AuditAction.REFUSE)
        messages.error(request, _problem_words(error))
        return back
    if request.method == "GET":
        return show(request, "serve_snapshot", {"snapshot": snapshot}, tab="data")
    with transaction.atomic():
        is_serving = Snapshot.objects.serve_again(snapshot.name)
        if is_serving:
            _note(request, snapshot, AuditAction.SERVE_SNAPSHOT)
    if is_serving:
        words = pgettext("personalization", "The snapshot of %(at)s serves in up to 10 seconds.")
        messages.success(request, words % {"at": formats.localize(snapshot.created_at)})
    else:
        messages.error(request, _("A training run has just removed this snapshot."))
    return back


def _note(request: HttpRequest, snapshot: Snapshot, action: AuditAction) -> None:
    AuditEntry.objects.record(request.user, action, kind="snapshot", object_id=snapshot.pk, note=snapshot.name)


def _snapshot_line(snapshot: Snapshot) -> SnapshotLine:
    size, problem = None, ""
    try:
        manifest = snapshot_files.read_manifest(snapshot.name, snapshot.manifest_sha256)
        size = snapshot_files.snapshot_bytes(manifest)
    except (snapshot_files.BrokenSnapshot, snapshot_files.MissingSnapshot) as error:
        problem = _problem_words(error)
    metrics = readable_metrics(snapshot.metrics)
    return SnapshotLine(
        snapshot,
        size,
        problem,
        quality_sentences(metrics.get("evaluation") or {}),
        weights_words(metrics.get("weights") or {}),
    )


def _problem_words(error: Exception) -> str:
    if isinstance(error, snapshot_files.OtherFormat):
        return _("It was made by another version of this app and cannot be served. Train again.")
    if isinstance(error, snapshot_files.MissingSnapshot):
        return _("Its files are gone, or cannot be read now; it cannot be served.")
    return _("Its files are not those that were published; it cannot be served.")


def _source_lines() -> Iterator[SourceLine]:
    sources = {"events": (Event.objects.all(), "received_at"), **data_sources.shop_sources()}
    found, today = count_arrivals(sources), localdate()
    words = {
        "orders": (pgettext("personalization", "Orders"), pgettext("personalization", "the shop's own")),
        "events": (
            pgettext("personalization", "Events"),
            _("what visitors did who allow it: seen, clicked, searched, put into the basket"),
        ),
        "views": (pgettext("personalization", "Product views"), _("Oscar's log of customers who are signed in")),
        "searches": (pgettext("personalization", "Searches"), _("Oscar's log of customers who are signed in")),
    }
    for name, (label, note) in words.items():
        yield SourceLine(label, note, found[name], found[name].last_days(today, SHOWN_DAYS))


def _retention_lines(held: tuple[datetime | None, datetime | None]) -> Iterator[RetentionLine]:
    settings, (arrived, searched) = conf.get_settings(), held
    yield RetentionLine(pgettext("personalization", "Events"), settings.EVENT_RETENTION_DAYS, arrived)
    yield RetentionLine(
        pgettext("personalization", "Searches among them"),
        min(settings.SEARCH_RETENTION_DAYS, settings.EVENT_RETENTION_DAYS),
        searched,
    )
    oldest = DailyTotal.objects.oldest_days()
    yield RetentionLine(pgettext("personalization", "Daily totals"), settings.TOTAL_RETENTION_DAYS, oldest["totals"])
    yield RetentionLine(pgettext("personalization", "Audit"), AUDIT_DAYS, oldest["audit"])
    yield RetentionLine(
        pgettext("personalization", "Purchases in stores"), settings.PURCHASE_RETENTION_DAYS, is_known=False
    )
    yield RetentionLine(
        pgettext("personalization", "Browsers without any event"), settings.VISITOR_COOKIE_DAYS, is_known=False
    )
    yield RetentionLine(_("That somebody is not interested in a product"), settings.DISMISSAL_DAYS, is_known=False)
