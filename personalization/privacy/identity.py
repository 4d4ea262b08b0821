"""Which visitor is behind a requester: looked up, created, merged into an account, erased.

An account is recognised by its session only, a browser by its cookie only. The cookie of a browser that signed in leads
nowhere afterwards: what the browser did belongs to the account.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, transaction

from personalization import conf, rate_limits, signals
from personalization.models import AuditEntry, CampaignCustomer, Consent, Credit, Event, Exposure, OrderVisitor, Visitor
from personalization.models.fail_open import fail_open
from personalization.privacy import consent
from personalization.privacy.household_exits import leave_households
from personalization.privacy.loyalty_cards import erase_card_data
from personalization.privacy.message_addresses import erase_messages
from personalization.privacy.requester import Requester
from personalization.profile import genome
from personalization.shop import voucher_codes

VISITOR, UNREADABLE = "visitor", "unreadable"
"""The keys in `Requester.memory`: the visitor, and whether they could not be read."""
NOT_READ: dict[str, Visitor | None] = {VISITOR: None, UNREADABLE: None}
VISIT_PAUSE = timedelta(minutes=30)
"""A visit ends where nothing is heard for so long."""


class VisitorUnreadable(OperationalError):
    """The database failed when the visitor was read: what they answered is not known now, and must not be guessed."""


def get_visitor(requester: Requester) -> Visitor | None:
    """The visitor behind a requester; None for an unknown one, and when the database fails."""
    if VISITOR not in requester.memory:
        if requester.visitor_id is None and not requester.is_signed_in:
            return None
        with fail_open("Reading a visitor"):
            return load_visitor(requester)
        requester.memory.update(NOT_READ)
    return requester.memory[VISITOR]


def is_unreadable(requester: Requester) -> bool:
    """Whether there may be a stored visitor whom the database does not tell now."""
    get_visitor(requester)
    return UNREADABLE in requester.memory


def read_visitor(requester: Requester) -> Visitor | None:
    """Like `get_visitor`, but raises VisitorUnreadable when the database fails: for all that is about the visitor, and
    must not take a failure for a stranger."""
    if is_unreadable(requester):
        raise VisitorUnreadable("the visitor cannot be read")
    return get_visitor(requester)


def load_visitor(requester: Requester) -> Visitor | None:
    """Like `get_visitor`, but lets the first database error through. At most one query a requester."""
    if VISITOR not in requester.memory:
        requester.memory.update(NOT_READ)
        requester.memory[VISITOR] = _query_visitor(requester)
        del requester.memory[UNREADABLE]
    return requester.memory[VISITOR]


def _query_visitor(requester: Requester) -> Visitor | None:
    if requester.is_signed_in:
        return Visitor.objects.of_customer(requester.user_id, with_household=conf.get_settings().HOUSEHOLDS)
    return Visitor.objects.of_browser(requester.visitor_id) if requester.visitor_id else None


def get_or_create_consented(requester: Requester, now: datetime) -> Visitor | None:
    """The visitor behind a requester whose data may be stored, created if need be; None without consent. Raises
    VisitorUnreadable when the database fails, and RateLimited when too many browsers become visitors."""
    visitor = read_visitor(requester)
    if not consent.tracking_allowed(requester, visitor):
        return None
    if visitor is not None and visitor.consent == Consent.GRANTED:
        return visitor
    if visitor is None and requester.is_signed_in:
        visitor = Visitor.objects.get_or_create_customer(requester.user_id)
    visitor = visitor or _create_browser(requester)
    source, since = _consent_source(requester, now)
    _record_consent(visitor, Consent.GRANTED, source, since)
    requester.memory[VISITOR] = visitor
    return visitor


def _consent_source(requester: Requester, now: datetime) -> tuple[str, datetime]:
    """(where the visitor consented, since when)"""
    if requester.consent_tool_answer is None and requester.choice is not None:
        return "banner", min(requester.choice.at, now)
    return "the shop's tool", now


def _record_consent(visitor: Visitor, state: Any, source: str, now: datetime) -> None:
    visitor.change_consent(state, version=conf.get_settings().CONSENT_VERSION, source=source, now=now)


@transaction.atomic
def create_consented_browser(requester: Requester, now: datetime, source: str) -> Visitor:
    """A new visitor without an account that has consented. RateLimited when too many are created."""
    visitor = _create_browser(requester)
    _record_consent(visitor, Consent.GRANTED, source, now)
    return visitor


def _create_browser(requester: Requester) -> Visitor:
    """The only place where a visitor without an account is made. Visitors of accounts are no more than the accounts."""
    rate_limits.check_new_visitor(requester.address)
    return Visitor.objects.create()


@transaction.atomic
def grant_consent(requester: Requester, now: datetime, source: str) -> Visitor | None:
    """Records an account's consent, and returns its visitor. Returns None for a browser, of which nothing is stored
    before it does something, and where a signal or a child's account rules consent out."""
    if not requester.is_signed_in or requester.opt_out_signal or requester.is_child:
        return None
    visitor = Visitor.objects.get_for_update(requester.user_id)
    if visitor.consent != Consent.GRANTED:
        _record_consent(visitor, Consent.GRANTED, source, now)
    return visitor


@transaction.atomic
def end_consent(requester: Requester, now: datetime, source: str) -> None:
    """From now on nothing of this visitor is stored or used, whatever is there to be deleted.

    Of an account that had never answered, only its refusal is stored: otherwise each of its other browsers would ask
    again, and consent that the shop records from elsewhere would overrule the refusal.
    """
    if requester.visitor_id:
        Visitor.objects.filter(pk=requester.visitor_id, user=None).update(consent=Consent.WITHDRAWN)
        Exposure.objects.mark_opted_out([requester.visitor_id])
    if requester.is_signed_in:
        visitor = Visitor.objects.get_for_update(requester.user_id)
        Exposure.objects.mark_opted_out([visitor.pk])
        leave_households([requester.user_id], now)
        if visitor.consent != Consent.WITHDRAWN:
            _record_consent(visitor, Consent.WITHDRAWN, source, now)


@transaction.atomic
def delete_activity(requester: Requester) -> None:
    """Deletes what this visitor did and asked for. Of a browser nothing remains at all, of an account only that it
    refused."""
    erase_browser(requester)
    if requester.is_signed_in:
        Visitor.objects.filter(user_id=requester.user_id).delete_activity()
        genome.delete_profiles([requester.user_id])


@transaction.atomic
def erase_visitor(requester: Requester, now: datetime) -> None:
    """Deletes everything that is stored about this visitor. What happened before `now` is never used again."""
    erase_browser(requester)
    if requester.is_signed_in:
        erase_customer(requester.user_id, now)


@transaction.atomic
def erase_browser(requester: Requester) -> None:
    """Deletes the browser's visitor with everything that it did."""
    if requester.visitor_id:
        Visitor.objects.filter(user=None).erase([requester.visitor_id])


@transaction.atomic
def erase_customer(user_id: Any, now: datetime) -> None:
    """Deletes an account's visitor with everything that it did; only its refusal, and when it was erased, remain."""
    visitor = Visitor.objects.get_for_update(user_id)
    leave_households([user_id], now)
    Visitor.objects.erase([visitor.pk])
    genome.delete_profiles([user_id])
    AuditEntry.objects.forget_subject(user_id)
    erase_messages(user_id, now)
    erase_card_data(user_id)
    voucher_codes.delete_unused_codes(CampaignCustomer.objects.vouchers_of_customers([user_id]))
    CampaignCustomer.objects.filter(user=user_id).delete()
    remains = Visitor.objects.create(user_id=user_id, erased_at=now, consent=visitor.consent)
    _record_consent(remains, Consent.WITHDRAWN, "erasure", now)


@transaction.atomic
def merge_into_account(requester: Requester, now: datetime, *, agreed_in_session: bool) -> None:
    """What the browser did in this visit before signing in becomes the account's, once; its visitor is deleted.

    What it did earlier may have been somebody else's, and so may its answer: consent moves into the account only if it
    was given in this session. An account that withdrew, or a child's, takes nothing over, and nothing is taken from a
    browser that refused.
    """
    browser = _lock_browser(requester.visitor_id) if requester.visitor_id else None
    account = Visitor.objects.filter(user_id=requester.user_id).first()
    is_new = account is None
    refused = requester.choice is not None and not requester.choice.granted
    withdrew = account is not None and account.consent == Consent.WITHDRAWN
    if not (refused or withdrew or requester.opt_out_signal or requester.is_child):
        account = _consenting_account(requester, account, agreed_in_session=agreed_in_session, now=now)
        if account is not None and browser is not None and browser.consent == Consent.GRANTED:
            if is_new:
                Visitor.objects.filter(pk=account.pk).update(browser_unit=browser.unit)
            _transfer_visit(account, browser, now)
    if browser is not None:
        Credit.objects.release(browser)
        Visitor.objects.delete_with_rows([browser.pk])


def _lock_browser(visitor_id: uuid.UUID) -> Visitor | None:
    return Visitor.objects.select_for_update().filter(pk=visitor_id, user=None).first()


def _consenting_account(
    requester: Requester, account: Visitor | None, *, agreed_in_session: bool, now: datetime
) -> Visitor | None:
    """The account's visitor, if the account consented: itself, or in this session before signing in, or as the shop's
    own tool says of this browser."""
    if account is not None and account.consent == Consent.GRANTED:
        return account
    choice = requester.choice if agreed_in_session else None  # None, too, where the consent was to an earlier text
    answer = requester.consent_tool_answer
    if not (choice is not None if answer is None else answer):
        return None
    account = account or Visitor.objects.get_or_create_customer(requester.user_id)
    source, since = ("the shop's tool", now) if choice is None else ("sign-in", min(choice.at, now))
    _record_consent(account, Consent.GRANTED, source, since)
    return account


def _transfer_visit(account: Visitor, browser: Visitor, now: datetime) -> None:
    """Makes what the browser did without a longer pause up to now the account's."""
    since = Event.objects.visit_start(browser.pk, now, VISIT_PAUSE) - VISIT_PAUSE
    moved = Event.objects.filter(visitor=browser, received_at__gt=since)
    moved.mark_days()
    moved.update(visitor=account)
    OrderVisitor.objects.filter(placed_at__gt=since).move_to(account, browser)
    Credit.objects.filter(ordered_at__gt=since).move_to(account, browser)
    Exposure.objects.merge_into(account, browser, now)
    for preference in browser.get_preferences():
        if preference.recorded_at > since.timestamp():
            account.set_preference(*preference)
    ids = {"visitor_id": account.pk, "user_id": account.user_id, "merged_visitor_id": browser.pk}
    signals.send_on_commit(signals.visitor_merged, Visitor, **ids)
