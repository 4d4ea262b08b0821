"""Pages that depend on who looks at them."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse

from personalization.privacy.private_responses import set_private_cache_headers

ViewFunction = Callable[..., HttpResponse]


def private_page(view: ViewFunction) -> ViewFunction:
    """Keeps the responses of a view out of every shared cache, and deletes stale cookies of the app's.

    A shop that puts rows on pages of its own wraps their views in this.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        set_private_cache_headers(request, response)
        return response

    return wrapped
