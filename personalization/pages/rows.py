"""The page with all the products of one row: personal, so private, and only of rows that this visitor has."""

from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from personalization.decide.row_pages import ROW_PAGE_SIZE
from personalization.oscar import page_slates
from personalization.pages.cache_control import previewed_page, private_page
from personalization.pages.outages import says_when_unreadable
from personalization.privacy import identity
from personalization.privacy.requester import requester_from_request
from personalization.shop import catalogue

MAX_DIGITS = 18
"""Longer numbers are no keys: a database refuses them."""


@previewed_page
@private_page
@require_safe
@says_when_unreadable
def show_row(request: HttpRequest, surface: str, row_key: str) -> HttpResponse:
    """1. Reads which page of the row is asked for, and the product or category that its surface is about.
    2. Decides that page, once; 404 where the visitor has no such row.
    3. Shows it under the row's title.
    """
    page = _number(request.GET.get("page", "1"))
    subject = _page_subject(request)
    try:
        decided = page_slates.decide_row(request, surface, row_key, page, subject)
    except ValueError as unknown_surface:
        raise Http404 from unknown_surface
    if decided is None:
        identity.read_visitor(requester_from_request(request))  # who cannot be read may have it
        raise Http404("This visitor has no such row.")
    row_page, visit = decided
    paginator = Paginator(range(row_page.candidate_count), ROW_PAGE_SIZE)
    context = {
        "row": row_page.slate.rows[0],
        "row_slate": row_page.slate,
        "row_visit": visit,
        "paginator": paginator,
        "page_obj": paginator.get_page(page),
    }
    return render(request, "personalization/row_page.html", context)


def _page_subject(request: HttpRequest) -> dict[str, Any]:
    if "product" in request.GET:
        product = catalogue.public_product(_number(request.GET["product"]))
        return {"product": product or _raise_not_found()}
    if "category" in request.GET:
        key = _number(request.GET["category"])
        return {"category": catalogue.categories_by_id([key]).get(key) or _raise_not_found()}
    return {}


def positive_number(text: str) -> int:
    """The number that a parameter of an address holds; 0 where that is none, or no key could be so long."""
    is_number = text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS
    return int(text) if is_number else 0


def _number(text: str) -> int:
    return positive_number(text) or _raise_not_found()


def _raise_not_found() -> Any:
    raise Http404("There is nothing of this kind in the shop.")
