"""What a visitor allows: nothing, until they say otherwise."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string

from personalization import conf
from personalization.models import Consent, Visitor

COOKIE = "personalization_choice"
"""Holds what a browser answered, and no id."""
REFUSED_DAYS = 180
"""After so many days somebody who refused may be asked again."""
DAY = 86_400


@dataclass(frozen=True)
class Choice:
    """What a browser answered."""

    granted: bool
    at: datetime


def allowed(request: HttpRequest, visitor: Visitor | None) -> bool:
    """Whether what this visitor does may be stored and used for them, at this request.

    The browser's own signal (`Sec-GPC`, `DNT`) and a child's account are a no that nothing overrides; what the visitor
    refused comes next, then the shop's own tool, then what an account, or else a browser, agreed to.
    """
    if objects(request) or by_a_child(request) or refused(request, visitor):
        return False
    told = by_the_shop(request)
    return agreed(request, visitor) if told is None else told


def refused(request: HttpRequest, visitor: Visitor | None) -> bool:
    """Whether the account, or a browser whose account did not agree, said no to us."""
    if visitor is not None and visitor.consent == Consent.WITHDRAWN:
        return True
    given = choice(request)
    return given is not None and not given.granted and not (signed_in(request) and agreed(request, visitor))


def agreed(request: HttpRequest, visitor: Visitor | None) -> bool:
    """Whether they said yes to us: the account, or the browser to the present text. Its answer counts and not the
    visitor that it is known as: a report on its way while somebody refuses may leave one behind."""
    if signed_in(request):
        return visitor is not None and visitor.consent == Consent.GRANTED
    given = choice(request)
    return given is not None and given.granted


def objects(request: HttpRequest) -> bool:
    """Whether the browser itself says no."""
    return request.headers.get("Sec-GPC", "").strip() == "1" or request.headers.get("DNT", "").strip() == "1"


def by_the_shop(request: HttpRequest) -> bool | None:
    """What the shop's own consent tool says; None when there is none, or it does not know."""
    path = conf.current().consent
    if not path:
        return None
    told = import_string(path)(request)
    return None if told is None else bool(told)


def choice(request: HttpRequest) -> Choice | None:
    """What this browser answered to the present text; None when it did not. Whatever else the cookie holds is none."""
    word, _, rest = request.COOKIES.get(COOKIE, "").partition(".")
    version, _, moment = rest.rpartition(".")
    if word not in ("granted", "refused") or version != conf.current().consent_version:
        return None
    if not (moment.isascii() and moment.isdigit() and len(moment) <= 10):
        return None
    return Choice(word == "granted", datetime.fromtimestamp(int(moment), UTC))


def undecided(request: HttpRequest, visitor: Visitor | None) -> bool:
    """Whether to ask: nobody answered yet, neither the visitor nor their browser nor the shop's own tool."""
    if objects(request) or by_a_child(request) or conf.current().consent:
        return False
    if signed_in(request) and visitor is not None and visitor.consent != Consent.NONE:
        return False
    return choice(request) is None


def remember(response: HttpResponse, granted: bool, now: datetime) -> None:
    """Keeps the answer in the browser."""
    settings = conf.current()
    word = "granted" if granted else "refused"
    response.set_cookie(
        COOKIE,
        f"{word}.{settings.consent_version}.{int(now.timestamp())}",
        max_age=(settings.visitor_days if granted else REFUSED_DAYS) * DAY,
        secure=settings.secure_cookies,
        httponly=True,
        samesite="Lax",
    )


def signed_in(request: HttpRequest) -> bool:
    """Whether the session is an account's."""
    user = getattr(request, "user", None)
    return bool(user and user.is_authenticated)


def without_children(customers: dict[Any, float]) -> dict[Any, float]:
    """These customers without those whom the shop calls children."""
    if not conf.current().child:
        return customers
    users = get_user_model()._default_manager
    grown = (user.pk for some in _some(customers) for user in users.filter(pk__in=some) if not is_child(user))
    return {key: customers[key] for key in grown}


def _some(keys: Iterable[Any], at_once: int = 500) -> Iterator[list[Any]]:
    rows = sorted(keys)
    return (rows[start : start + at_once] for start in range(0, len(rows), at_once))


def by_a_child(request: HttpRequest) -> bool:
    """Whether the session is a child's."""
    return signed_in(request) and is_child(request.user)


def is_child(user: Any) -> bool:
    """Whether the shop says that this account is a child's."""
    path = conf.current().child
    return bool(path) and bool(import_string(path)(user))
