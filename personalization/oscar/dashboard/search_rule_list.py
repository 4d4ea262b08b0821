"""The lists of synonyms and of redirects, what is done with one of them, and its history."""

from collections.abc import Mapping

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils.http import urlencode
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from personalization.decide.active_rules import read_rules_now
from personalization.merchandising.search_rule_words import describe_search_rule
from personalization.models import AuditEntry, Definition
from personalization.oscar.dashboard.campaign_list import undoable
from personalization.oscar.dashboard.definition_changes import change_by_button
from personalization.oscar.dashboard.screens import show
from personalization.oscar.dashboard.search_rule_screens import (
    KINDS,
    SearchRuleLine,
    rule_names,
    search_rule_lines,
)

RULES_PER_PAGE = 50


@require_GET
def list_rules(request: HttpRequest, kind: str) -> HttpResponse:
    """All of a kind by name, or those that the filters leave."""
    definitions = list(Definition.objects.of_kind(kind).present().with_versions().order_by("name"))
    chosen = {key: request.GET.get(key, "") for key in ("state", "text")}
    lines = search_rule_lines(KINDS[kind], definitions, read_rules_now())
    page = Paginator([line for line in lines if _passes_filters(line, chosen)], RULES_PER_PAGE).get_page(
        request.GET.get("page")
    )
    undo = undoable(request, kind, definitions)
    context = {
        "rule_kind": KINDS[kind],
        "list_address": KINDS[kind].address(),
        "create_address": KINDS[kind].address("create"),
        "page": page,
        "total": len(definitions),
        "chosen": chosen,
        "is_filtered": any(chosen.values()),
        "filter_query": urlencode(chosen) if any(chosen.values()) else "",
        "undo": undo,
        "undo_address": KINDS[kind].address("state", undo.pk) if undo else "",
        "search_tab": KINDS[kind].plural,
    }
    return show(request, "search_rules", context, tab="searches")


@require_POST
def change_rule_state(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Pauses, resumes, archives or undoes one."""
    definition = get_object_or_404(Definition, pk=pk, kind=kind)
    change_by_button(request, definition, pgettext("personalization", "The shop follows in up to 10 seconds."))
    return HttpResponseRedirect(KINDS[kind].address())


@require_GET
def show_rule_history(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """All versions of one, and what was done with it."""
    definition = get_object_or_404(Definition.objects.with_versions(), pk=pk, kind=kind)
    versions = list(definition.versions.order_by("-number")[:100])
    names = rule_names(kind, [version.document for version in versions])
    context = {
        "rule_kind": KINDS[kind],
        "list_address": KINDS[kind].address(),
        "edit_address": KINDS[kind].address("", pk),
        "publish_address": KINDS[kind].address("publish", pk),
        "definition": definition,
        "versions": [(one, describe_search_rule(kind, one.document, names)) for one in versions],
        "entries": AuditEntry.objects.of_object(kind, pk)[:100],
        "search_tab": KINDS[kind].plural,
    }
    return show(request, "search_rule_history", context, tab="searches")


def _passes_filters(line: SearchRuleLine, chosen: Mapping[str, str]) -> bool:
    """Whether the filters leave this line."""
    if chosen["state"] == "attention" and not line.problems:
        return False
    if chosen["state"] not in ("", "attention", line.definition.state):
        return False
    text = chosen["text"].casefold().strip()
    return not text or text in f"{line.definition.name} {line.sentence}".casefold()
