"""Writing an experiment: the form, and beside it what its plan takes with the traffic of the shop."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_http_methods, require_POST

from personalization.merchandising import documents, publishing
from personalization.merchandising.arm_words import arm_labels
from personalization.merchandising.assignment import HOLDOUT
from personalization.models import Definition, DefinitionKind, Season
from personalization.models.definitions import MAX_NAME
from personalization.oscar.dashboard import experiment_words
from personalization.oscar.dashboard.experiment_forms import ExperimentForm, experiment_initial
from personalization.oscar.dashboard.experiment_traffic import possibilities_of
from personalization.oscar.dashboard.screens import posted_number, show

LOOK = "look"
"""The name of the button that shows what the plan takes, and stores nothing."""


@require_http_methods(["GET", "POST"])
def create_experiment(request: HttpRequest) -> HttpResponse:
    """An empty form, or one about the campaign that the address names; posting it stores a draft."""
    form = _experiment_form(request, *_prefilled_experiment(posted_number(request, "campaign")))
    if _is_saved(request) and form.is_valid():
        try:
            name = form.cleaned_data["name"]
            definition = publishing.create(DefinitionKind.EXPERIMENT, name, form.document(), request.user)
        except publishing.InvalidDocumentError as error:
            form.add_document_errors(error.errors)
        except publishing.NotPossibleError as error:
            form.add_error("name", str(error))
        else:
            return _after_saving_experiment(request, definition)
    return _show_experiment_form(request, {"form": form, "base": 0})


@require_http_methods(["GET", "POST"])
def edit_experiment(request: HttpRequest, pk: int) -> HttpResponse:
    """The newest version in the form; posting it stores a new draft, unless somebody else stored one meanwhile."""
    present = Definition.objects.with_versions().present().exclude(key=HOLDOUT)
    definition = get_object_or_404(present, pk=pk, kind=DefinitionKind.EXPERIMENT)
    shown = definition.newest
    if shown is None:
        raise ValueError(f"experiment {pk} has no version")
    document = documents.upgrade("experiment", shown.schema, shown.document)
    form = _experiment_form(request, definition.name, document)
    context: dict[str, Any] = {
        "form": form,
        "definition": definition,
        "base": request.POST.get("base") or shown.number,
        "is_running": Season.objects.running().filter(definition=definition).exists(),
    }
    if _is_saved(request) and form.is_valid():
        written, base = form.document(document), posted_number(request, "base")
        try:
            publishing.save_draft(definition, written, request.user, base=base, name=form.cleaned_data["name"])
        except publishing.ChangedMeanwhileError as error:
            context |= {
                "meanwhile": error.newest,
                "theirs": _describe_document(error.newest.document),
                "mine": _describe_document(written),
            }
            return _show_experiment_form(request, context, status=409)
        except publishing.InvalidDocumentError as error:
            form.add_document_errors(error.errors)
        except publishing.NotPossibleError as error:
            form.add_error("name", str(error))
        else:
            return _after_saving_experiment(request, definition)
    return _show_experiment_form(request, context)


@require_POST
def show_plan(request: HttpRequest) -> HttpResponse:
    """What the plan in the form takes; a part of the page, asked for while it is written."""
    return show(request, "experiment_plan", {"possible": _possible_lines(ExperimentForm(request.POST))})


def _prefilled_experiment(campaign: int) -> tuple[str, dict[str, Any]]:
    """(name, document) of an experiment about a campaign; empty ones where there is none."""
    found = Definition.objects.of_kind(DefinitionKind.CAMPAIGN).present().filter(pk=campaign).first()
    if found is None:
        return "", {}
    name = pgettext("personalization", "With and without %(name)s") % {"name": found.name}
    question = _("Do more visitors buy with “%(name)s”?") % {"name": found.name}
    arms = [{"share": 0.5, "does": {"without": found.pk}}, {"share": 0.5, "does": {}}]
    return name[:MAX_NAME], {"question": question, "arms": arms}


def _experiment_form(request: HttpRequest, name: str, document: Mapping[str, Any]) -> ExperimentForm:
    if request.method == "POST":
        return ExperimentForm(request.POST)
    return ExperimentForm(initial=experiment_initial(name, document))


def _is_saved(request: HttpRequest) -> bool:
    return request.method == "POST" and LOOK not in request.POST


def _show_experiment_form(request: HttpRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    if LOOK in request.POST:
        context |= {"possible": _possible_lines(context["form"]), "is_shown": True}
    return show(request, "experiment_form", context, tab="experiments", status=status)


def _possible_lines(form: ExperimentForm) -> list[str]:
    """What the plan in the form takes; none while the form is not complete."""
    return possibilities_of(form.document(), now()) if form.is_valid() else []


def _describe_document(document: Mapping[str, Any]) -> str:
    """A document in one line, to compare two of them."""
    names = experiment_words.definition_names([document])
    labels = arm_labels(document)
    groups = [
        f"{labels[arm['key']]} ({experiment_words.describe_effect(arm['does'], names)})" for arm in document["arms"]
    ]
    return pgettext("personalization", "%(question)s %(groups)s; %(shares)s; %(weeks)d weeks") % {
        "question": document.get("question", ""),
        "groups": ", ".join(groups),
        "shares": experiment_words.describe_groups(document),
        "weeks": document["weeks"],
    }


def _after_saving_experiment(request: HttpRequest, definition: Definition) -> HttpResponse:
    definition.refresh_from_db(fields=["name"])
    words = pgettext("personalization", "The draft of “%(name)s” is saved.")
    messages.success(request, words % {"name": definition.name})
    return HttpResponseRedirect(reverse("personalization:personalization-experiment", args=[definition.pk]))
