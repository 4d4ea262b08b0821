"""Who asks: the session's customer, a customer that DRF's authentication of the shop knows, a browser of ours, or one
whom a server key names. Never anybody whom a path, a query or a body names.

A client without cookies says in a header what a browser says in cookies; behind this door both are the same request.
"""

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

from personalization import conf
from personalization.api.exceptions import Problem
from personalization.collect import rate_limits
from personalization.models import ServerKey, Visitor
from personalization.privacy import consent, identity

VISITOR_HEADER = "X-Personalization-Visitor"
"""Holds what `POST visitors/` minted."""
CUSTOMER_HEADER = "X-Personalization-Customer"
"""Holds the key of the customer whom a server speaks for."""

MAX_GUESSES_PER_MINUTE = 20
"""So many keys that are not in force one address may show."""

Authenticated = tuple[Any, Any] | None


class ServerKeyAuthentication(BaseAuthentication):
    """`Authorization: Key ...` of another server of the shop's own, which may name a customer."""

    def authenticate(self, request: Request) -> Authenticated:
        """(the customer or nobody, the key); None without such a header. 401 for a key that is not in force, 429
        for too many of them."""
        kind, _space, secret = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "key":
            return None
        key = ServerKey.objects.active(secret.strip())
        if key is None and not rate_limits.within_request_limit(
            f"guessed keys {rate_limits.client_address(request._request)}", MAX_GUESSES_PER_MINUTE
        ):
            raise Throttled(rate_limits.seconds_until_reset())
        if key is None:
            raise Problem(401, "unknown_key", _("This key is not known, or not in force any more."))
        _forget_cookies(request._request)
        return self._customer(request, key), key

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return "Key"

    def _customer(self, request: Request, key: ServerKey) -> Any:
        named = request.headers.get(CUSTOMER_HEADER, "")
        if not named:
            return AnonymousUser()
        if "customers:read" not in key.scopes:
            raise Problem(403, "scope_missing", _("This key may not name customers: it lacks customers:read."))
        return _request_user(named) or AnonymousUser()


class VisitorTokenAuthentication(BaseAuthentication):
    """The header of a client without cookies."""

    def authenticate(self, request: Request) -> Authenticated:
        """(nobody, the token) where there is such a header. What is in it counts as a browser's cookies do."""
        token = request.headers.get(VISITOR_HEADER, "")
        if not token:
            return None
        asked, (version, cookie) = request._request, _verify_token(token)
        _forget_cookies(asked)
        asked.COOKIES[identity.VISITOR_COOKIE] = cookie
        asked.user = AnonymousUser()
        visitor = identity.get_visitor(asked)
        if visitor is not None and visitor.consented_at is not None:  # nothing was minted for anybody else
            asked.COOKIES[consent.CONSENT_COOKIE] = f"granted.{version}.{int(visitor.consented_at.timestamp())}"
        return asked.user, token


def issue_token(visitor: Visitor) -> str:
    """What such a client shows. It holds the version of the text that was agreed to, as a browser's cookie does: when
    the shop has a new text, everybody is asked again."""
    return f"{quote(conf.get_settings().CONSENT_VERSION, safe='')}:{identity.visitor_token(visitor)}"


def _verify_token(token: str) -> tuple[str, str]:
    """(version of the text, what our cookie holds of a browser)"""
    version, _colon, cookie = token.partition(":")
    return unquote(version), cookie


class CookieAuthentication(SessionAuthentication):
    """The session of a browser, or our own cookies in it. What they change needs Django's CSRF token."""

    def authenticate(self, request: Request) -> Authenticated:
        """(the customer, None); None for a browser that is not signed in, or whose session is not its cookie's."""
        asked = request._request
        if {consent.CONSENT_COOKIE, identity.VISITOR_COOKIE} & asked.COOKIES.keys():
            self.enforce_csrf(request)
        return super().authenticate(request) if session_from_cookie(asked) else None

    def enforce_csrf(self, request: Request) -> None:
        """Problem 403 where the token is missing."""
        try:
            super().enforce_csrf(request)
        except PermissionDenied as refusal:
            raise Problem(403, "csrf_failed", refusal.detail) from None


class SameOriginCookieAuthentication(CookieAuthentication):
    """The same where the origin is looked at instead of a token: for what is sent when a page is left."""

    def enforce_csrf(self, request: Request) -> None:
        """Leaves that to the endpoint."""


OUR_AUTHENTICATORS = (ServerKeyAuthentication, VisitorTokenAuthentication)
"""The ways that leave nothing behind of whom cookies name."""


def authenticators(by_cookies: type[BaseAuthentication] = CookieAuthentication) -> list[BaseAuthentication]:
    """All ways to be known, in the order in which they are tried; the shop's own among them where it lists any."""
    listed = getattr(settings, "REST_FRAMEWORK", {}).get("DEFAULT_AUTHENTICATION_CLASSES", ())
    shops = [import_string(way) if isinstance(way, str) else way for way in listed]
    shops = [way for way in shops if not issubclass(way, SessionAuthentication)]
    return [way() for way in (*OUR_AUTHENTICATORS, *shops, by_cookies)]


def session_from_cookie(request: HttpRequest) -> bool:
    """Whether the session came from the browser's own cookie. django-oscar-api takes one from a header, too, whose id
    the client chooses: whoever guesses it would be the customer."""
    key = _session_key(request)
    return key is not None and request.COOKIES.get(settings.SESSION_COOKIE_NAME) == key


def is_foreign_session(request: HttpRequest) -> bool:
    """Whether there is a session that the browser's own cookie did not bring."""
    return _session_key(request) is not None and not session_from_cookie(request)


def _session_key(request: HttpRequest) -> str | None:
    return getattr(getattr(request, "session", None), "session_key", None)


def _forget_cookies(request: HttpRequest) -> None:
    for name in (consent.CONSENT_COOKIE, identity.VISITOR_COOKIE):
        request.COOKIES.pop(name, None)
    identity.reset_visitor(request)


def _request_user(named: str) -> Any:
    users = get_user_model()._default_manager
    try:
        return users.filter(pk=named, is_active=True).first()
    except (ValueError, OverflowError, ValidationError):
        return None
