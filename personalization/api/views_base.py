"""What all endpoints have in common, independent of the shop's own settings of REST framework."""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, cast

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.http import parse_etags, quote_etag
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, set_rollback

from personalization.api import authentication, exceptions
from personalization.api.exceptions import Problem
from personalization.api.openapi import OperationSchema
from personalization.api.parsers import BoundedJSONParser
from personalization.api.throttles import ClientRateThrottle
from personalization.decide.visit import Visit
from personalization.models import ServerKey
from personalization.oscar import visits
from personalization.privacy.private_responses import delete_stale_cookies
from personalization.privacy.requester import (
    ClientType,
    Requester,
    bind_requester,
    keep_private,
    requester_from_request,
)

VARY_HEADERS = ("Cookie", "Accept-Language", "Authorization", "Sec-GPC", "DNT", authentication.VISITOR_HEADER)
"""The headers that responses depend on; the customer that a key names counts with Authorization only."""
CACHE_SECONDS = 60
"""How long caches may store a response that does not depend on the requester."""


class CompactJSONRenderer(JSONRenderer):
    """Compact, strict JSON in UTF-8."""

    compact = strict = True
    ensure_ascii = False


class AlwaysJSONNegotiation(BaseContentNegotiation):
    """Responses are JSON, whatever `Accept` says."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        """The first parser for the content type of the request."""
        sent = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == sent), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The only renderer."""
        (renderer,) = renderers
        return renderer, renderer.media_type or ""


class APIEndpoint(APIView):
    """Authenticates the requester, checks what a key may do, and keeps personal responses out of every cache."""

    schema = OperationSchema()
    renderer_classes = (CompactJSONRenderer,)
    parser_classes = (BoundedJSONParser,)
    permission_classes = ()
    throttle_classes: tuple[type[ClientRateThrottle], ...] = (ClientRateThrottle,)
    content_negotiation_class = AlwaysJSONNegotiation
    versioning_class = None
    metadata_class = None
    http_method_names = ("get", "head", "post", "patch", "delete")
    accepts_cookies: ClassVar[type[BaseAuthentication]] = authentication.CookieAuthentication
    scope: ClassVar[str] = "surfaces:read"
    """The scope that a server key needs."""
    requests_per_minute: ClassVar[int] = 120
    """The limit for one address; that of a server key is the setting `SERVER_KEY_REQUESTS_PER_MINUTE`."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Whatever fails, the response is JSON, rendered here; what a failed request changed is rolled back."""
        keep_private(request)
        try:
            return cast(Response, super().dispatch(request, *args, **kwargs)).render()
        except Exception as error:
            set_rollback()
            return exceptions.failure_response(error)

    def get_authenticators(self) -> list[BaseAuthentication]:
        """All authenticators of this endpoint."""
        return authentication.authenticators(self.accepts_cookies)

    def get_exception_handler(self) -> Callable[..., Response | None]:
        """Turns refusals into problem details."""
        return exceptions.problem_response

    def perform_authentication(self, request: Request) -> None:
        """Makes the requester. What was read of the request for its session is dropped where that is another's."""
        requester = authentication.requester_of_api(request)
        bind_requester(request._request, requester)
        if not requester.owns_session:
            visits.reset_request(request._request)

    @property
    def requester(self) -> Requester:
        """Who the request is from."""
        return requester_from_request(self.request._request)

    def check_permissions(self, request: Request) -> None:
        """Checks the scope of a server key."""
        if isinstance(request.auth, ServerKey) and self.scope not in request.auth.scopes:
            raise Problem(403, "missing_scope", _("This key lacks %(scope)s.") % {"scope": self.scope})

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Private, unless `cacheable_response` made it. Only browsers are given cookies."""
        response = super().finalize_response(request, response, *args, **kwargs)
        if not response.has_header("ETag"):
            patch_cache_control(response, private=True, no_store=True)
            delete_stale_cookies(self.requester, response)
        if self.requester.client != ClientType.BROWSER:
            response.cookies.clear()
        patch_vary_headers(response, VARY_HEADERS)
        return response

    def visit(self, request: Request, read: Callable[[HttpRequest], Visit] = visits.visit_from_request) -> Visit:
        """The requester's visit."""
        return read(request._request)


def cacheable_response(request: Request, data: Any, *, shared: bool) -> Response:
    """A response that does not depend on the requester: with an ETag, and 304 for a client that has it already.

    `shared` lets caches between store it: not where it depends on the country, which no header tells them.
    """
    etag = quote_etag(hashlib.sha256(CompactJSONRenderer().render(data)).hexdigest()[:32])
    is_known = any(_matches(etag, known) for known in parse_etags(request.headers.get("If-None-Match", "")))
    response = Response(status=304) if is_known else Response(data)
    response["ETag"] = etag
    response["Cache-Control"] = f"{'public' if shared else 'private'}, max-age={CACHE_SECONDS}"
    return response


def _matches(etag: str, known: str) -> bool:
    """Whether a client has this version. A proxy that compresses the response makes its ETag a weak one."""
    return known in ("*", etag, f"W/{etag}")


def is_anonymous_visit(requester: Requester, visit: Visit) -> bool:
    """Whether nothing in a response depends on who asks."""
    unknown = visit.user_id is None and visit.visitor_id is None and not visit.tracking_allowed
    unknown = unknown and not visit.rules.surfaces_by_visitor
    return unknown and not visit.basket and requester.client == ClientType.BROWSER
