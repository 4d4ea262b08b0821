"""Who a request to the API is from: the session's customer, a customer whom the shop's own authentication knows, a
browser by the app's cookies, a client by its token, or whom a server key names. Never anybody whom a path, a query or a
body names.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import PermissionDenied, Throttled
from rest_framework.request import Request

from personalization import conf, rate_limits
from personalization.api.exceptions import Problem
from personalization.models import ServerKey, Visitor
from personalization.privacy import cookies, identity
from personalization.privacy.client_address import client_address
from personalization.privacy.cookies import BrowserChoice
from personalization.privacy.requester import ClientType, Requester, requester_from_request
from personalization.shop.audience_keys import read_audience_key

VISITOR_HEADER = "X-Personalization-Visitor"
"""Holds the token that `POST visitors/` issued."""
CUSTOMER_HEADER = "X-Personalization-Customer"
"""Holds the primary key of the customer on whose behalf a server asks, or the key that an audience has for them."""

MAX_GUESSES_PER_MINUTE = 20
"""One address may show this many invalid keys."""

Authenticated = tuple[Any, Any] | None


class ServerKeyAuthentication(BaseAuthentication):
    """`Authorization: Key ...` of another server of the shop's own, which may name a customer."""

    def authenticate(self, request: Request) -> Authenticated:
        """(the named customer or AnonymousUser, the key); None without such a header. Problem 401 for an invalid key,
        429 for too many of them."""
        kind, _space, secret = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "key":
            return None
        key = ServerKey.objects.active(secret.strip())
        if key is None and not rate_limits.within_request_limit(
            f"guessed keys {client_address(request._request)}", MAX_GUESSES_PER_MINUTE
        ):
            raise Throttled(rate_limits.seconds_until_reset())
        if key is None:
            raise Problem(401, "invalid_key", _("This key is unknown, expired or revoked."))
        return self._named_customer(request, key) or AnonymousUser(), key

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return "Key"

    def _named_customer(self, request: Request, key: ServerKey) -> Any:
        user_id = request.headers.get(CUSTOMER_HEADER, "")
        if user_id and "customers:read" not in key.scopes:
            raise Problem(403, "missing_scope", _("This key may not name customers: it lacks customers:read."))
        users = get_user_model()._default_manager
        user_id = read_audience_key(user_id) or user_id
        try:
            return users.filter(pk=user_id, is_active=True).first() if user_id else None
        except (ValueError, OverflowError, ValidationError):
            return None


class VisitorTokenAuthentication(BaseAuthentication):
    """The header of a client without cookies."""

    def authenticate(self, request: Request) -> Authenticated:
        """(AnonymousUser, the token), valid or not; None without such a header."""
        token = request.headers.get(VISITOR_HEADER, "")
        return (AnonymousUser(), token) if token else None


class CookieAuthentication(SessionAuthentication):
    """The session of a browser, or the app's own cookies in it. What they change needs Django's CSRF token."""

    def authenticate(self, request: Request) -> Authenticated:
        """(the session's customer, None); AnonymousUser for a browser that is not signed in, or whose session did not
        come by its own cookie."""
        browser = request._request
        if {cookies.CONSENT_COOKIE, cookies.VISITOR_COOKIE} & cookies.own_cookies(browser.COOKIES).keys():
            self.enforce_csrf(request)
        account = super().authenticate(request) if session_from_cookie(browser) else None
        return account or (AnonymousUser(), None)

    def enforce_csrf(self, request: Request) -> None:
        """Problem 403 where the token is missing."""
        try:
            super().enforce_csrf(request)
        except PermissionDenied as refusal:
            raise Problem(403, "csrf_failed", refusal.detail) from None


class SameOriginCookieAuthentication(CookieAuthentication):
    """For requests that are sent when a page is left: the endpoint checks their origin instead of a CSRF token."""

    def enforce_csrf(self, request: Request) -> None:
        """Leaves that to the endpoint."""


def authenticators(by_cookies: type[BaseAuthentication] = CookieAuthentication) -> list[BaseAuthentication]:
    """All authenticators, in the order in which they are tried; the shop's own among them where it lists any."""
    listed = getattr(settings, "REST_FRAMEWORK", {}).get("DEFAULT_AUTHENTICATION_CLASSES", ())
    classes = [import_string(path) if isinstance(path, str) else path for path in listed]
    own = [authenticator for authenticator in classes if not issubclass(authenticator, SessionAuthentication)]
    return [make() for make in (ServerKeyAuthentication, VisitorTokenAuthentication, *own, by_cookies)]


def requester_of_api(request: Request) -> Requester:
    """The requester of an authenticated request to the API. Where a key or a token says who asks, the cookies beside it
    count for nothing."""
    way, browser = request.successful_authenticator, request._request
    requester = requester_from_request(browser)  # of the user whom REST framework has put there
    if isinstance(way, ServerKeyAuthentication):
        return _without_cookies(requester, ClientType.SERVER_KEY)
    if isinstance(way, VisitorTokenAuthentication):
        return _requester_of_token(requester, str(request.auth))
    if way is not None and not isinstance(way, CookieAuthentication):
        return replace(requester, client=ClientType.SHOP_LOGIN, owns_session=False)
    if is_foreign_session(browser) or not hasattr(browser, "basket"):
        return replace(requester, owns_session=False)
    return requester


def _without_cookies(requester: Requester, client: ClientType) -> Requester:
    return replace(
        requester,
        client=client,
        visitor_id=None,
        choice=None,
        cookies={},
        owns_session=False,
        read_csrf_secret=lambda create: "",
    )


def _requester_of_token(requester: Requester, token: str) -> Requester:
    """A token stands for consent to the text whose version it holds: its visitor was only created with consent."""
    version, _colon, signed_id = token.partition(":")
    requester = replace(
        _without_cookies(requester, ClientType.VISITOR_TOKEN), visitor_id=cookies.verify_visitor_token(signed_id)
    )
    visitor = identity.get_visitor(requester)
    if visitor is None or visitor.consented_at is None or unquote(version) != conf.get_settings().CONSENT_VERSION:
        return requester
    consented_at = datetime.fromtimestamp(int(visitor.consented_at.timestamp()), UTC)
    consented = replace(requester, choice=BrowserChoice(granted=True, at=consented_at))
    consented.memory.update(requester.memory)
    return consented


def issue_token(visitor: Visitor) -> str:
    """The token of a client without cookies. Like a browser's cookie it holds the version of the consent text: when the
    shop has a new text, all visitors are asked again."""
    return f"{quote(conf.get_settings().CONSENT_VERSION, safe='')}:{cookies.sign_visitor_token(visitor)}"


def session_from_cookie(request: HttpRequest) -> bool:
    """Whether the session came from the browser's own cookie. django-oscar-api takes one from a header, too, whose id
    the client chooses: a guessed id would make it that customer."""
    key = _session_key(request)
    return key is not None and request.COOKIES.get(settings.SESSION_COOKIE_NAME) == key


def is_foreign_session(request: HttpRequest) -> bool:
    """Whether there is a session that the browser's own cookie did not bring."""
    return _session_key(request) is not None and not session_from_cookie(request)


def _session_key(request: HttpRequest) -> str | None:
    return getattr(getattr(request, "session", None), "session_key", None)
