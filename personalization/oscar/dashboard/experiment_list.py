"""The list of experiments, above it the holdout, and the page that asks before a holdout begins."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_http_methods

from personalization.measure.experiments import start_experiment
from personalization.measure.number_words import format_count
from personalization.measure.traffic import read_traffic
from personalization.merchandising import documents, publishing, running_experiments
from personalization.merchandising.assignment import HOLDOUT, HOLDOUT_SHARE, HOLDOUT_WEEKS, SOONER_SHARE
from personalization.models import Definition, DefinitionKind, DefinitionState, Season
from personalization.oscar.dashboard import experiment_words
from personalization.oscar.dashboard.experiment_groups import season_reach
from personalization.oscar.dashboard.experiment_traffic import describe_holdout_possibilities
from personalization.oscar.dashboard.experiment_words import Judgement, judgement_of
from personalization.oscar.dashboard.screens import posted_number, say_refusal, show


@dataclass(frozen=True)
class ExperimentLine:
    """An experiment as the list shows it."""

    definition: Definition
    name: str
    season: Season | None
    """The newest one."""
    question: str
    surfaces: str
    groups: str
    state: str
    progress: str
    reached: str
    """How many visitors saw a page on which the groups differ; "" before the first season."""
    judgement: Judgement | None


@require_GET
def list_experiments(request: HttpRequest) -> HttpResponse:
    """All experiments, those that run first, or the archived ones; above them the holdout."""
    found = Definition.objects.of_kind(DefinitionKind.EXPERIMENT).with_versions()
    is_archive = "archived" in request.GET
    definitions = [one for one in found if one.key == HOLDOUT or (one.state == DefinitionState.ARCHIVED) == is_archive]
    seasons = Season.objects.newest_by_definition(one.pk for one in definitions)
    shown = [shown_document(one, seasons.get(one.pk)) for one in definitions]
    surfaces = running_experiments.surfaces_of_experiments(shown)
    lines = [
        experiment_line(one, seasons.get(one.pk), {**document, "surfaces": some})
        for one, document, some in zip(definitions, shown, surfaces, strict=True)
    ]
    holdout = next((line for line in lines if line.definition.key == HOLDOUT), None)
    others = [line for line in lines if line.definition.key != HOLDOUT]
    is_held = holdout is not None and holdout.season is not None and holdout.season.ended_at is None
    context = {
        "lines": sorted(others, key=_sort_key),
        "holdout": holdout,
        "is_held": is_held,
        "before": _season_before(holdout.season) if holdout and holdout.season and is_held else (),
        "possible": [] if is_held else describe_holdout_possibilities(read_traffic(now())),
        "is_archive": is_archive,
    }
    return show(request, "experiments", context, tab="experiments")


@require_http_methods(["GET", "POST"])
def start_holdout(request: HttpRequest) -> HttpResponse:
    """Says what visitors will see, and asks; posting it begins a season."""
    share = SOONER_SHARE if posted_number(request, "share") == round(100 * SOONER_SHARE) else HOLDOUT_SHARE
    if request.method == "POST":
        try:
            definition = running_experiments.prepare_holdout(share, request.user)
            start_experiment(definition, request.user, now())
        except publishing.NotPossibleError as error:
            say_refusal(request, error)
        else:
            messages.success(request, _("The holdout begins in up to 10 seconds."))
        return HttpResponseRedirect(reverse("personalization:personalization-experiments"))
    context = {
        "percent": round(100 * share),
        "weeks": HOLDOUT_WEEKS,
        "possible": describe_holdout_possibilities(read_traffic(now())),
    }
    return show(request, "holdout_start", context, tab="experiments")


def experiment_line(definition: Definition, season: Season | None, document: Mapping[str, Any]) -> ExperimentLine:
    """The line of an experiment. Parameters: `season`, its newest one; `document`, with its surfaces."""
    numbers = experiment_words.newest_numbers(season) if season else {}
    return ExperimentLine(
        definition,
        experiment_words.experiment_name(definition),
        season,
        experiment_words.experiment_question(document, definition.key),
        experiment_words.describe_surfaces(document, definition.key),
        experiment_words.describe_groups(document),
        experiment_words.describe_state(definition, season),
        experiment_words.describe_progress(season) if season else "",
        format_count(season_reach(numbers)) if season else "",
        judgement_of(season) if season else None,
    )


def shown_document(definition: Definition, season: Season | None) -> Mapping[str, Any]:
    """What an experiment is about: as its newest season began, before the first one as its draft says."""
    if season is not None:
        document: Mapping[str, Any] = season.document
        return document
    newest = definition.newest
    if newest is None:
        raise ValueError(f"experiment {definition.pk} has no version")
    return documents.upgrade("experiment", newest.schema, newest.document)


def holdout_sentences() -> tuple[str, ...]:
    """What can be said of the holdout that runs, before the first look at it of its season before; none where none
    runs. One query."""
    seasons = list(Season.objects.filter(definition__key=HOLDOUT).order_by("-number")[:2])
    if not seasons or seasons[0].ended_at is not None:
        return ()
    newest, *before = seasons
    if newest.looks or not before:
        return judgement_of(newest).sentences
    return (pgettext("personalization", "The season before:"), *judgement_of(before[0]).sentences)


def _season_before(season: Season) -> tuple[str, ...]:
    """What was said of the season before; none before the first one."""
    before = Season.objects.of_definition(season.definition_id).filter(number__lt=season.number)
    found = before.first() if season.number > 1 else None
    return judgement_of(found).sentences if found else ()


def _sort_key(line: ExperimentLine) -> tuple[bool, str]:
    is_over = line.season is None or line.season.ended_at is not None
    return is_over, line.definition.name.casefold()
