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
from personalization.models import Consent, Event, Genome, OrderVisitor, Visitor
from personalization.models.fail_open import fail_open
from personalization.privacy import consent

VISITOR_COOKIE = "personalization_visitor"
SALT = "personalization.visitor"
REQUEST_ATTRIBUTE = "_personalization_visitor"
"""Under this name a request keeps what was found."""


def may_be_tracked(request: HttpRequest) -> bool:
    """Whether it is worth asking for consent. For most visitors of a shop it is not: they cost no query."""
    answered = {consent.CONSENT_COOKIE, VISITOR_COOKIE} & request.COOKIES.keys()
    return bool(answered or conf.get_settings().CONSENT_CALLABLE or consent.is_signed_in(request))


def get_visitor(request: HttpRequest) -> Visitor | None:
    """The visitor behind this request, or None when nobody is known, or they cannot be read."""
    if not hasattr(request, REQUEST_ATTRIBUTE):
        if not (consent.is_signed_in(request) or VISITOR_COOKIE in request.COOKIES):
            return None
        with fail_open("Reading a visitor"):
            return load_visitor(request)
    return getattr(request, REQUEST_ATTRIBUTE)


def load_visitor(request: HttpRequest) -> Visitor | None:
    """The same for whoever is ready for errors: one query at most, and none asked twice."""
    if not hasattr(request, REQUEST_ATTRIBUTE):
        setattr(request, REQUEST_ATTRIBUTE, None)
        setattr(request, REQUEST_ATTRIBUTE, _query_visitor(request))
    return getattr(request, REQUEST_ATTRIBUTE)


def reset_visitor(request: HttpRequest | None) -> None:
    """Whoever is behind this request is read again when somebody asks: it was signed in or out."""
    if hasattr(request, REQUEST_ATTRIBUTE):
        delattr(request, REQUEST_ATTRIBUTE)


def _query_visitor(request: HttpRequest) -> Visitor | None:
    if consent.is_signed_in(request):
        return Visitor.objects.of_customer(request.user.pk)
    visitor_id = visitor_id_from_cookie(request)
    return Visitor.objects.of_browser(visitor_id) if visitor_id else None


def visitor_id_from_cookie(request: HttpRequest) -> uuid.UUID | None:
    """The id in our cookie; None when there is none, or it is not one that we signed and still accept."""
    value = request.COOKIES.get(VISITOR_COOKIE, "")
    if not value:
        return None
    try:
        text = signing.TimestampSigner(salt=SALT).unsign(
            value, max_age=conf.get_settings().VISITOR_COOKIE_DAYS * consent.DAY
        )
        return uuid.UUID(hex=text)
    except (signing.BadSignature, ValueError):
        return None


def get_or_create_consented(request: HttpRequest, now: datetime) -> Visitor | None:
    """The visitor behind a request that reports something; made when they allow it and are not known yet. None when
    they do not allow it."""
    visitor = get_visitor(request)
    if not consent.tracking_allowed(request, visitor):
        return None
    if visitor is not None and visitor.consent == Consent.GRANTED:
        return visitor
    if visitor is None and consent.is_signed_in(request):
        visitor = Visitor.objects.get_or_create_customer(request.user.pk)
    visitor = visitor or Visitor.objects.create()
    source, since = _consent_source(request, now)
    visitor.change_consent(Consent.GRANTED, version=conf.get_settings().CONSENT_VERSION, source=source, now=since)
    setattr(request, REQUEST_ATTRIBUTE, visitor)
    return visitor


@transaction.atomic
def create_consented_browser(now: datetime, source: str) -> Visitor:
    """A browser, or whatever else has no account, that agreed and is not known yet."""
    visitor = Visitor.objects.create()
    visitor.change_consent(Consent.GRANTED, version=conf.get_settings().CONSENT_VERSION, source=source, now=now)
    return visitor


def visitor_token(visitor: Visitor) -> str:
    """What such a visitor shows to be known again."""
    return signing.TimestampSigner(salt=SALT).sign(visitor.pk.hex)


def _consent_source(request: HttpRequest, now: datetime) -> tuple[str, datetime]:
    """(who says that the visitor agrees, since when)"""
    given = consent.browser_choice(request)
    if consent.from_consent_tool(request) is None and given is not None:
        return "banner", min(given.at, now)
    return "the shop's tool", now


@transaction.atomic
def grant_consent(request: HttpRequest, now: datetime, source: str) -> Visitor | None:
    """Stores that this visitor agrees. An account has it stored; of a browser nothing is, before it does something."""
    if not consent.is_signed_in(request) or consent.has_opt_out_signal(request) or consent.is_child(request.user):
        return None
    visitor = Visitor.objects.get_for_update(request.user.pk)
    if visitor.consent != Consent.GRANTED:
        version = conf.get_settings().CONSENT_VERSION
        visitor.change_consent(Consent.GRANTED, version=version, source=source, now=now)
    return visitor


@transaction.atomic
def withdraw_consent(request: HttpRequest, now: datetime, source: str) -> None:
    """From now on nothing of this visitor is stored or used. Of a browser nothing is left at all.

    Of an account that never answered a no is kept, and nothing else: without it, every other browser of theirs would
    ask again, and consent that the shop records from elsewhere would overrule them.
    """
    erase_browser(request)
    if not consent.is_signed_in(request):
        return
    visitor = Visitor.objects.get_for_update(request.user.pk)
    Genome.objects.filter(user_id=request.user.pk).delete()
    if visitor.consent != Consent.WITHDRAWN:
        version = conf.get_settings().CONSENT_VERSION
        visitor.change_consent(Consent.WITHDRAWN, version=version, source=source, now=now)


@transaction.atomic
def erase_visitor(request: HttpRequest, now: datetime) -> None:
    """Everything that we know of this visitor is gone, and what happened before now never comes back."""
    erase_browser(request)
    if consent.is_signed_in(request):
        erase_customer(request.user.pk, now)


@transaction.atomic
def erase_browser(request: HttpRequest) -> None:
    """Deletes what the cookie's visitor did, and them."""
    visitor_id = visitor_id_from_cookie(request)
    if visitor_id:
        Visitor.objects.filter(user=None).erase([visitor_id])


@transaction.atomic
def erase_customer(user_id: Any, now: datetime) -> None:
    """The same for an account, of which remains: that it wants none of this, and since when."""
    Visitor.objects.get_for_update(user_id).delete()
    Genome.objects.filter(user_id=user_id).delete()
    again = Visitor.objects.create(user_id=user_id, erased_at=now)
    version = conf.get_settings().CONSENT_VERSION
    again.change_consent(Consent.WITHDRAWN, version=version, source="forget everything", now=now)


@transaction.atomic
def merge_into_account(request: HttpRequest, user: Any, now: datetime) -> None:
    """What the browser did before signing in becomes the account's, once; its visitor is no more.

    An account that withdrew, or a child's, takes nothing over, and nothing is taken from a browser that refused.
    """
    visitor_id = visitor_id_from_cookie(request)
    browser = Visitor.objects.select_for_update().filter(pk=visitor_id, user=None).first() if visitor_id else None
    account = Visitor.objects.filter(user_id=user.pk).first()
    given = consent.browser_choice(request)
    refused = given is not None and not given.granted
    withdrew = account is not None and account.consent == Consent.WITHDRAWN
    if not (refused or withdrew or consent.has_opt_out_signal(request) or consent.is_child(user)):
        account = _consenting_account(request, account, browser, user, now)
        if account is not None and browser is not None:
            _transfer_activity(account, browser)
    if browser is not None:
        browser.delete()


def _consenting_account(
    request: HttpRequest, account: Visitor | None, browser: Visitor | None, user: Any, now: datetime
) -> Visitor | None:
    """The account's visitor, if the account agrees: by itself, or by what its browser answered before signing in."""
    if account is not None and account.consent == Consent.GRANTED:
        return account
    told, given_at = consent.from_consent_tool(request), _browser_consented_at(request)
    since = browser.consented_at if browser is not None else given_at
    if since is None or not (given_at if told is None else told):
        return None  # what it agreed to earlier may have been another text
    account = account or Visitor.objects.get_or_create_customer(user.pk)
    version = conf.get_settings().CONSENT_VERSION
    account.change_consent(Consent.GRANTED, version=version, source="sign-in", now=min(since, now))
    return account


def _browser_consented_at(request: HttpRequest) -> datetime | None:
    given = consent.browser_choice(request)
    return given.at if given is not None and given.granted else None


def _transfer_activity(account: Visitor, browser: Visitor) -> None:
    Event.objects.filter(visitor=browser).update(visitor=account)
    OrderVisitor.objects.move_to(account, browser)
    for wish in browser.preferences:
        account.set_preference(*wish)


def set_visitor_cookie(response: HttpResponse, visitor: Visitor) -> None:
    """Makes the browser known by this visitor's id from now on; an account's never is."""
    if visitor.user_id is not None:
        return
    settings = conf.get_settings()
    response.set_cookie(
        VISITOR_COOKIE,
        visitor_token(visitor),
        max_age=settings.VISITOR_COOKIE_DAYS * consent.DAY,
        secure=settings.COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def set_private_cache_headers(request: HttpRequest, response: HttpResponse) -> None:
    """Keeps what depends on who asks out of every shared cache, and sweeps out cookies of ours that say nothing."""
    patch_cache_control(response, private=True, no_store=True)
    patch_vary_headers(response, ("Cookie", "Sec-GPC", "DNT"))
    delete_stale_cookies(request, response)


def delete_stale_cookies(request: HttpRequest, response: HttpResponse) -> None:
    """Deletes our cookies where they say nothing, unless they were just set anew."""
    told = {
        name
        for name in (consent.CONSENT_COOKIE, VISITOR_COOKIE)
        if name in request.COOKIES and name not in response.cookies
    }
    if consent.CONSENT_COOKIE in told and consent.browser_choice(request) is None:
        response.delete_cookie(consent.CONSENT_COOKIE, samesite="Lax")
    if VISITOR_COOKIE in told and (
        consent.is_signed_in(request) or get_visitor(request) is None or consent.has_refused(request, None)
    ):
        response.delete_cookie(VISITOR_COOKIE, samesite="Lax")
