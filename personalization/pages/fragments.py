"""Where a page that a cache hands to anybody asks for what is its visitor's own."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.urls import Resolver404
from django.views.decorators.http import require_GET

from personalization.oscar.page_fragments import FragmentPlaces, render_fragments, request_of_page
from personalization.pages.cache_control import private_page
from personalization.pages.rows import positive_number

FOREIGN_SITES = ("cross-site", "same-site")
"""What a browser says of itself where a page of somebody else's asks."""


@private_page
@require_GET
def show_fragments(request: HttpRequest) -> HttpResponse:
    """The token of the browser's forms, and the parts of the page as HTML. 404 for what is no page for everybody, or
    is asked by another site."""
    if request.headers.get("Sec-Fetch-Site", "") in FOREIGN_SITES:
        raise Http404("Only the shop's own pages ask for this.")
    token = get_token(request)
    found = request.GET.get("found", "")
    places = FragmentPlaces(
        address=request.GET.get("page", ""),
        parts=tuple(request.GET.getlist("place")),
        referrer=request.GET.get("from", ""),
        hit_count=positive_number(found) if found else None,
    )
    try:
        page = request_of_page(request, places)
    except (Resolver404, ValueError) as unknown_page:
        raise Http404("This is no page for everybody.") from unknown_page
    return JsonResponse({"token": token, "html": render_fragments(page, places)})
