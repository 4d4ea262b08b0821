"""Runs and schedules, on the screen of data and jobs: what is done, how far it is, when it is due, and "run now"."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.timezone import get_default_timezone_name, now
from django.utils.translation import gettext as _
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from personalization.models import AuditAction, AuditEntry, JobSchedule, Run, RunKind, RunOrigin, RunState
from personalization.models.fail_open import fail_open
from personalization.models.schedules import USUAL_TIMES
from personalization.oscar.dashboard.run_words import rhythm_words, run_line, schedule_warning
from personalization.oscar.dashboard.screens import show

SHOWN_RUNS = 15
EVERY, DAILY = "every", "daily"


class ScheduleForm(forms.Form):
    """When a job is due."""

    is_on = forms.BooleanField(
        label=pgettext_lazy("personalization", "It is done by the clock"), required=False, initial=True
    )
    rhythm = forms.ChoiceField(
        label=pgettext_lazy("personalization", "How often"),
        choices=[
            (DAILY, pgettext_lazy("personalization", "daily, at a time of the day")),
            (EVERY, pgettext_lazy("personalization", "again and again, every so many minutes")),
        ],
        widget=forms.RadioSelect,
    )
    daily_at = forms.TimeField(
        label=pgettext_lazy("personalization", "Time of the day"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )
    every_minutes = forms.IntegerField(
        label=pgettext_lazy("personalization", "Minutes from one to the next"),
        required=False,
        min_value=1,
        max_value=24 * 60,
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        words = pgettext("personalization", "By the shop's clock, in %(zone)s.")
        self.fields["daily_at"].help_text = words % {"zone": get_default_timezone_name()}

    def clean(self) -> dict[str, Any]:
        """The rhythm that was chosen needs its own field; the other one does not count."""
        cleaned = super().clean() or {}
        needed = {DAILY: "daily_at", EVERY: "every_minutes"}.get(cleaned.get("rhythm", ""))
        if needed and needed not in self.errors and cleaned.get(needed) is None:
            self.add_error(needed, _("Say when."))
        return cleaned

    def schedule_values(self) -> dict[str, Any]:
        """The columns of the schedule."""
        is_daily = self.cleaned_data["rhythm"] == DAILY
        at, every = self.cleaned_data["daily_at"], self.cleaned_data["every_minutes"]
        rhythm = {"daily_at": at if is_daily else None, "every_minutes": None if is_daily else every}
        return {"is_on": self.cleaned_data["is_on"], **rhythm}


def run_context(request: HttpRequest, moment: datetime) -> dict[str, Any]:
    """The schedules and the last runs, for the page and for its part; each is missing where it could not be read."""
    context: dict[str, Any] = {"run_kinds": RunKind.choices, "shown_kind": _chosen_kind(request)}
    with fail_open("Reading the runs for the dashboard", whole_page=True):
        runs = Run.objects.filter(kind=context["shown_kind"]) if context["shown_kind"] else Run.objects.all()
        context["run_lines"] = [run_line(run, moment) for run in runs.order_by("-pk")[:SHOWN_RUNS]]
        context["has_open_runs"] = any(line.is_open for line in context["run_lines"])
    with fail_open("Reading the schedules for the dashboard", whole_page=True):
        schedules = list(JobSchedule.objects.order_by("pk"))
        newest = Run.objects.newest_of_each_kind()
        context["schedule_lines"] = [
            (one, rhythm_words(one), one.next_due(moment), newest.get(one.kind) and run_line(newest[one.kind], moment))
            for one in schedules
        ]
        looks = [one.looked_at for one in schedules if one.looked_at]
        context["schedule_warning"] = schedule_warning(max(looks, default=None), moment) if schedules else ""
    return context


@require_GET
def show_runs(request: HttpRequest) -> HttpResponse:
    """The schedules and runs alone, which replace themselves while something is to come."""
    return show(request, "parts/runs", run_context(request, now()), tab="data")


@require_POST
def start_job(request: HttpRequest) -> HttpResponse:
    """Orders a run: a row, which the next sweep of a worker takes up. No page does the work, and none asks a queue."""
    back = HttpResponseRedirect(reverse("personalization:personalization-data") + "#runs")
    kind = request.POST.get("kind", "")
    if kind not in USUAL_TIMES:
        messages.error(request, _("This cannot be started here."))
        return back
    words = {"what": RunKind(kind).label}
    if Run.objects.filter(kind=kind, state=RunState.WAITING).exists():
        messages.info(request, pgettext("personalization", "%(what)s waits to be started already.") % words)
        return back
    with transaction.atomic():
        run = Run.objects.order_run(kind, RunOrigin.BUTTON)
        action = AuditAction.TRAIN if kind == RunKind.TRAIN else AuditAction.START_JOB
        AuditEntry.objects.record(request.user, action, kind="run", object_id=run.pk if run else None, note=kind)
    words_of_order = _("%(what)s is ordered. It begins when the shop's server looks next, usually within a minute.")
    messages.success(request, words_of_order % words)
    return back


@require_http_methods(["GET", "POST"])
def edit_schedule(request: HttpRequest, pk: int) -> HttpResponse:
    """Changes when a job is due."""
    schedule = get_object_or_404(JobSchedule, pk=pk)
    form = ScheduleForm(request.POST if request.method == "POST" else None, initial=_form_values(schedule))
    if request.method == "POST" and form.is_valid():
        for name, value in form.schedule_values().items():
            setattr(schedule, name, value)
        schedule.changed_at = now()
        with transaction.atomic():
            schedule.save(update_fields=["is_on", "daily_at", "every_minutes", "changed_at"])
            _note_schedule(request, schedule)
        words = {"what": RunKind(schedule.kind).label, "when": rhythm_words(schedule)}
        said = _("%(what)s: %(when)s.") if schedule.is_on else _("%(what)s is not done by the clock any more.")
        messages.success(request, said % words)
        return HttpResponseRedirect(reverse("personalization:personalization-data") + "#schedules")
    context = {"form": form, "what": RunKind(schedule.kind).label}
    return show(request, "schedule_form", context, tab="data")


@require_POST
def add_schedules(request: HttpRequest) -> HttpResponse:
    """Adds the usual schedules, where there are none."""
    with transaction.atomic():
        if JobSchedule.objects.add_usual():
            AuditEntry.objects.record(request.user, AuditAction.CREATE, kind="schedule")
    return HttpResponseRedirect(reverse("personalization:personalization-data") + "#schedules")


def _note_schedule(request: HttpRequest, schedule: JobSchedule) -> None:
    AuditEntry.objects.record(
        request.user, AuditAction.CHANGE, kind="schedule", object_id=schedule.pk, note=str(schedule)
    )


def _form_values(schedule: JobSchedule) -> dict[str, Any]:
    return {
        "is_on": schedule.is_on,
        "rhythm": DAILY if schedule.daily_at else EVERY,
        "daily_at": schedule.daily_at,
        "every_minutes": schedule.every_minutes,
    }


def _chosen_kind(request: HttpRequest) -> str:
    kind = request.GET.get("kind", "")
    return kind if kind in RunKind.values else ""
