"""The app's own cookies: how they are read from a request, and how they are set on a response.

There are four: the answer to the question of consent, the id of a browser that consented, the word "off" for a browser
that wants lists as the shop sorts them, and of a browser that consented, whether it was shown the bar for who is about
to leave, or closed it. Only the second one identifies a visitor.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core import signing
from django.http import HttpResponse

from personalization import conf
from personalization.models import Visitor

PREFIX = "__Host-"
"""Browsers take a cookie of such a name from this very host over HTTPS only: no subdomain, and nobody on the way, can
plant one. Left out where the shop does without HTTPS (`COOKIE_SECURE`)."""
CONSENT_COOKIE = f"{PREFIX}personalization_choice"
"""Holds what a browser answered, and no id."""
VISITOR_COOKIE = f"{PREFIX}personalization_visitor"
SORT_COOKIE = f"{PREFIX}personalization_sort"
LEAVE_COOKIE = f"{PREFIX}personalization_leave"
"""While a browser holds it, it is shown no bar for who is about to leave. Only browsers that consented get one."""
COOKIE_NAMES = (CONSENT_COOKIE, VISITOR_COOKIE, SORT_COOKIE, LEAVE_COOKIE)

SORT_DISABLED = "off"
SALT = "personalization.visitor"
BAR_SHOWN, BAR_SHOWN_DAYS = "shown", 7
BAR_CLOSED, BAR_CLOSED_DAYS = "closed", 30
"""What that cookie says, and for how many days the bar stays away then."""
REFUSAL_DAYS = 180
"""A visitor who refused may be asked again after this many days."""


@dataclass(frozen=True)
class BrowserChoice:
    """What a browser answered to the question of consent."""

    granted: bool
    at: datetime


def own_cookies(sent: Mapping[str, str]) -> dict[str, str]:
    """Those of the cookies of a request that are the app's, by their full names."""
    return {name: sent[_sent_name(name)] for name in COOKIE_NAMES if _sent_name(name) in sent}


def _sent_name(name: str) -> str:
    return name if conf.get_settings().COOKIE_SECURE else name.removeprefix(PREFIX)


def read_choice(cookies: Mapping[str, str]) -> BrowserChoice | None:
    """The answer to the present version of the consent text; None without a valid one."""
    word, _, rest = cookies.get(CONSENT_COOKIE, "").partition(".")
    version, _, moment = rest.rpartition(".")
    if word not in ("granted", "refused") or version != conf.get_settings().CONSENT_VERSION:
        return None
    if not (moment.isascii() and moment.isdigit() and len(moment) <= 10):
        return None
    return BrowserChoice(word == "granted", datetime.fromtimestamp(int(moment), UTC))


def read_visitor_id(cookies: Mapping[str, str]) -> uuid.UUID | None:
    """The visitor's id in the cookie; None without one that we signed and that has not expired."""
    token = cookies.get(VISITOR_COOKIE, "")
    return verify_visitor_token(token) if token else None


def sign_visitor_token(visitor: Visitor) -> str:
    """The signed id by which a browser or another client without an account is recognised."""
    return signing.TimestampSigner(salt=SALT).sign(visitor.pk.hex)


def verify_visitor_token(token: str) -> uuid.UUID | None:
    """The id in a token of `sign_visitor_token`; None for a forged or an expired one."""
    try:
        lifetime = timedelta(days=conf.get_settings().VISITOR_COOKIE_DAYS)
        text = signing.TimestampSigner(salt=SALT).unsign(token, max_age=lifetime)
        return uuid.UUID(hex=text)
    except (signing.BadSignature, ValueError):
        return None


def set_consent_cookie(response: HttpResponse, *, granted: bool, now: datetime) -> None:
    """Stores the answer in the browser. A refusal also removes everything else that the browser holds."""
    word, days = ("granted", conf.get_settings().VISITOR_COOKIE_DAYS) if granted else ("refused", REFUSAL_DAYS)
    version = conf.get_settings().CONSENT_VERSION
    _set_cookie(response, CONSENT_COOKIE, f"{word}.{version}.{int(now.timestamp())}", days)
    if not granted:
        _delete_history(response)


def forget_browser(response: HttpResponse) -> None:
    """Removes everything that the browser holds but the order that it wants lists in: it has not answered."""
    delete_cookie(response, CONSENT_COOKIE)
    _delete_history(response)


def _delete_history(response: HttpResponse) -> None:
    delete_cookie(response, VISITOR_COOKIE)
    delete_cookie(response, LEAVE_COOKIE)
    response.delete_cookie(settings.OSCAR_RECENTLY_VIEWED_COOKIE_NAME)


def set_visitor_cookie(response: HttpResponse, visitor: Visitor) -> None:
    """Makes the browser recognisable by this visitor's id. Does nothing for an account's visitor, which is recognised
    by the session alone."""
    if visitor.user_id is None:
        _set_cookie(response, VISITOR_COOKIE, sign_visitor_token(visitor), conf.get_settings().VISITOR_COOKIE_DAYS)


def set_sort_cookie(response: HttpResponse, *, disabled: bool) -> None:
    """Stores in the browser that lists are not sorted for it, or removes that."""
    if disabled:
        _set_cookie(response, SORT_COOKIE, SORT_DISABLED, REFUSAL_DAYS)
    else:
        delete_cookie(response, SORT_COOKIE)


def set_leave_cookie(response: HttpResponse, *, closed: bool) -> None:
    """Stores in the browser that its bar was shown, or closed: so long it is not shown again."""
    _set_cookie(response, LEAVE_COOKIE, *((BAR_CLOSED, BAR_CLOSED_DAYS) if closed else (BAR_SHOWN, BAR_SHOWN_DAYS)))


def delete_cookie(response: HttpResponse, name: str) -> None:
    """Deletes one of the app's cookies from the browser."""
    response.delete_cookie(_sent_name(name), samesite="Lax")


def _set_cookie(response: HttpResponse, name: str, value: str, days: int) -> None:
    lifetime, secure = timedelta(days=days), conf.get_settings().COOKIE_SECURE
    response.set_cookie(_sent_name(name), value, max_age=lifetime, secure=secure, httponly=True, samesite="Lax")
