"""What counts besides relevance: the dials of the whole shop, which all teams see, and the page that publishes them."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from personalization.measure.number_words import format_count
from personalization.merchandising import documents, publishing
from personalization.merchandising.compile_objectives import OBJECTIVES_KEY
from personalization.merchandising.objective_words import describe_objectives, objective_labels, objective_meanings
from personalization.models import AuditEntry, Definition, DefinitionKind, DefinitionState, ValueRun
from personalization.oscar.dashboard.access import has_permission
from personalization.oscar.dashboard.back_test_screen import LIMIT_SECONDS
from personalization.oscar.dashboard.campaign_list import undoable
from personalization.oscar.dashboard.cost_screen import CostFileForm
from personalization.oscar.dashboard.definition_changes import change_by_button, publish_by_button
from personalization.oscar.dashboard.objective_forms import ObjectivesForm, objectives_initial
from personalization.oscar.dashboard.objectives_back_test import find_objectives, trial_lines, try_document
from personalization.oscar.dashboard.row_editor import TRY
from personalization.oscar.dashboard.screens import chosen_version, posted_number, show
from personalization.shop.product_margins import CostCoverage, cost_coverage

OBJECTIVES_KIND = DefinitionKind.OBJECTIVES
PUBLISH_SECONDS = 8.0
"""Before something is published it goes through orders for so long: that is what is decided by."""


@require_http_methods(["GET", "POST"])
def edit_objectives(request: HttpRequest) -> HttpResponse:
    """The newest dials in the form; posting it stores a draft, unless somebody else stored one meanwhile."""
    definition, coverage = find_objectives(), cost_coverage()
    form = _objectives_form(request, definition, coverage)
    context = _screen_context(request, definition, form, coverage)
    may_change = has_permission(request.user, "change_campaigns")
    if TRY in request.POST:
        context |= _form_trial(form)
    elif request.method == "POST" and may_change and form.is_valid():
        written = form.document()
        try:
            stored = _store_draft(request, definition, written)
        except publishing.ChangedMeanwhileError as error:
            theirs, mine = describe_objectives(error.newest.document), describe_objectives(written)
            context |= {"meanwhile": error.newest, "theirs": theirs, "mine": mine}
            return show(request, "objectives", context, tab="objectives", status=409)
        except publishing.InvalidDocumentError as error:
            for path, message in error.errors:
                form.add_error(None, f"{path}: {message}" if path else message)
        else:
            words = pgettext("personalization", "The draft of “%(name)s” is saved.")
            messages.success(request, words % {"name": stored.name})
            publishes = "publish" in request.POST and has_permission(request.user, "publish_campaigns")
            return _go_to("objectives-publish" if publishes else "objectives")
    return show(request, "objectives", context, tab="objectives")


@require_POST
def try_objectives(request: HttpRequest) -> HttpResponse:
    """The dials in the form, tried on the past; a part of the page. Nothing is stored."""
    form = _objectives_form(request, find_objectives(), cost_coverage())
    return show(request, "parts/back_test", _form_trial(form))


@require_http_methods(["GET", "POST"])
def publish_objectives(request: HttpRequest) -> HttpResponse:
    """Asks once, with what it would have cost in the past; posting it makes the draft live."""
    definition = find_objectives()
    version = chosen_version(request, definition) if definition is not None else None
    if definition is None or version is None:
        messages.info(request, pgettext("personalization", "There is no draft to publish."))
        return _go_to("objectives")
    if request.method == "POST":
        publish_by_button(request, definition, version)
        return _go_to("objectives")
    document = documents.upgrade(OBJECTIVES_KIND, version.schema, version.document)
    trial = try_document(document, seconds=PUBLISH_SECONDS)
    is_live = definition.live is not None and definition.state == DefinitionState.LIVE
    context = {
        "definition": definition,
        "version": version,
        "before": describe_objectives(definition.live.document if is_live and definition.live else {}),
        "sentence": describe_objectives(document),
        "problems": trial.problems,
        "is_tried": True,
        "past": trial_lines(trial),
        "cost_words": _coverage_words(cost_coverage()),
    }
    return show(request, "objectives_publish", context, tab="objectives")


@require_POST
def change_objectives_state(request: HttpRequest) -> HttpResponse:
    """Pauses, resumes or undoes what counts."""
    definition = find_objectives()
    if definition is not None and request.POST.get("do") != "archive":
        change_by_button(request, definition, pgettext("personalization", "The shop follows in up to 10 seconds."))
    return _go_to("objectives")


@require_GET
def show_objectives_history(request: HttpRequest) -> HttpResponse:
    """All versions of what counts, and what was done with them."""
    definition = find_objectives()
    if definition is None:
        messages.info(request, pgettext("personalization", "Nobody has said anything here yet."))
        return _go_to("objectives")
    newest = documents.newest_schema(OBJECTIVES_KIND)
    versions = [one for one in definition.versions.order_by("-number")[:100] if one.schema <= newest]
    context = {
        "definition": definition,
        "versions": [(one, describe_objectives(one.document)) for one in versions],
        "entries": AuditEntry.objects.of_object(definition.kind, definition.pk)[:100],
    }
    return show(request, "objectives_history", context, tab="objectives")


def _objectives_form(request: HttpRequest, definition: Definition | None, coverage: CostCoverage) -> ObjectivesForm:
    newest = definition.newest if definition is not None else None
    document = documents.upgrade(OBJECTIVES_KIND, newest.schema, newest.document) if newest is not None else {}
    data = request.POST if request.method == "POST" else None
    return ObjectivesForm(data, has_costs=coverage.with_margin > 0, initial=objectives_initial(document))


def _store_draft(request: HttpRequest, definition: Definition | None, written: dict[str, Any]) -> Definition:
    if definition is None:
        name = pgettext("personalization", "What counts")
        return publishing.create(OBJECTIVES_KIND, name, written, request.user, key=OBJECTIVES_KEY)
    publishing.save_draft(definition, written, request.user, base=posted_number(request, "base"))
    return definition


def _screen_context(
    request: HttpRequest, definition: Definition | None, form: ObjectivesForm, coverage: CostCoverage
) -> dict[str, Any]:
    newest = definition.newest if definition is not None else None
    labels, meanings = objective_labels(), objective_meanings()
    run = ValueRun.objects.latest_run()
    return {
        "form": form,
        "definition": definition,
        "base": newest.number if newest is not None else 0,
        "live_words": _live_words(definition),
        "undo": undoable(request, OBJECTIVES_KIND, [definition] if definition is not None else []),
        "labels": list(labels.values()),
        "meanings": [(labels[one], words) for one, words in meanings.items()],
        "cost_words": _coverage_words(coverage),
        "knows_value": run is not None and run.has_enough_history,
        "cost_form": CostFileForm(),
        "from_shop": coverage.from_shop,
    }


def _live_words(definition: Definition | None) -> str:
    """What counts at this moment."""
    if definition is None or definition.live is None or definition.state != DefinitionState.LIVE:
        return describe_objectives({})
    return describe_objectives(definition.live.document)


def _coverage_words(coverage: CostCoverage) -> list[str]:
    """Of how many products the costs are known, and from where, a sentence each."""
    words = ngettext(
        "The cost of %(known)s of %(all)s product with a price is known.",
        "The cost of %(known)s of %(all)s products with a price is known.",
        coverage.products,
    )
    found = [words % {"known": format_count(coverage.with_margin), "all": format_count(coverage.products)}]
    if coverage.with_margin < coverage.products:
        found.append(_("Margin moves no product of which it is not known."))
    if coverage.from_shop:
        found.append(_("They come from the shop's own function (PRODUCT_COST_CALLABLE)."))
    if coverage.of_demo:
        words = ngettext(
            "%(count)s cost was made up for the demo.", "%(count)s costs were made up for the demo.", coverage.of_demo
        )
        found.append(words % {"count": format_count(coverage.of_demo)})
    return found


def _form_trial(form: ObjectivesForm) -> dict[str, Any]:
    """What the dials in the form would have cost; nothing while they are not complete."""
    if not form.is_valid() or documents.document_errors(OBJECTIVES_KIND, form.document()):
        return {"is_tried": True, "past": None}
    return {"is_tried": True, "past": trial_lines(try_document(form.document(), seconds=LIMIT_SECONDS))}


def _go_to(name: str) -> HttpResponse:
    return HttpResponseRedirect(reverse(f"personalization:personalization-{name}"))
