"""Pages that depend on who looks at them."""

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from personalization.oscar.previews import enter_preview, mark_preview
from personalization.oscar.shared_pages import answer_everybody
from personalization.privacy.private_responses import set_private_cache_headers
from personalization.privacy.requester import is_shared_page, keep_private
from personalization.rate_limits import RateLimited

ViewFunction = Callable[..., Any]


def private_page(view: ViewFunction) -> ViewFunction:
    """Keeps the responses of a view out of every shared cache, and deletes stale cookies of the app's. Says so kindly,
    with the status 429, when something was done too often.

    A shop that puts rows on pages of its own wraps their views in this.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        keep_private(request)
        try:
            response = view(request, *args, **kwargs)
        except RateLimited as limit:
            response = _too_often_response(request, limit)
        set_private_cache_headers(request, response)
        return response

    return wrapped


def cacheable_page(view: ViewFunction) -> ViewFunction:
    """A page with rows that is everybody's where the shop has `CACHED_PAGES`, and else private.

    A shop with such a cache that puts rows on pages of its own wraps their views in this.
    """
    private = private_page(view)

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if is_shared_page(request):
            return answer_everybody(request, view, *args, **kwargs)
        response: HttpResponse = private(request, *args, **kwargs)
        return response

    return wrapped


def previewed_page(view: ViewFunction) -> ViewFunction:
    """A page that staff may preview as somebody else. Never one that shows what is stored about a person, or gives it
    away: a preview is no permission for that."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        enter_preview(request)
        response: HttpResponse = view(request, *args, **kwargs)
        mark_preview(request, response)
        return response

    return wrapped


def _too_often_response(request: HttpRequest, limit: RateLimited) -> HttpResponse:
    """Nothing was changed, and when it will work again: a page, or JSON for our script."""
    seconds = math.ceil(limit.retry_after)
    response: HttpResponse
    if request.accepts("application/json") and not request.accepts("text/html"):
        response = JsonResponse({"message": _("That was too often. Nothing was changed; try again in a minute.")})
    else:
        response = render(request, "personalization/too_often.html", {"seconds": seconds})
    response.status_code = 429
    response["Retry-After"] = str(seconds)
    return response
