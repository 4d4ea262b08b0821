"""Households: inviting, joining, and what a member sees of one. No member learns who the others are, nor what they
bought.

An invitation is a code of 128 random bits that its maker hands over themselves. We store a keyed hash of it, it holds
for a week and for one person, and who uses it says yes themselves, signed in and with consent.
"""

import base64
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.crypto import salted_hmac

from personalization import conf, rate_limits
from personalization.models import Consent, Household, HouseholdInvitation, HouseholdMember, Visitor
from personalization.models.households import MAX_MEMBERS
from personalization.privacy import consent, identity
from personalization.privacy.flows import Refused
from personalization.privacy.requester import Requester
from personalization.profile import genome

INVITATION_TIME = timedelta(days=7)
MAX_OPEN_INVITATIONS = MAX_MEMBERS - 1
"""As many invitations of one member hold at a time."""
CODE_BYTES = 16
SALT = "personalization.household"
NOT_OF_A_CODE = re.compile(r"[^A-Z2-7]")


@dataclass(frozen=True)
class OpenInvitation:
    """An invitation of the member's own. Its code is told once, when it is made."""

    id: int
    expires_at: datetime


@dataclass(frozen=True)
class HouseholdState:
    """All that a customer is told of their household."""

    since: datetime | None = None
    """Since when they are in it; None for who is in none, or has invited others whom nobody joined yet."""
    members: int = 0
    """How many are in it, with them; 0 for who is in none."""
    invitations: tuple[OpenInvitation, ...] = ()
    """Those that they made themselves and that hold."""

    @property
    def is_full(self) -> bool:
        """Whether nobody else can join."""
        return self.members >= MAX_MEMBERS


@dataclass(frozen=True)
class NewInvitation:
    """What its maker is told once."""

    id: int
    code: str
    expires_at: datetime


def has_households() -> bool:
    """Whether the shop has them."""
    return conf.get_settings().HOUSEHOLDS


def household_state(visitor: Visitor | None, now: datetime) -> HouseholdState | None:
    """What a customer is told of their household, whose visitor was read with it; None in a shop without any. Two
    queries, none for who is in none."""
    if not has_households():
        return None
    place = visitor.read_membership() if visitor is not None else None
    if visitor is None or place is None:
        return HouseholdState()
    open_ones = HouseholdInvitation.objects.open_of(visitor.pk, now)
    invitations = tuple(OpenInvitation(one.pk, one.expires_at) for one in open_ones)
    if place.household.computed_at is None:
        return HouseholdState(invitations=invitations)
    return HouseholdState(place.since, HouseholdMember.objects.count_in(place.household_id), invitations)


def make_invitation(requester: Requester, now: datetime) -> NewInvitation:
    """Makes an invitation to the customer's household; to a new one for who is in none.

    Raises
    ------
    Refused
        With `no_consent`, `household_full` or `many_invitations`.
    RateLimited
        For one invitation too many.
    """
    rate_limits.check_invitation(requester.address, requester.limit_key)
    _check_consent(requester, now)
    code = base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode().rstrip("=")
    with transaction.atomic():
        visitor = _lock_consenting(requester.user_id)
        household = _own_household(visitor, now)
        if HouseholdMember.objects.count_in(household.pk) >= MAX_MEMBERS:
            raise Refused("household_full")
        HouseholdInvitation.objects.expired(now).filter(maker=visitor).delete()
        if len(HouseholdInvitation.objects.open_of(visitor.pk, now)) >= MAX_OPEN_INVITATIONS:
            raise Refused("many_invitations")
        made = HouseholdInvitation.objects.create(
            household=household, maker=visitor, code_hash=_hash_code(code), expires_at=now + INVITATION_TIME
        )
    return NewInvitation(
        made.pk, "-".join(code[start : start + 4] for start in range(0, len(code), 4)), made.expires_at
    )


def _check_consent(requester: Requester, now: datetime) -> None:
    if not requester.is_signed_in or identity.get_or_create_consented(requester, now) is None:
        raise Refused("no_consent")


def _lock_consenting(user_id: Any) -> Visitor:
    """The customer's visitor, who cannot withdraw before the end of the transaction: they may have, a moment ago."""
    visitor = Visitor.objects.lock_for([user_id]).get(user_id)
    if visitor is None or visitor.consent != Consent.GRANTED:
        raise Refused("no_consent")
    return visitor


def _own_household(visitor: Visitor, now: datetime) -> Household:
    """The customer's household, locked, made if need be."""
    place = HouseholdMember.objects.of_user(visitor.user_id)
    found = Household.objects.lock_households([place.household_id]) if place is not None else {}
    if found and HouseholdMember.objects.filter(visitor=visitor).exists():
        return next(iter(found.values()))
    made = Household.objects.create()
    HouseholdMember.objects.create(household=made, visitor=visitor, since=now)
    return made


def _hash_code(code: str) -> str:
    """The keyed hash of a code, however it is grouped and spelt in upper and lower case; "" for no code."""
    plain = NOT_OF_A_CODE.sub("", code.upper())
    return salted_hmac(SALT, plain, algorithm="sha256").hexdigest() if plain else ""


@transaction.atomic
def take_invitation_back(user_id: Any, invitation_id: int, now: datetime) -> bool:
    """Nobody can use this invitation of the customer's any more; False where they have no such. Never too often."""
    visitor = Visitor.objects.lock_for([user_id]).get(user_id)
    place = HouseholdMember.objects.of_user(user_id)
    if visitor is None or place is None:
        return False
    Household.objects.lock_households([place.household_id])
    deleted, _ = HouseholdInvitation.objects.filter(pk=invitation_id, maker=visitor).delete()
    if deleted:
        genome.refresh_households([place.household_id], now.timestamp())  # which deletes it where nobody is left
    return bool(deleted)


def invited_members(requester: Requester, code: str, now: datetime) -> int:
    """How many are in the household to which a code invites the customer, who may join it. Changes nothing.

    Raises
    ------
    Refused
        With `no_consent`, `unknown_invitation`, `in_household` or `household_full`.
    """
    visitor = identity.read_visitor(requester)
    if visitor is None or not requester.is_signed_in or not consent.tracking_allowed(requester, visitor):
        raise Refused("no_consent")
    invitation = HouseholdInvitation.objects.open_one(_hash_code(code), now)
    if invitation is None:
        raise Refused("unknown_invitation")
    place = visitor.read_membership()
    members = HouseholdMember.objects.count_in(invitation.household_id)
    if place is not None and (place.household.computed_at or place.household_id == invitation.household_id):
        raise Refused("in_household")
    if members >= MAX_MEMBERS:
        raise Refused("household_full")
    return members


def join_household(requester: Requester, code: str, now: datetime) -> int:
    """Makes the customer a member of the household to which a code invites them, whose genome is worked out at once;
    how many are in it then.

    Raises
    ------
    Refused
        With `no_consent`, `unknown_invitation`, `in_household` or `household_full`.
    RateLimited
        For one code too many.
    """
    rate_limits.check_invitation(requester.address, requester.limit_key)
    _check_consent(requester, now)
    with transaction.atomic():
        visitor = _lock_consenting(requester.user_id)
        household, invitation = _lock_invited(visitor, _hash_code(code), now)
        members = HouseholdMember.objects.count_in(household.pk)
        if members >= MAX_MEMBERS:
            raise Refused("household_full")
        invitation.delete()
        if household.computed_at is None:
            HouseholdMember.objects.filter(household=household).update(since=now)
        HouseholdMember.objects.create(household=household, visitor=visitor, since=now)
        genome.refresh_households([household.pk], now.timestamp())
        if not HouseholdMember.objects.filter(household=household, visitor=visitor).exists():
            raise Refused("unknown_invitation")  # who invited them may be in no household any more
    return members + 1


def _lock_invited(visitor: Visitor, code_hash: str, now: datetime) -> tuple[Household, HouseholdInvitation]:
    """The household to which an invitation leads that holds, locked, and the invitation; one of their own that nobody
    joined is given up."""
    invitation = HouseholdInvitation.objects.open_one(code_hash, now)
    if invitation is None:
        raise Refused("unknown_invitation")
    place = HouseholdMember.objects.of_user(visitor.user_id)
    own = {place.household_id} if place is not None else set()
    locked = Household.objects.lock_households({invitation.household_id, *own})
    if HouseholdInvitation.objects.open_one(code_hash, now) is None:  # used or taken back while we waited
        raise Refused("unknown_invitation")
    if own & {invitation.household_id}:
        raise Refused("in_household")
    for household in (locked[key] for key in own & locked.keys()):
        if HouseholdMember.objects.count_in(household.pk) > 1:
            raise Refused("in_household")
        household.delete()
    return locked[invitation.household_id], invitation
