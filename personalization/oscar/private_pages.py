"""Oscar's own pages that hold rows of ours: whoever is known there gets an answer that nobody else is given."""

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse

from personalization.models.fail_open import fail_open
from personalization.oscar import visits
from personalization.privacy.private_responses import set_private_cache_headers


class PrivatePageMixin:
    """Mixed into Oscar's views of such pages, in front of them."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Oscar's own; kept out of shared caches when, by the time it is rendered, it holds what is somebody's."""
        response = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        if getattr(response, "is_rendered", True):
            _keep_out_of_shared_caches(request, response)
        else:
            response.add_post_render_callback(partial(_keep_out_of_shared_caches, request))
        return response


def _keep_out_of_shared_caches(request: HttpRequest, response: HttpResponse) -> None:
    with fail_open("Keeping a page private", queries=False):
        if visits.is_personalized(request):
            set_private_cache_headers(request, response)
