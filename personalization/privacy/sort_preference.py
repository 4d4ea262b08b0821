"""Whether a visitor wants lists of products in an order of ours, or as the shop has them.

Whoever agreed to be known has it remembered with them, on every device. For all others the browser keeps the word
"off" and nothing else: no id, so that it can be kept without asking, as it does what they asked for.
"""

from datetime import datetime

from django.http import HttpRequest, HttpResponse

from personalization import conf
from personalization.models import Visitor
from personalization.privacy import consent, identity

COOKIE = "personalization_order"
OFF = "off"
KIND, KEY = "order", "lists"
"""As a wish has them; it lasts until they press again."""


def switched_off(request: HttpRequest) -> bool:
    """Whether they want none of it; asks the database for those only who can be known, and at most once a request."""
    if request.COOKIES.get(COOKIE) == OFF:
        return True
    visitor = identity.of(request)
    return visitor is not None and _unwanted(visitor) and consent.allowed(request, visitor)


def switch(request: HttpRequest, response: HttpResponse, on: bool, now: datetime) -> None:
    """Remembers what they want from now on."""
    if _remembered_with_them(request, response, on, now) or on:
        response.delete_cookie(COOKIE, samesite="Lax")
        return
    response.set_cookie(
        COOKIE,
        OFF,
        max_age=consent.REFUSED_DAYS * consent.DAY,
        secure=conf.current().secure_cookies,
        httponly=True,
        samesite="Lax",
    )


def _remembered_with_them(request: HttpRequest, response: HttpResponse, on: bool, now: datetime) -> bool:
    visitor = identity.known_or_new(request, now)
    try:
        if visitor is not None:
            visitor.wish(KIND, KEY, 0 if on else -1, now.timestamp())
            identity.remember(response, visitor)
    except Visitor.DoesNotExist:  # they had themselves forgotten at this very moment
        return False
    return visitor is not None


def _unwanted(visitor: Visitor) -> bool:
    return any(wish[:2] == (KIND, KEY) and wish.sign < 0 for wish in visitor.wished())
