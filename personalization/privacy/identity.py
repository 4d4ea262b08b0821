"""Who is there: found, made, claimed by an account, forgotten.

An account is known by its session only, a browser by our cookie only. The cookie of a browser that signed in leads
nowhere any more: what it did is the account's.
"""

import uuid
from datetime import datetime
from typing import Any

from django.core import signing
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control, patch_vary_headers

from personalization import conf
from personalization.models import Consent, Event, Genome, Visitor
from personalization.models.fail_open import failing_open
from personalization.privacy import consent

COOKIE = "personalization_visitor"
SALT = "personalization.visitor"
ASKED = "_personalization_visitor"
"""Under this name a request keeps what was found."""


def of(request: HttpRequest) -> Visitor | None:
    """The visitor behind this request, or None when nobody is known, or they cannot be read."""
    if not hasattr(request, ASKED):
        if not (consent.signed_in(request) or COOKIE in request.COOKIES):
            return None
        with failing_open("Reading a visitor"):
            return read(request)
    return getattr(request, ASKED)


def read(request: HttpRequest) -> Visitor | None:
    """The same for whoever is ready for errors: one query at most, and none asked twice."""
    if not hasattr(request, ASKED):
        setattr(request, ASKED, None)
        setattr(request, ASKED, _found(request))
    return getattr(request, ASKED)


def look_anew(request: HttpRequest | None) -> None:
    """Whoever is behind this request is read again when somebody asks: it was signed in or out."""
    if hasattr(request, ASKED):
        delattr(request, ASKED)


def _found(request: HttpRequest) -> Visitor | None:
    if consent.signed_in(request):
        return Visitor.objects.of_customer(request.user.pk)
    visitor_id = id_in(request)
    return Visitor.objects.of_browser(visitor_id) if visitor_id else None


def id_in(request: HttpRequest) -> uuid.UUID | None:
    """The id in our cookie; None when there is none, or it is not one that we signed and still accept."""
    value = request.COOKIES.get(COOKIE, "")
    if not value:
        return None
    try:
        text = signing.TimestampSigner(salt=SALT).unsign(value, max_age=conf.current().visitor_days * consent.DAY)
        return uuid.UUID(hex=text)
    except (signing.BadSignature, ValueError):
        return None


def known_or_new(request: HttpRequest, now: datetime) -> Visitor | None:
    """The visitor behind a request that reports something; made when they allow it and are not known yet. None when
    they do not allow it."""
    visitor = of(request)
    if not consent.allowed(request, visitor):
        return None
    if visitor is not None and visitor.consent == Consent.GRANTED:
        return visitor
    if visitor is None and consent.signed_in(request):
        visitor = Visitor.objects.customer(request.user.pk)
    visitor = visitor or Visitor.objects.create()
    source, since = _answer(request, now)
    visitor.change_consent(Consent.GRANTED, version=conf.current().consent_version, source=source, now=since)
    setattr(request, ASKED, visitor)
    return visitor


@transaction.atomic
def new(now: datetime, source: str) -> Visitor:
    """A browser, or whatever else has no account, that agreed and is not known yet."""
    visitor = Visitor.objects.create()
    visitor.change_consent(Consent.GRANTED, version=conf.current().consent_version, source=source, now=now)
    return visitor


def token(visitor: Visitor) -> str:
    """What such a visitor shows to be known again."""
    return signing.TimestampSigner(salt=SALT).sign(visitor.pk.hex)


def _answer(request: HttpRequest, now: datetime) -> tuple[str, datetime]:
    """(who says that the visitor agrees, since when)"""
    given = consent.choice(request)
    if consent.by_the_shop(request) is None and given is not None:
        return "banner", min(given.at, now)
    return "the shop's tool", now


@transaction.atomic
def grant(request: HttpRequest, now: datetime, source: str) -> Visitor | None:
    """Stores that this visitor agrees. An account has it stored; of a browser nothing is, before it does something."""
    if not consent.signed_in(request) or consent.objects(request) or consent.is_child(request.user):
        return None
    visitor = Visitor.objects.held_customer(request.user.pk)
    if visitor.consent != Consent.GRANTED:
        version = conf.current().consent_version
        visitor.change_consent(Consent.GRANTED, version=version, source=source, now=now)
    return visitor


@transaction.atomic
def withdraw(request: HttpRequest, now: datetime, source: str) -> None:
    """From now on nothing of this visitor is stored or used. Of a browser nothing is left at all.

    Of an account that never answered a no is kept, and nothing else: without it, every other browser of theirs would
    ask again, and consent that the shop records from elsewhere would overrule them.
    """
    forget_browser(request)
    if not consent.signed_in(request):
        return
    visitor = Visitor.objects.held_customer(request.user.pk)
    Genome.objects.filter(user_id=request.user.pk).delete()
    if visitor.consent != Consent.WITHDRAWN:
        version = conf.current().consent_version
        visitor.change_consent(Consent.WITHDRAWN, version=version, source=source, now=now)


@transaction.atomic
def forget(request: HttpRequest, now: datetime) -> None:
    """Everything that we know of this visitor is gone, and what happened before now never comes back."""
    forget_browser(request)
    if consent.signed_in(request):
        forget_customer(request.user.pk, now)


@transaction.atomic
def forget_browser(request: HttpRequest) -> None:
    """Deletes what the cookie's visitor did, and them."""
    visitor_id = id_in(request)
    if visitor_id:
        Visitor.objects.filter(user=None).drop([visitor_id])


@transaction.atomic
def forget_customer(user_id: Any, now: datetime) -> None:
    """The same for an account, of which remains: that it wants none of this, and since when."""
    Visitor.objects.held_customer(user_id).delete()
    Genome.objects.filter(user_id=user_id).delete()
    again = Visitor.objects.create(user_id=user_id, forgotten_at=now)
    version = conf.current().consent_version
    again.change_consent(Consent.WITHDRAWN, version=version, source="forget everything", now=now)


@transaction.atomic
def claim(request: HttpRequest, user: Any, now: datetime) -> None:
    """What the browser did before signing in becomes the account's, once; its visitor is no more.

    An account that withdrew, or a child's, takes nothing over, and nothing is taken from a browser that refused.
    """
    visitor_id = id_in(request)
    browser = Visitor.objects.select_for_update().filter(pk=visitor_id, user=None).first() if visitor_id else None
    account = Visitor.objects.filter(user_id=user.pk).first()
    given = consent.choice(request)
    refused = given is not None and not given.granted
    withdrew = account is not None and account.consent == Consent.WITHDRAWN
    if not (refused or withdrew or consent.objects(request) or consent.is_child(user)):
        account = _agreeing(request, account, browser, user, now)
        if account is not None and browser is not None:
            _take_over(account, browser)
    if browser is not None:
        browser.delete()


def _agreeing(
    request: HttpRequest, account: Visitor | None, browser: Visitor | None, user: Any, now: datetime
) -> Visitor | None:
    """The account's visitor, if the account agrees: by itself, or by what its browser answered before signing in."""
    if account is not None and account.consent == Consent.GRANTED:
        return account
    told, given_at = consent.by_the_shop(request), _granted_at(request)
    since = browser.agreed_at if browser is not None else given_at
    if since is None or not (given_at if told is None else told):
        return None  # what it agreed to earlier may have been another text
    account = account or Visitor.objects.customer(user.pk)
    version = conf.current().consent_version
    account.change_consent(Consent.GRANTED, version=version, source="sign-in", now=min(since, now))
    return account


def _granted_at(request: HttpRequest) -> datetime | None:
    given = consent.choice(request)
    return given.at if given is not None and given.granted else None


def _take_over(account: Visitor, browser: Visitor) -> None:
    Event.objects.filter(visitor=browser).update(visitor=account)
    for wish in browser.wishes:
        account.wish(*wish)


def remember(response: HttpResponse, visitor: Visitor) -> None:
    """Makes the browser known by this visitor's id from now on; an account's never is."""
    if visitor.user_id is not None:
        return
    settings = conf.current()
    response.set_cookie(
        COOKIE,
        token(visitor),
        max_age=settings.visitor_days * consent.DAY,
        secure=settings.secure_cookies,
        httponly=True,
        samesite="Lax",
    )


def keep_private(request: HttpRequest, response: HttpResponse) -> None:
    """Keeps what depends on who asks out of every shared cache, and sweeps out cookies of ours that say nothing."""
    patch_cache_control(response, private=True, no_store=True)
    patch_vary_headers(response, ("Cookie", "Sec-GPC", "DNT"))
    clean(request, response)


def clean(request: HttpRequest, response: HttpResponse) -> None:
    """Deletes our cookies where they say nothing, unless they were just set anew."""
    told = {name for name in (consent.COOKIE, COOKIE) if name in request.COOKIES and name not in response.cookies}
    if consent.COOKIE in told and consent.choice(request) is None:
        response.delete_cookie(consent.COOKIE, samesite="Lax")
    if COOKIE in told and (consent.signed_in(request) or of(request) is None or consent.refused(request, None)):
        response.delete_cookie(COOKIE, samesite="Lax")
