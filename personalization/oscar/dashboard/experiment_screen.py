"""One experiment: its plan, how far it is, what its groups came to, and what can be done with it."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from personalization.measure.experiment_readings import plan_of, reading_of
from personalization.measure.experiments import start_experiment
from personalization.measure.interleaved_verdict import MIN_CHOOSERS
from personalization.measure.number_words import format_count, format_percent
from personalization.merchandising import publishing, running_experiments
from personalization.merchandising.arm_words import arm_labels
from personalization.merchandising.assignment import HOLDOUT
from personalization.merchandising.experiments import is_interleaved, named_definitions
from personalization.models import Definition, DefinitionKind, DefinitionState, Season
from personalization.oscar.dashboard import experiment_words
from personalization.oscar.dashboard.access import has_permission
from personalization.oscar.dashboard.experiment_forms import DEFAULT_LIFT_PERCENT
from personalization.oscar.dashboard.experiment_groups import (
    group_lines,
    look_lines,
    order_lines,
    part_lines,
    season_reach,
)
from personalization.oscar.dashboard.experiment_list import shown_document
from personalization.oscar.dashboard.experiment_traffic import possibilities_of
from personalization.oscar.dashboard.experiment_words import Judgement, judgement_of
from personalization.oscar.dashboard.screens import posted_number, say_refusal, show


@require_GET
def show_experiment(request: HttpRequest, pk: int) -> HttpResponse:
    """The newest season of an experiment, or the one of the number that is asked for; before the first one its plan."""
    definition = _find_experiment(pk)
    seasons = list(Season.objects.of_definition(pk)[:50])
    newest = seasons[0] if seasons else None
    number = posted_number(request, "season")
    season = next((one for one in seasons if one.number == number), newest)
    may_apply = all(has_permission(request.user, name) for name in ("run_experiments", "publish_campaigns"))
    context: dict[str, Any] = {
        "definition": definition,
        "name": experiment_words.experiment_name(definition),
        "season": season,
        "is_newest": season == newest,
        "is_running": newest is not None and newest.ended_at is None,
        "is_archived": definition.state == DefinitionState.ARCHIVED,
        "is_holdout": definition.key == HOLDOUT,
        "has_newer_draft": newest is not None and definition.draft is not None,
        "state": experiment_words.describe_state(definition, newest),
        "earlier": [(one, experiment_words.describe_end(one)) for one in seasons if one != season and one.ended_at],
        **_plan_context(definition, season),
        **(_season_context(season) if season else {}),
    }
    is_over = season is not None and season == newest and season.ended_at is not None
    is_usable = is_over and definition.key != HOLDOUT and not context["judgement"].is_misleading
    context["may_apply"] = is_usable and may_apply
    return show(request, "experiment", context, tab="experiments")


@require_POST
def start_season(request: HttpRequest, pk: int) -> HttpResponse:
    """Begins a season with the newest version; a holdout asks first."""
    definition = _find_experiment(pk)
    if definition.key == HOLDOUT:
        return HttpResponseRedirect(reverse("personalization:personalization-holdout"))
    if definition.state == DefinitionState.ARCHIVED:
        say_refusal(request, publishing.NotPossibleError(_("It is archived.")))
        return _to_experiment(pk)
    words = pgettext("personalization", "“%(name)s” begins in up to 10 seconds.") % {"name": definition.name}
    return _try(request, pk, lambda: start_experiment(definition, request.user, now()), words)


@require_http_methods(["GET", "POST"])
def stop_season(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks, with what can be said by now; posting it ends the running season."""
    definition = _find_experiment(pk)
    if request.method == "POST":
        words = pgettext("personalization", "“%(name)s” is stopped.") % {
            "name": experiment_words.experiment_name(definition)
        }
        return _try(request, pk, lambda: running_experiments.stop(definition, request.user), words)
    season = Season.objects.running().filter(definition=definition).first()
    if season is None:
        return _to_experiment(pk)
    context = {
        "definition": definition,
        "name": experiment_words.experiment_name(definition),
        "judgement": judgement_of(season),
        "progress": experiment_words.describe_progress(season),
        "is_holdout": definition.key == HOLDOUT,
    }
    return show(request, "experiment_stop", context, tab="experiments")


@require_POST
def archive(request: HttpRequest, pk: int) -> HttpResponse:
    """Takes an experiment off the list; what was found out stays."""
    definition = _find_experiment(pk)
    words = pgettext("personalization", "“%(name)s” is archived.") % {"name": definition.name}
    return _try(request, pk, lambda: running_experiments.archive_experiment(definition, request.user), words)


@require_POST
def apply_arm(request: HttpRequest, pk: int) -> HttpResponse:
    """Makes what a group saw what everybody sees. Rows may be changed only by those who may change rows."""
    definition = _find_experiment(pk)
    season = Season.objects.of_definition(pk).first()
    compared = named_definitions(season.document) if season else set()
    has_rows = Definition.objects.filter(kind=DefinitionKind.ROW, pk__in=compared).exists()
    if has_rows and not has_permission(request.user, "change_rows"):
        raise PermissionDenied
    arm = request.POST.get("arm", "")[:50]
    return _try(request, pk, lambda: running_experiments.make_it_so(definition, arm, request.user))


def _plan_context(definition: Definition, season: Season | None) -> dict[str, Any]:
    document = shown_document(definition, season)
    surfaces = document if season else {**document, "surfaces": running_experiments.experiment_surfaces(document)}
    names = experiment_words.definition_names([document])
    floor = plan_of(season).min_orders if season else None
    if season and is_interleaved(document):
        floor = MIN_CHOOSERS
    return {
        "question": experiment_words.experiment_question(document, definition.key),
        "surfaces": experiment_words.describe_surfaces(surfaces, definition.key),
        "metric": experiment_words.metric_label(document),
        "is_interleaved": is_interleaved(document),
        "primary": document["primary"],
        "lift": format_percent(document.get("smallest_lift", DEFAULT_LIFT_PERCENT / 100)),
        "weeks": document["weeks"],
        "window_days": document.get("window_days", 28),
        "floor": format_count(floor) if floor else "",
        "lead": format_count(50 + 100 * document.get("smallest_lift", DEFAULT_LIFT_PERCENT / 100)),
        "planned": format_count(season.planned_units) if season and definition.key != HOLDOUT else "",
        "plan_groups": _planned_groups(document, names),
        "possible": [] if season else _possibilities(document),
    }


def _planned_groups(document: Mapping[str, Any], names: Mapping[int, str]) -> list[dict[str, str]]:
    labels = arm_labels(document)
    if is_interleaved(document):
        return [
            {"label": labels[arm["key"]], "effect": experiment_words.describe_order(arm["does"])}
            for arm in document["arms"]
        ]
    return [
        {
            "label": labels[arm["key"]],
            "share": f"{format_percent(arm['share'])} %",
            "effect": experiment_words.describe_effect(arm["does"], names),
        }
        for arm in document["arms"]
    ]


def _possibilities(document: Mapping[str, Any]) -> list[str]:
    with_lift = {"smallest_lift": DEFAULT_LIFT_PERCENT / 100, **document}
    return possibilities_of(with_lift, now())


def _season_context(season: Season) -> dict[str, Any]:
    judgement: Judgement = judgement_of(season)
    reading, looks = reading_of(season), look_lines(season)
    numbers = experiment_words.newest_numbers(season)
    names = experiment_words.definition_names([season.document])
    return {
        **_counted_lines(season, numbers, names, is_misleading=judgement.is_misleading),
        "judgement": judgement,
        "progress": experiment_words.describe_progress(season),
        "next_look": experiment_words.next_look_of(season),
        "ended": experiment_words.describe_end(season) if season.ended_at else "",
        "is_counted": bool(numbers),
        "is_before_first_look": not season.looks,
        "looks": looks,
        "last_look": looks[-1].day if looks else None,
        "crossed": format_count(reading.crossed) if reading.crossed else "",
        "crossed_percent": format_percent(reading.crossed_share, 1),
        "cap": experiment_words.format_money(season.revenue_cap) if season.revenue_cap else "",
    }


def _counted_lines(
    season: Season, numbers: Mapping[str, Any], names: Mapping[int, str], *, is_misleading: bool
) -> dict[str, Any]:
    """The groups, or the two orders, in numbers."""
    if not is_interleaved(season.document):
        return {
            "groups": group_lines(season, names, is_misleading=is_misleading),
            "parts": part_lines(season, is_misleading=is_misleading),
        }
    ties = numbers.get("signs", [0, 0, 0])[2]
    return {
        "orders": order_lines(season, is_misleading=is_misleading),
        "ties": "" if is_misleading else format_count(ties),
        "reached": format_count(season_reach(numbers)),
    }


def _find_experiment(pk: int) -> Definition:
    found: Definition = get_object_or_404(Definition.objects.with_versions(), pk=pk, kind=DefinitionKind.EXPERIMENT)
    return found


def _try(request: HttpRequest, pk: int, change: Callable[[], object], words: str = "") -> HttpResponse:
    """Does it and says that it was done, or why not. Parameters: `words`, where the change gives none."""
    try:
        done = change()
    except (publishing.NotPossibleError, publishing.InvalidDocumentError) as error:
        say_refusal(request, publishing.NotPossibleError(str(error)))
    else:
        messages.success(request, words or str(done))
    return _to_experiment(pk)


def _to_experiment(pk: int) -> HttpResponse:
    return HttpResponseRedirect(reverse("personalization:personalization-experiment", args=[pk]))
