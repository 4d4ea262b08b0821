"""Pages for everybody: whoever asks for them, a stranger of whom nothing is known is answered.

The request that the shop's middleware made stays as it is. The view gets a copy of it that has no account, session,
basket, messages or cookies, so that Oscar's own parts of the page, its header for instance, are a stranger's, too.
"""

import copy
from collections.abc import Callable
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages.storage.base import BaseStorage
from django.http import HttpRequest, HttpResponse
from oscar.core.loading import get_class, get_model

from personalization.privacy.requester import bind_requester, stranger

Basket = get_model("basket", "Basket")
Selector = get_class("partner.strategy", "Selector")

NO_TOKEN = " "
"""What forms have instead of a CSRF token, which the script puts in: "" would be warned of."""
OF_THE_BROWSER = ("CSRF_COOKIE", "CSRF_COOKIE_NEEDS_UPDATE", "HTTP_AUTHORIZATION", "HTTP_COOKIE", "HTTP_REFERER")
OWN_ATTRIBUTES = ("_personalization", "_cached_user", "_acached_user", "headers", "basket_hash", "cookies_to_delete")
"""What the names of the attributes begin with that a request keeps of what was read for it."""


class NoMessages(BaseStorage):
    """The messages of a stranger: none, and none is kept for later."""

    def _get(self, *args: Any, **kwargs: Any) -> tuple[list, bool]:
        return [], True

    def _store(self, messages: Any, response: Any, *args: Any, **kwargs: Any) -> list:
        return []


def answer_everybody(
    request: HttpRequest, view: Callable[..., HttpResponse], *args: Any, **kwargs: Any
) -> HttpResponse:
    """The view's response to a stranger, without cookies and without a CSRF token."""
    response = view(stranger_request(request), *args, **kwargs)
    response.cookies.clear()
    content = getattr(response, "context_data", None)
    if content is not None and not getattr(response, "is_rendered", True):
        content["csrf_token"] = NO_TOKEN
    if hasattr(request, "session"):
        request.session.accessed = False  # the page does not depend on it, so that Django need not say that it does
    return response


def stranger_request(request: HttpRequest) -> HttpRequest:
    """A request for the page of this one, from a stranger: no account, session, basket, message, or cookie, and the
    shop's strategy for such a one."""
    asked: Any = copy.copy(request)
    for name in [name for name in asked.__dict__ if name.startswith(OWN_ATTRIBUTES)]:
        delattr(asked, name)
    asked.META = {key: value for key, value in request.META.items() if key not in OF_THE_BROWSER}
    asked.COOKIES, asked.user = {}, AnonymousUser()
    asked.auser = _anonymous_user
    asked.session = import_module(settings.SESSION_ENGINE).SessionStore()
    asked.strategy = Selector().strategy(request=asked, user=asked.user)
    asked.basket = asked._basket_cache = Basket()
    asked.basket.strategy = asked.strategy
    asked._messages = NoMessages(asked)
    bind_requester(asked, stranger())
    found: HttpRequest = asked
    return found


async def _anonymous_user() -> AnonymousUser:
    return AnonymousUser()
