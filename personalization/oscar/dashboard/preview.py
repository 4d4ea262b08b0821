"""The real pages of the shop as nobody, as segments or as a customer, on a device, in a language, at a moment."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.http import HttpRequest, HttpResponse
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET

from personalization.decide.explained_page import ExplainedPage
from personalization.models import AuditAction, AuditEntry, Visitor
from personalization.models.visitors import Consent
from personalization.oscar.dashboard.access import has_permission
from personalization.oscar.dashboard.page_traces import trace_page
from personalization.oscar.dashboard.preview_form import PreviewForm, make_preview, visit_query
from personalization.oscar.dashboard.screens import show
from personalization.oscar.explained_pages import explain_page
from personalization.oscar.previews import PARAMETER, Preview


@require_GET
def show_preview(request: HttpRequest) -> HttpResponse:
    """The form, and once it is filled in the page in a frame, with another beside it to compare."""
    form = PreviewForm(request.GET if "page" in request.GET else None)
    context: dict[str, Any] = {"form": form}
    if form.is_bound and form.is_valid():
        data = form.cleaned_data
        if data["customer"] is not None and not has_permission(request.user, "view_customer"):
            form.add_error(None, pgettext("personalization", "You may not look at customers."))
        elif form.has_stored_month():
            preview = make_preview(request.user, data)
            note = data["page"][:100]
            AuditEntry.objects.record(request.user, AuditAction.PREVIEW, subject=data["customer"], note=note)
            context |= {
                "frames": _frames(preview, data),
                "month": preview.month_start,
                "is_phone": data["device"] == "phone",
                **_traced_page(request, preview, data),
            }
    return show(request, "preview", context, tab="preview")


def _traced_page(request: HttpRequest, preview: Preview, data: dict[str, Any]) -> dict[str, Any]:
    """What stands on the page of the first frame and why, and how another product is asked about there."""
    page = explain_page(request, data["page"], preview, data["customer"])
    query = visit_query(data)
    return {
        "trace": trace_page(page) if page else None,
        "no_profile": lacks_profile(data["customer"], page),
        "query": query,
        "asked": parse_qsl(query),
    }


def _frames(preview: Preview, data: dict[str, Any]) -> list[tuple[str, str]]:
    """(title, address) of each frame."""
    shown = [(pgettext("personalization", "As it would be"), preview)]
    if data["compared_with"] == "plain":
        shown.append((pgettext("personalization", "Without personalisation"), replace(preview, plain=True)))
    if data["compared_with"] == "campaigns":
        words = pgettext("personalization", "Without campaigns")
        shown.append((words, replace(preview, without_campaigns=True)))
    if data["compared_with"] == "now":
        shown.append((pgettext("personalization", "Today"), replace(preview, month="", moment=None)))
    joint = "&" if "?" in data["page"] else "?"
    return [(title, f"{data['page']}{joint}{urlencode({PARAMETER: one.sign()})}") for title, one in shown]


def lacks_profile(customer: Any, page: ExplainedPage | None) -> bool:
    """Whether it is said of a customer, if one was asked for, that they allow no profile.

    Parameters: `page`, as they see it, where there is one: its visit knows.
    """
    if customer is None:
        return False
    if page is not None:
        return not page.visit.tracking_allowed
    visitor = Visitor.objects.of_customer(customer.pk)
    return visitor is None or visitor.consent != Consent.GRANTED
