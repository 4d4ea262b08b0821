"""Oscar's own pages with rows of ours: kept out of shared caches when they were made for one visitor."""

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse

from personalization.models.fail_open import fail_open
from personalization.oscar import visits
from personalization.oscar.previews import current_preview, enter_preview, mark_preview
from personalization.oscar.shared_pages import answer_everybody
from personalization.privacy.private_responses import set_private_cache_headers
from personalization.privacy.requester import is_shared_page

ELSEWHERE = {"home", "navigation"}
"""The surfaces on which campaigns make no page of Oscar's differ between visitors who are not recognised."""


class PrivatePageMixin:
    """Mixed into Oscar's views of such pages, in front of them."""

    request: HttpRequest

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Oscar's response, kept out of shared caches if it was personalised, which is known once it is rendered; a
        stranger's where such pages are everybody's."""
        enter_preview(request)
        if is_shared_page(request):
            return answer_everybody(request, self._dispatch_for, *args, **kwargs)
        response = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        if getattr(response, "is_rendered", True):
            _keep_out_of_shared_caches(request, response)
        else:
            response.add_post_render_callback(partial(_keep_out_of_shared_caches, request))
        return response

    def _dispatch_for(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.request = request
        response: HttpResponse = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        return response

    def send_signal(self, request: HttpRequest, response: HttpResponse, product: Any) -> None:
        """Lets Oscar note that the product's page was looked at, unless a member of staff previews it."""
        if current_preview(request) is None:
            super().send_signal(request, response, product)  # type: ignore[misc]


def _keep_out_of_shared_caches(request: HttpRequest, response: HttpResponse) -> None:
    with fail_open("Keeping a page private", queries=False):
        mark_preview(request, response)
        by_visitor = visits.rules_in_force(request).surfaces_by_visitor
        if visits.is_personalized(request) or not by_visitor <= ELSEWHERE:
            set_private_cache_headers(request, response)
