"""What is one visitor's own on a page that a cache hands to anybody: decided as if the page were made for them."""

import copy
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, QueryDict
from django.template.loader import render_to_string
from django.urls import Resolver404, get_script_prefix, resolve

from personalization import serve
from personalization.decide.blocks import differs_by_visitor
from personalization.oscar import visits
from personalization.oscar.content_blocks import FRAGMENT_PREFIX
from personalization.privacy.requester import requester_from_request
from personalization.privacy.shared_pages import is_public_view
from personalization.shop import catalogue

FRAGMENTS_TEMPLATE = "personalization/partials/fragments.html"
MAX_SURFACES, MAX_SLOTS, MAX_ADDRESS_CHARACTERS = 4, 8, 4_096
CONSENT_PART = "consent"
"""The place of the consent question, beside those of surfaces."""


@dataclass(frozen=True)
class FragmentPlaces:
    """What a page asks for."""

    address: str
    """The path and the query of the page."""
    parts: tuple[str, ...] = ()
    """The surfaces whose rows it shows, its slots of content blocks, and whether it has a place for the consent
    question."""
    referrer: str = ""
    """Where the visitor came from, as their browser says."""
    hit_count: int | None = None
    """How many hits the page's search had."""


def request_of_page(request: HttpRequest, places: FragmentPlaces) -> HttpRequest:
    """The request with which this requester opens the page. Resolver404 where it is no page of the shop's that is the
    same for all."""
    address = urlsplit(places.address[:MAX_ADDRESS_CHARACTERS])
    asked: Any = copy.copy(request)
    asked.path = address.path
    asked.path_info = "/" + address.path.removeprefix(get_script_prefix()).lstrip("/")
    asked.GET = QueryDict(address.query)
    asked.resolver_match = resolve(asked.path_info)
    if not is_public_view(asked.resolver_match):
        raise Resolver404({"path": asked.path_info})
    asked.META = {
        **{key: value for key, value in request.META.items() if key != "HTTP_SEC_FETCH_SITE"},
        "PATH_INFO": asked.path_info,
        "QUERY_STRING": address.query,
        "HTTP_REFERER": places.referrer,
    }
    found: HttpRequest = asked
    return found


def render_fragments(request: HttpRequest, places: FragmentPlaces) -> str:
    """The parts of the page of this request, as `request_of_page` makes it, as HTML.

    Rows and content blocks are decided where they may differ from those of a stranger: for who agreed, for whom the
    shop knows, as its prices may differ, and where campaigns and blocks tell visitors apart.
    """
    is_known = visits.tracked_visit(request) is not None or requester_from_request(request).is_signed_in
    own = set(serve.page_surfaces())
    if not is_known:
        own &= visits.rules_in_force(request).surfaces_by_visitor
    slots = [name.removeprefix(FRAGMENT_PREFIX) for name in places.parts if name.startswith(FRAGMENT_PREFIX)]
    rules = visits.rules_in_force(request)
    content = {
        "slots": [one for one in dict.fromkeys(slots) if is_known or differs_by_visitor(rules, one)][:MAX_SLOTS],
        "surfaces": [name for name in dict.fromkeys(places.parts) if name in own][:MAX_SURFACES],
        "asks_consent": CONSENT_PART in places.parts,
        "product": _product_of_page(request),
        "category": _category_of_page(request),
        "query": request.GET.get("q", "").strip(),
        "paginator": SimpleNamespace(count=places.hit_count),
    }
    return render_to_string(FRAGMENTS_TEMPLATE, content, request=request)


def _product_of_page(request: Any) -> Any:
    match = request.resolver_match
    key = match.kwargs.get("pk") if match.view_name == "catalogue:detail" else None
    return catalogue.public_product(int(key)) if key else None


def _category_of_page(request: Any) -> Any:
    match = request.resolver_match
    key = match.kwargs.get("pk") if match.view_name == "catalogue:category" else None
    return catalogue.categories_by_id([int(key)]).get(int(key)) if key else None
