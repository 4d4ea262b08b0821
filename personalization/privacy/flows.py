"""What visitors can do about their data, as plain functions that the shop's pages and the API both call.

They take a `Requester` and return what the door has to remember in a cookie. What cannot be done raises `Refused`,
what was done too often in this minute `RateLimited`. Saying no, and having data deleted, is never too often.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from django.db import DatabaseError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from personalization import rate_limits
from personalization.models import Event, Visitor
from personalization.models.fail_open import fail_open
from personalization.privacy import identity
from personalization.privacy.cookies import BrowserChoice
from personalization.privacy.requester import Requester
from personalization.privacy.sort_preference import PREFERENCE_KEY, PREFERENCE_TYPE
from personalization.profile import genome
from personalization.shop import catalogue

REFUSAL_MESSAGES: dict[str, Promise] = {
    "opt_out_signal": _(
        "Your browser asks websites not to do this, and that takes precedence: personalisation stays off."
    ),
    "child_account": _("This is a child's account: personalisation stays off."),
    "no_consent": _("This is only stored for visitors who have consented."),
    "unknown_card": _(
        "We know no purchase with this card and this receipt. A purchase may take a few days to reach us."
    ),
    "card_taken": _("Another customer has linked this card. We have told the shop, which finds out whose it is."),
    "unknown_invitation": _("This invitation does not hold: it was used, taken back, or is older than a week."),
    "in_household": _("You are in a household already. Leave it first, then you can join another one."),
    "household_full": _("This household has 8 members: nobody else can join."),
    "many_invitations": _("You have 7 open invitations. Take one back, or wait until one has expired."),
    "unknown_size": _("The shop does not have this size."),
    "unknown_category": _("There is no such category to like."),
}


class Refused(Exception):
    """Why something cannot be done: a code of REFUSAL_MESSAGES."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    @property
    def message(self) -> str:
        """The reason in the language of the request."""
        return str(REFUSAL_MESSAGES[self.code])


class NotYetDeleted(Exception):
    """Consent has ended, so that nothing is stored or used any more, but what was stored could not be deleted now. The
    next run of `personalization_apply_retention` deletes it."""

    message = _(
        "Personalisation is off, and nothing about you is used any more. Deleting what was stored takes longer than "
        "usual, and is made up for within a day; you can also try again."
    )


def grant_consent(requester: Requester, now: datetime, source: str) -> Requester:
    """Records that the visitor consents, and computes a customer's genome.

    Returns
    -------
    The requester as it is from now on; the door stores its choice in the browser.

    Raises
    ------
    Refused
        With `opt_out_signal` or `child_account`.
    """
    if requester.opt_out_signal:
        raise Refused("opt_out_signal")
    if requester.is_child:
        raise Refused("child_account")
    if requester.is_signed_in:
        _check_change(requester)
    visitor = identity.grant_consent(requester, now, source)
    if visitor is not None:
        with fail_open("Working out a genome after consent", whole_page=True):
            genome.refresh_genome([visitor.user_id], now=now.timestamp())
    return requester if requester.is_signed_in else replace(requester, choice=_choice_of(granted=True, now=now))


def withdraw_consent(requester: Requester, now: datetime, source: str) -> Requester:
    """Records that the visitor does not consent (any more), and deletes what they did. Returns the requester as it is
    from now on. Raises `NotYetDeleted` where only the first could be done."""
    identity.end_consent(requester, now, source)
    _delete(identity.delete_activity, requester)
    return after_refusal(requester, now)


def erase_data(requester: Requester, now: datetime) -> Requester:
    """Deletes everything that is stored about the visitor. Returns the requester as it is from now on. Raises
    `NotYetDeleted` where their consent ended, but no more could be done."""
    identity.end_consent(requester, now, source="erasure")
    _delete(identity.erase_visitor, requester, now)
    return after_refusal(requester, now)


def _delete(delete: Callable[..., None], *arguments: Any) -> None:
    """Deletes in a transaction of its own, after the one in which consent ended."""
    try:
        delete(*arguments)
    except DatabaseError as fault:
        raise NotYetDeleted from fault


def after_refusal(requester: Requester, now: datetime) -> Requester:
    """The requester as it is from now on, when consent has ended."""
    choice = None if requester.is_signed_in else _choice_of(granted=False, now=now)
    return replace(requester, choice=choice, visitor_id=None)


def _choice_of(*, granted: bool, now: datetime) -> BrowserChoice:
    """The choice as the browser's cookie stores it, in whole seconds."""
    return BrowserChoice(granted, now.replace(microsecond=0))


def create_visitor(requester: Requester, now: datetime) -> Visitor:
    """A new visitor for a client without cookies, where a person has consented.

    Raises
    ------
    Refused
        With `opt_out_signal`, or `no_consent` where the shop's consent tool says no.
    """
    if requester.opt_out_signal:
        raise Refused("opt_out_signal")
    if requester.consent_tool_answer is False:
        raise Refused("no_consent")
    return identity.create_consented_browser(requester, now, source="api")


def _check_change(requester: Requester) -> None:
    """Counts a change of something that is stored; RateLimited for one too many."""
    rate_limits.check_change(requester.address, requester.limit_key)


def change_visitor(requester: Requester, now: datetime, change: Callable[[Visitor], None]) -> Visitor | None:
    """Applies a change to the stored visitor, who is created if need be.

    Returns
    -------
    The visitor, whom the door makes the browser recognisable by; None where they were erased at this very moment.

    Raises
    ------
    Refused
        With `no_consent`.
    """
    _check_change(requester)
    visitor = identity.get_or_create_consented(requester, now)
    if visitor is None:
        raise Refused("no_consent")
    return _apply(change, visitor)


def _apply(change: Callable[[Visitor], None], visitor: Visitor) -> Visitor | None:
    try:
        change(visitor)
    except Visitor.DoesNotExist:  # erased at this very moment
        return None
    return visitor


def change_preference(requester: Requester, kind: str, key: int | str, sign: int, now: datetime) -> Visitor | None:
    """Stores that the visitor wants more (1) or less (-1) of a category, or takes back (0) a preference of any kind.

    Returns the visitor, or None where they were erased at this very moment. Raises `Refused` with `unknown_category`
    or `no_consent`; taking back needs a stored visitor only.
    """
    if sign and not _can_be_liked(int(key)):
        raise Refused("unknown_category")
    change = partial(_set_preference, kind=kind, key=key, sign=sign, now=now)
    if sign:
        return change_visitor(requester, now, change)
    _check_change(requester)
    visitor = identity.read_visitor(requester)
    if visitor is None:
        raise Refused("no_consent")
    return _apply(change, visitor)


def _can_be_liked(category_id: int) -> bool:
    return category_id in catalogue.categories_by_id([category_id]) and category_id not in (
        catalogue.sensitive_categories()
    )


def _set_preference(visitor: Visitor, *, kind: str, key: int | str, sign: int, now: datetime) -> None:
    visitor.set_preference(kind, key, sign, now.timestamp())


class SortChange(NamedTuple):
    """Where the preference for sorted lists is stored from now on."""

    visitor: Visitor | None
    """The visitor that it is stored with; None for one who is unknown."""
    disabled_in_browser: bool
    """Whether the browser has to remember that lists are not sorted for it."""


def change_sort_preference(requester: Requester, *, enabled: bool, now: datetime) -> SortChange:
    """Stores whether the visitor wants lists in a personal order: with them if they consented, else in the browser."""
    sign = 0 if enabled else -1
    change = partial(_set_preference, kind=PREFERENCE_TYPE, key=PREFERENCE_KEY, sign=sign, now=now)
    try:
        visitor = change_visitor(requester, now, change)
    except Refused:
        visitor = None
    return SortChange(visitor, disabled_in_browser=visitor is None and not enabled)


def delete_recent_events(requester: Requester, *, like_event: UUID | None = None, kind: str = "") -> int:
    """Deletes what the visitor did with the product or the search of one event, or all "views" or all "searches".
    Returns how many events were deleted."""
    visitor = identity.read_visitor(requester)
    if visitor is None:
        return 0
    events = Event.objects.for_visitor(visitor.pk)
    deletions: dict[str, Callable[[], Any]] = {
        "views": events.delete_all_but_searches,
        "searches": events.delete_searches,
    }
    return deletions[kind]() if kind else events.delete_like(like_event)
