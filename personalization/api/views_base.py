"""What all endpoints have in common. Nothing of it depends on how the shop has set up REST framework for itself."""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from django.http import HttpRequest
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.http import parse_etags, quote_etag
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from personalization.api import authentication, exceptions
from personalization.api.exceptions import Problem
from personalization.api.openapi import OperationSchema
from personalization.api.parsers import BoundedJSONParser
from personalization.api.throttles import ClientRateThrottle
from personalization.decide.visit import Visit
from personalization.models import ServerKey
from personalization.oscar import visits
from personalization.privacy.private_responses import delete_stale_cookies
from personalization.privacy.requester import ClientType, Requester, bind_requester, requester_from_request

VARY_HEADERS = ("Cookie", "Accept-Language", "Authorization", "Sec-GPC", "DNT", authentication.VISITOR_HEADER)
"""The headers that say who asks, or in which language; a key's customer cannot be asked for without Authorization."""
CACHE_SECONDS = 60
"""What is the same for everybody may be kept so long."""


class CompactJSONRenderer(JSONRenderer):
    """JSON as we write it, whatever the shop has chosen for itself."""

    compact = strict = True
    ensure_ascii = False


class AlwaysJSONNegotiation(BaseContentNegotiation):
    """Answers are JSON, whatever was asked for."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        """The first parser that takes what was sent."""
        sent = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == sent), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The only one."""
        (renderer,) = renderers
        return renderer, renderer.media_type or ""


class APIEndpoint(APIView):
    """Knows who asks, refuses what they may not do, and keeps what is theirs out of every cache."""

    schema = OperationSchema()
    renderer_classes = (CompactJSONRenderer,)
    parser_classes = (BoundedJSONParser,)
    permission_classes = ()
    throttle_classes = (ClientRateThrottle,)
    content_negotiation_class = AlwaysJSONNegotiation
    versioning_class = None
    metadata_class = None
    http_method_names = ("get", "head", "post", "patch", "delete")
    accepts_cookies: ClassVar[type[BaseAuthentication]] = authentication.CookieAuthentication
    scope: ClassVar[str] = "surfaces:read"
    """What a server key needs to be allowed."""
    requests_per_minute: ClassVar[int] = 120
    """So often one client may ask; a server key as often as the setting `SERVER_KEY_REQUESTS_PER_MINUTE` says."""

    def get_authenticators(self) -> list[BaseAuthentication]:
        """All ways to be known here."""
        return authentication.authenticators(self.accepts_cookies)

    def get_exception_handler(self) -> Callable[..., Response | None]:
        """Problem details."""
        return exceptions.problem_response

    def perform_authentication(self, request: Request) -> None:
        """Makes the requester; drops what was read of the request for whom its session names, where that is another."""
        requester = authentication.requester_of_api(request)
        bind_requester(request._request, requester)
        if not requester.owns_session:
            visits.reset_request(request._request)

    @property
    def requester(self) -> Requester:
        """Who the request is from."""
        return requester_from_request(self.request._request)

    def check_permissions(self, request: Request) -> None:
        """Whether a key may."""
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
        """The requester, now."""
        return read(request._request)


def cacheable_response(request: Request, told: Any, *, shared: bool) -> Response:
    """An answer that is the same for everybody who asks so: it may be kept a while, and asked for again by its ETag.
    Caches between may keep it if it is `shared`: not where the country takes part in it, which no header tells."""
    etag = quote_etag(hashlib.sha256(CompactJSONRenderer().render(told)).hexdigest()[:32])
    known = any(_is(etag, held) for held in parse_etags(request.headers.get("If-None-Match", "")))
    response = Response(status=304) if known else Response(told)
    response["ETag"] = etag
    response["Cache-Control"] = f"{'public' if shared else 'private'}, max-age={CACHE_SECONDS}"
    return response


def _is(etag: str, held: str) -> bool:
    """Whether a client holds this; what compresses an answer on the way makes its ETag a weak one."""
    return held in ("*", etag, f"W/{etag}")


def is_anonymous_visit(requester: Requester, visit: Visit) -> bool:
    """Whether nothing in a response depends on who asks."""
    unknown = visit.user_id is None and visit.visitor_id is None and not visit.tracking_allowed
    return unknown and not visit.basket and requester.client == ClientType.BROWSER
