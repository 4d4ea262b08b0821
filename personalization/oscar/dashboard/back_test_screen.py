"""A draft of a campaign or of a row, tried on the orders of the last weeks: part of an editor, or a page of its own."""

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.timezone import now
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from personalization.decide.active_rules import read_rules_now
from personalization.measure.back_test_words import back_test_limits, describe_back_test, page_label
from personalization.measure.number_words import format_count
from personalization.merchandising import campaign_words, documents
from personalization.merchandising.compile import compile_with_drafts
from personalization.merchandising.row_keys import row_key
from personalization.models import Definition, DefinitionKind
from personalization.oscar.back_test import PAST_DAYS, BackTestRun, campaign_change, row_change, run_back_test
from personalization.oscar.dashboard.campaign_effect import rules_of_form
from personalization.oscar.dashboard.campaign_forms import CampaignForms
from personalization.oscar.dashboard.draft_rules import DraftRules, rules_with_draft
from personalization.oscar.dashboard.row_forms import RowForm
from personalization.oscar.dashboard.row_list import find_definition, get_surface, row_types_of
from personalization.oscar.dashboard.row_preview import NEW_CODE
from personalization.oscar.dashboard.screens import show
from personalization.shop.past_orders import MAX_LISTED

LIMIT_SECONDS = 3.0
"""A screen goes through orders for so long."""


@dataclass(frozen=True)
class BackTestLines:
    """A back-test in words."""

    head: str
    lines: tuple[tuple[str, str], ...]
    """(kind of pages, what would have been there)"""
    left_out: str
    """Where it acts, too, and nothing can be tried; "" where there is no such place."""
    limits: tuple[str, ...]


def back_test_lines(run: BackTestRun) -> BackTestLines:
    """What came of it, for screens and commands."""
    labels = campaign_words.surface_labels()
    left_out = ", ".join(labels.get(surface, surface) for surface in run.left_out)
    return BackTestLines(
        _head(run),
        tuple((page_label(kind), describe_back_test(kind, result)) for kind, result in run.results.items()),
        pgettext("personalization", "Cannot be tried: %(pages)s.") % {"pages": left_out} if left_out else "",
        tuple(back_test_limits()),
    )


def _head(run: BackTestRun) -> str:
    if not run.all_orders:
        words = pgettext("personalization", "In the last %(days)s days no customer who allows it ordered anything.")
        return words % {"days": format_count(PAST_DAYS)}
    words = pgettext(
        "personalization", "Tried on %(orders)s of %(all)s orders of the last %(days)s days of customers who allow it."
    )
    if run.all_orders >= MAX_LISTED:  # there may be more
        words = pgettext(
            "personalization", "Tried on %(orders)s of the latest %(all)s orders of customers who allow it."
        )
    counts = {"orders": format_count(run.orders), "all": format_count(run.all_orders), "days": format_count(PAST_DAYS)}
    return words % counts


@require_POST
def try_campaign(request: HttpRequest, pk: int = 0) -> HttpResponse:
    """The campaign in the form, tried on the past; a part of the page. Nothing is stored."""
    rules = rules_of_form(CampaignForms(request.POST), pk)
    return show(request, "parts/back_test", {"is_tried": True, "past": campaign_back_test(rules)})


@require_GET
def show_campaign_back_test(request: HttpRequest, pk: int) -> HttpResponse:
    """The newest version of a campaign, tried on the past: a page of its own."""
    definition = get_object_or_404(Definition.objects.with_versions(), pk=pk, kind=DefinitionKind.CAMPAIGN)
    version = definition.newest
    if version is None:
        raise Http404("The campaign has no version.")
    document = documents.upgrade("campaign", version.schema, version.document)
    lines = campaign_back_test(rules_with_draft(definition, document))
    return show(request, "back_test", {"definition": definition, "is_tried": True, "past": lines}, tab="campaigns")


def campaign_back_test(rules: DraftRules | None) -> BackTestLines | None:
    """A campaign that need not be stored, tried on the past; None while it is not complete."""
    if rules is None:
        return None
    change = campaign_change(rules.before, rules.after, rules.campaign.id, now().timestamp())
    return back_test_lines(run_back_test(change, seconds=LIMIT_SECONDS))


@require_POST
def try_row(request: HttpRequest, surface: str = "", code: str = NEW_CODE) -> HttpResponse:
    """The settings of a row in the form, tried on the past; a part of the page. Nothing is stored."""
    return show(request, "parts/back_test", {"is_tried": True, "past": row_form_back_test(request, surface, code)})


@require_GET
def show_row_back_test(request: HttpRequest, surface: str, code: str) -> HttpResponse:
    """The newest settings of a row, tried on the past: a page of its own."""
    get_surface(surface)
    definition = find_definition(surface, code)
    if definition is None or definition.newest is None:
        raise Http404("Nobody ever set anything for this row.")
    document = documents.upgrade("row", definition.newest.schema, definition.newest.document)
    context = {"definition": definition, "surface": surface, "code": code, "is_tried": True}
    return show(request, "back_test", {**context, "past": row_back_test(surface, code, document)}, tab="rows")


def row_form_back_test(request: HttpRequest, surface: str, code: str) -> BackTestLines | None:
    """The settings in the form, tried on the past; None while they are not complete."""
    requested = get_surface(surface or request.POST.get("surface", ""))
    form = RowForm(request.POST, row_type=row_types_of(requested).get(code), document={})
    document = form.document() if form.is_valid() else {}
    if not form.is_valid() or documents.document_errors("row", document):
        return None
    return row_back_test(requested.name, code, document)


def row_back_test(surface: str, code: str, document: dict[str, Any]) -> BackTestLines:
    """Settings of a row that need not be stored, tried on the past."""
    before = read_rules_now()
    after = compile_with_drafts((), (row_key(surface, code), document), before)
    change = row_change(before, after, surface, code, now().timestamp())
    return back_test_lines(run_back_test(change, seconds=LIMIT_SECONDS))
