"""Writing synonyms and redirects: the form, and the page that publishes one with what it changes."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_http_methods

from personalization.decide.active_rules import read_rules_now
from personalization.merchandising import documents, publishing
from personalization.merchandising.schemas import MAX_TERM_LENGTH
from personalization.merchandising.search_rule_words import describe_search_rule, search_rule_name
from personalization.merchandising.search_rules import SearchRedirect
from personalization.models import Definition, Version
from personalization.oscar.dashboard.access import has_permission
from personalization.oscar.dashboard.definition_changes import publish_by_button
from personalization.oscar.dashboard.screens import show
from personalization.oscar.dashboard.search_rule_forms import FIELD_PREFIX, SearchRuleForm, alternatives_note
from personalization.oscar.dashboard.search_rule_screens import KINDS, SearchRuleKind, rule_names, with_draft
from personalization.oscar.dashboard.search_trial import try_terms
from personalization.shop.search_targets import address_of, missing_targets


@require_http_methods(["GET", "POST"])
def create_rule(request: HttpRequest, kind: str) -> HttpResponse:
    """An empty form, or one for what is searched for; posting it stores a draft."""
    searched = " ".join(request.GET.get("word", "").split())[:MAX_TERM_LENGTH]
    form = _rule_form(request, KINDS[kind], _document_for(kind, searched) if searched else {})
    if request.method == "POST" and form.is_valid():
        written = form.document()
        try:
            definition = publishing.create(kind, search_rule_name(kind, written), written, request.user)
        except publishing.InvalidDocumentError as error:
            form.add_document_errors(error.errors)
        except publishing.NotPossibleError as error:
            form.add_error(None, str(error))
        else:
            return _after_saving_rule(request, KINDS[kind], definition)
    return _show_rule_form(request, KINDS[kind], {"form": form, "base": 0, "word": searched})


@require_http_methods(["GET", "POST"])
def edit_rule(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """The newest version in the form; posting it stores a new draft, unless somebody else stored one meanwhile."""
    definition = get_object_or_404(Definition.objects.with_versions(), pk=pk, kind=kind)
    shown = definition.newest
    if shown is None:
        raise ValueError(f"{kind} {pk} has no version")
    form = _rule_form(request, KINDS[kind], documents.upgrade(kind, shown.schema, shown.document))
    context: dict[str, Any] = {"form": form, "definition": definition, "base": shown.number}
    if request.method == "POST" and has_permission(request.user, "change_campaigns") and form.is_valid():
        written, base = form.document(), request.POST.get("base", "")
        number = int(base) if base.isascii() and base.isdigit() and len(base) < 9 else 0
        try:
            publishing.save_draft(definition, written, request.user, base=number, name=search_rule_name(kind, written))
        except publishing.ChangedMeanwhileError as error:
            names = rule_names(kind, [error.newest.document, written])
            context |= {
                "meanwhile": error.newest,
                "theirs": describe_search_rule(kind, error.newest.document, names),
                "mine": describe_search_rule(kind, written, names),
            }
            return _show_rule_form(request, KINDS[kind], context, status=409)
        except publishing.InvalidDocumentError as error:
            form.add_document_errors(error.errors)
        except publishing.NotPossibleError as error:
            form.add_error(None, str(error))
        else:
            return _after_saving_rule(request, KINDS[kind], definition)
    return _show_rule_form(request, KINDS[kind], context)


@require_http_methods(["GET", "POST"])
def publish_rule(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Asks once, with what the searches find before and after; posting it makes the draft live."""
    definition = get_object_or_404(Definition.objects.with_versions(), pk=pk, kind=kind)
    version = _chosen_version(request, definition)
    if version is None:
        messages.info(request, pgettext("personalization", "There is no draft to publish."))
        return HttpResponseRedirect(KINDS[kind].address())
    document = documents.upgrade(kind, version.schema, version.document)
    refusals = _rule_refusals(kind, document)
    if request.method == "POST" and not refusals:
        if not publish_by_button(request, definition, version):
            return HttpResponseRedirect(KINDS[kind].address("", pk))
        return HttpResponseRedirect(KINDS[kind].address())
    context = {
        "rule_kind": KINDS[kind],
        "list_address": KINDS[kind].address(),
        "edit_address": KINDS[kind].address("", pk),
        "definition": definition,
        "version": version,
        "refusals": refusals,
        "sentence": describe_search_rule(kind, document, rule_names(kind, [document])),
        "search_tab": KINDS[kind].plural,
        **_rule_effect(definition, document),
    }
    return show(request, "search_rule_publish", context, tab="searches")


def _chosen_version(request: HttpRequest, definition: Definition) -> Version | None:
    """The version that the address or the form names, or else the draft."""
    number = request.POST.get("number") or request.GET.get("number", "")
    if not (number.isascii() and number.isdigit() and len(number) < 9):
        return definition.draft
    return definition.versions.filter(number=int(number)).first()


def _rule_effect(definition: Definition, document: dict[str, Any]) -> dict[str, Any]:
    """What shoppers would see of it."""
    if definition.kind == "redirect":
        return {"page_address": address_of(SearchRedirect.from_document(definition.pk, document).target)}
    now = read_rules_now().search
    then = with_draft(now, definition.pk, definition.kind, document)
    return {"trials": try_terms(document["terms"], now, then)}


def _rule_refusals(kind: str, document: dict[str, Any]) -> list[str]:
    """Why it cannot be published."""
    errors = [error.message for error in documents.document_errors(kind, document)]
    if not errors and kind == "redirect" and missing_targets([SearchRedirect.from_document(0, document).target]):
        errors.append(_("The page that it names was deleted, or is not public."))
    return errors


def _document_for(kind: str, searched: str) -> dict[str, Any]:
    """What is filled in for a search."""
    if kind == "synonym":
        return {"terms": [searched]}
    return {"words": [{"text": searched, "match": "is"}]}


def _rule_form(request: HttpRequest, kind: SearchRuleKind, document: dict[str, Any]) -> SearchRuleForm:
    if request.method == "POST":
        return kind.form(request.POST, prefix=FIELD_PREFIX)
    return kind.form(initial=kind.initial(document), prefix=FIELD_PREFIX)


def _show_rule_form(
    request: HttpRequest, kind: SearchRuleKind, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    definition = context.get("definition")
    shared = {
        "rule_kind": kind,
        "list_address": kind.address(),
        "edit_address": kind.address("", definition.pk) if definition else "",
        "publish_address": kind.address("publish", definition.pk) if definition else "",
        "alternatives_note": alternatives_note(),
        "search_tab": kind.plural,
    }
    return show(request, "search_rule_form", shared | context, tab="searches", status=status)


def _after_saving_rule(request: HttpRequest, kind: SearchRuleKind, definition: Definition) -> HttpResponse:
    definition.refresh_from_db(fields=["name"])
    words = pgettext("personalization", "The draft of “%(name)s” is saved.")
    messages.success(request, words % {"name": definition.name})
    publishes = "publish" in request.POST and has_permission(request.user, "publish_campaigns")
    return HttpResponseRedirect(kind.address("publish" if publishes else "", definition.pk))
