"""Whether a visitor wants lists of products in an order of ours, or as the shop has them.

Whoever agreed to be known has it remembered with them, on every device. For all others the browser keeps the word
"off" and nothing else: no id, so that it can be kept without asking, as it does what they asked for.
"""

from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse

from personalization import conf
from personalization.models import Visitor
from personalization.privacy import consent, identity

SORT_COOKIE = "personalization_sort"
DISABLED = "off"
PREFERENCE_TYPE, PREFERENCE_KEY = "sort", "lists"
"""As a wish has them; it lasts until they press again."""


def personal_sort_disabled(request: HttpRequest) -> bool:
    """Whether they want none of it; asks the database for those only who can be known, and at most once a request."""
    if request.COOKIES.get(SORT_COOKIE) == DISABLED:
        return True
    visitor = identity.get_visitor(request)
    return visitor is not None and _set_preference(visitor) and consent.tracking_allowed(request, visitor)


def set_personal_sort(request: HttpRequest, response: HttpResponse, on: bool, now: datetime) -> None:
    """Remembers what they want from now on."""
    if _is_stored_with_visitor(request, response, on, now) or on:
        response.delete_cookie(SORT_COOKIE, samesite="Lax")
        return
    response.set_cookie(
        SORT_COOKIE,
        DISABLED,
        max_age=timedelta(days=consent.REFUSED_DAYS),
        secure=conf.get_settings().COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _is_stored_with_visitor(request: HttpRequest, response: HttpResponse, on: bool, now: datetime) -> bool:
    visitor = identity.get_or_create_consented(request, now)
    try:
        if visitor is not None:
            visitor.set_preference(PREFERENCE_TYPE, PREFERENCE_KEY, 0 if on else -1, now.timestamp())
            identity.set_visitor_cookie(response, visitor)
    except Visitor.DoesNotExist:  # they had themselves forgotten at this very moment
        return False
    return visitor is not None


def _set_preference(visitor: Visitor) -> bool:
    return any(wish[:2] == (PREFERENCE_TYPE, PREFERENCE_KEY) and wish.sign < 0 for wish in visitor.get_preferences())
