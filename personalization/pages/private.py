"""Pages that depend on who looks at them."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control, patch_vary_headers

from personalization.collect import visitors

View = Callable[..., HttpResponse]


def private(view: View) -> View:
    """Keeps what a view answers out of every shared cache, and sweeps out cookies of ours that say nothing.

    A shop that puts rows on pages of its own wraps their views in this.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        patch_cache_control(response, private=True, no_store=True)
        patch_vary_headers(response, ("Cookie", "Sec-GPC", "DNT"))
        visitors.clean(request, response)
        return response

    return wrapped
