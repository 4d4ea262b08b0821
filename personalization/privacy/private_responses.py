"""Responses that depend on the visitor: kept out of shared caches, and rid of stale cookies."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control, patch_vary_headers

from personalization.models import Visitor
from personalization.privacy import consent, cookies, identity
from personalization.privacy.requester import Requester, requester_from_request

AGREED_KEY = "personalization_agreed"
"""The key under which a session keeps that somebody who was not signed in agreed in it."""


def set_private_cache_headers(request: HttpRequest, response: HttpResponse) -> None:
    """Keeps a response out of every shared cache, and deletes stale cookies of the app's."""
    patch_cache_control(response, private=True, no_store=True)
    patch_vary_headers(response, ("Cookie", "Sec-GPC", "DNT"))
    delete_stale_cookies(requester_from_request(request), response)


def delete_stale_cookies(requester: Requester, response: HttpResponse) -> None:
    """Deletes an answer to an outdated consent text and the id of a visitor who is not there, unless the response sets
    the cookie itself."""
    sent = requester.cookies.keys() - response.cookies.keys()
    if cookies.CONSENT_COOKIE in sent and requester.choice is None:
        cookies.delete_cookie(response, cookies.CONSENT_COOKIE)
    if cookies.VISITOR_COOKIE in sent and _visitor_cookie_is_stale(requester):
        cookies.delete_cookie(response, cookies.VISITOR_COOKIE)


def _visitor_cookie_is_stale(requester: Requester) -> bool:
    if requester.is_signed_in or consent.has_refused(requester, None):
        return True
    return identity.get_visitor(requester) is None and not identity.is_unreadable(requester)


def remember_answer(
    requester: Requester, request: HttpRequest, response: HttpResponse, *, granted: bool, now: datetime
) -> None:
    """Stores an answer in the browser of a visitor who is not signed in, and that it was given in this session.

    An account's answer is stored with the account alone: the next person at this browser has given none. After a
    refusal nothing is kept of what the browser allowed, either.
    """
    if requester.is_signed_in:
        if not granted and (requester.choice is None or requester.choice.granted):
            cookies.forget_browser(response)
        return
    cookies.set_consent_cookie(response, granted=granted, now=now)
    if requester.owns_session and granted:
        request.session[AGREED_KEY] = True


def remember_visitor(response: HttpResponse, requester: Requester, visitor: Visitor | None) -> None:
    """Makes the browser recognisable by this visitor's id, unless it is already, or the visitor is an account's."""
    if visitor is not None and visitor.pk != requester.visitor_id:
        cookies.set_visitor_cookie(response, visitor)
