"""What a visitor allows: nothing, until they say otherwise."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string

from personalization import conf
from personalization.models import Consent, Visitor

CONSENT_COOKIE = "personalization_choice"
"""Holds what a browser answered, and no id."""
REFUSED_DAYS = 180
"""After so many days somebody who refused may be asked again."""


@dataclass(frozen=True)
class BrowserChoice:
    """What a browser answered."""

    granted: bool
    at: datetime


def tracking_allowed(request: HttpRequest, visitor: Visitor | None) -> bool:
    """Whether what this visitor does may be stored and used for them, at this request.

    The browser's own signal (`Sec-GPC`, `DNT`) and a child's account are a no that nothing overrides; what the visitor
    refused comes next, then the shop's own tool, then what an account, or else a browser, agreed to.
    """
    if has_opt_out_signal(request) or is_child_request(request) or has_refused(request, visitor):
        return False
    told = from_consent_tool(request)
    return has_agreed(request, visitor) if told is None else told


def has_refused(request: HttpRequest, visitor: Visitor | None) -> bool:
    """Whether the account, or a browser whose account did not agree, said no to us."""
    if visitor is not None and visitor.consent == Consent.WITHDRAWN:
        return True
    given = browser_choice(request)
    return given is not None and not given.granted and not (is_signed_in(request) and has_agreed(request, visitor))


def has_agreed(request: HttpRequest, visitor: Visitor | None) -> bool:
    """Whether they said yes to us: the account, or the browser to the present text. Its answer counts and not the
    visitor that it is known as: a report on its way while somebody refuses may leave one behind."""
    if is_signed_in(request):
        return visitor is not None and visitor.consent == Consent.GRANTED
    given = browser_choice(request)
    return given is not None and given.granted


def has_opt_out_signal(request: HttpRequest) -> bool:
    """Whether the browser itself says no."""
    return request.headers.get("Sec-GPC", "").strip() == "1" or request.headers.get("DNT", "").strip() == "1"


def from_consent_tool(request: HttpRequest) -> bool | None:
    """What the shop's own consent tool says; None when there is none, or it does not know."""
    path = conf.get_settings().CONSENT_CALLABLE
    if not path:
        return None
    told = import_string(path)(request)
    return None if told is None else bool(told)


def browser_choice(request: HttpRequest) -> BrowserChoice | None:
    """What this browser answered to the present text; None when it did not. Whatever else the cookie holds is none."""
    word, _, rest = request.COOKIES.get(CONSENT_COOKIE, "").partition(".")
    version, _, moment = rest.rpartition(".")
    if word not in ("granted", "refused") or version != conf.get_settings().CONSENT_VERSION:
        return None
    if not (moment.isascii() and moment.isdigit() and len(moment) <= 10):
        return None
    return BrowserChoice(word == "granted", datetime.fromtimestamp(int(moment), UTC))


def should_ask(request: HttpRequest, visitor: Visitor | None) -> bool:
    """Whether to ask: nobody answered yet, neither the visitor nor their browser nor the shop's own tool."""
    if has_opt_out_signal(request) or is_child_request(request) or conf.get_settings().CONSENT_CALLABLE:
        return False
    if is_signed_in(request) and visitor is not None and visitor.consent != Consent.NONE:
        return False
    return browser_choice(request) is None


def set_consent_cookie(response: HttpResponse, granted: bool, now: datetime) -> None:
    """Keeps the answer in the browser."""
    settings = conf.get_settings()
    word = "granted" if granted else "refused"
    response.set_cookie(
        CONSENT_COOKIE,
        f"{word}.{settings.CONSENT_VERSION}.{int(now.timestamp())}",
        max_age=timedelta(days=settings.VISITOR_COOKIE_DAYS if granted else REFUSED_DAYS),
        secure=settings.COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def is_signed_in(request: HttpRequest) -> bool:
    """Whether the session is an account's."""
    user = getattr(request, "user", None)
    return bool(user and user.is_authenticated)


def exclude_children(customers: dict[Any, float]) -> dict[Any, float]:
    """These customers without those whom the shop calls children."""
    if not conf.get_settings().IS_CHILD_CALLABLE:
        return customers
    users = get_user_model()._default_manager
    grown = (user.pk for some in _some(customers) for user in users.filter(pk__in=some) if not is_child(user))
    return {key: customers[key] for key in grown}


def _some(keys: Iterable[Any], at_once: int = 500) -> Iterator[list[Any]]:
    rows = sorted(keys)
    return (rows[start : start + at_once] for start in range(0, len(rows), at_once))


def is_child_request(request: HttpRequest) -> bool:
    """Whether the session is a child's."""
    return is_signed_in(request) and is_child(request.user)


def is_child(user: Any) -> bool:
    """Whether the shop says that this account is a child's."""
    path = conf.get_settings().IS_CHILD_CALLABLE
    return bool(path) and bool(import_string(path)(user))
