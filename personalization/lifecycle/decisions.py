"""Whether a message is sent now, later, or not at all: decided once more when it is to be sent."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from personalization import conf
from personalization.lifecycle.best_moments import NO_RULE, ChosenMoment, choose_moment
from personalization.lifecycle.kinds import MessageKind, Occasion
from personalization.lifecycle.live_messages import PublishedMessage, find_message_for
from personalization.lifecycle.pauses import LONGEST_WINDOW, end_of_cap, end_of_quiet
from personalization.lifecycle.permissions import allows
from personalization.merchandising.assignment import is_left_out
from personalization.models import ChannelConsent, Delivery, Suppression, Visitor
from personalization.models.deliveries import Arm, Why
from personalization.models.message_permissions import Channel, PermissionState, Purpose
from personalization.privacy.message_addresses import hash_address
from personalization.shop import customers, notifications

UNREAD_PAUSE = timedelta(hours=6)
"""So long later it is asked again whether an inbox has room."""


@dataclass(frozen=True)
class Decision:
    """What to do with a message."""

    why: Why | None = None
    """Why it is not sent now; None when it is."""
    later: datetime | None = None
    """When to decide again; None for never."""
    arm: Arm | None = None
    occasion: Occasion | None = None
    language: str = ""
    """Of the page on which its reader allowed it; "" for the shop's."""
    message: PublishedMessage | None = None
    """Which one they get, or are held back from."""
    chosen: ChosenMoment = NO_RULE
    """By which way first, and at which hour."""
    hold_back: float = 0.0
    """The part of the people, 0 to 1, who are held back from it."""


def decide_delivery(
    delivery: Delivery, kind: MessageKind, messages: Sequence[PublishedMessage], now: datetime
) -> Decision:
    """1. Is it in time, and is there somebody to write to?
    2. Did they allow it, on this channel and for this purpose, and not take it back since?
    3. Is it still true?
    4. Which of the live messages of its kind is meant for them? The first one counts. Does it go this way?
    5. Is there a better moment, were they told enough, and is it night? Then later.
    6. Are they held back, to measure the effect?
    """
    occasion = kind.read_occasion(delivery)
    if now > _latest_start(delivery) + kind.give_up:
        return Decision(Why.TOO_OLD)
    if occasion is None or not occasion.address:
        return Decision(Why.NO_ADDRESS)
    said = said_last(delivery, kind, occasion)
    why = obstacle(delivery, kind, occasion, said, now)
    message = None if why else find_message_for(kind.fitting_messages(messages, delivery), occasion.user, now)
    if message is None or delivery.channel not in message.channels:
        return Decision(why or (Why.OTHER_CHANNEL if message else Why.NOT_MEANT))
    chosen = choose_moment(delivery, message, occasion.user, now)
    if pause := _waiting(chosen) or _pause(delivery, kind, occasion, now):
        return replace(pause, chosen=chosen)
    share = kind.hold_back if message.hold_back is None else message.hold_back
    if _is_drawn_out(message, kind, delivery, share):
        return Decision(Why.HELD_BACK, arm=Arm.HELD_BACK, message=message, hold_back=share)
    language = _language(delivery, kind, occasion, said)
    return Decision(
        arm=Arm.TREATED, occasion=occasion, language=language, message=message, chosen=chosen, hold_back=share
    )


def _latest_start(delivery: Delivery) -> datetime:
    """From when on it becomes too late."""
    return max(delivery.created_at, delivery.waits_until or delivery.created_at)


def _waiting(chosen: ChosenMoment) -> Decision | None:
    """Later, for a better moment; not at all, where it was read in the shop."""
    return Decision(chosen.why, later=chosen.later) if chosen.why else None


def said_last(
    delivery: Delivery, kind: MessageKind, occasion: Occasion, channel: str | None = None
) -> ChannelConsent | None:
    """What its reader said last about messages like it by its channel, or another one."""
    address_hash = hash_address(occasion.address)
    return ChannelConsent.objects.newest(address_hash, delivery.user_id, kind.purpose, channel or delivery.channel)


def obstacle(
    delivery: Delivery, kind: MessageKind, occasion: Occasion, said: ChannelConsent | None, now: datetime
) -> Why | None:
    """Why somebody may not, or not truly, be told this any more."""
    forbidden = _forbidden_in_shop if delivery.channel == Channel.SHOP else _forbidden
    return _account_obstacle(occasion) or forbidden(kind, occasion, said) or kind.reason_to_skip(occasion, now)


def _language(delivery: Delivery, kind: MessageKind, occasion: Occasion, said: ChannelConsent | None) -> str:
    """Of the page on which they allowed it, or asked for a mail about it."""
    if said is None and delivery.channel != Channel.EMAIL:
        said = said_last(delivery, kind, occasion, Channel.EMAIL)
    return said.language if said else ""


def _account_obstacle(occasion: Occasion) -> Why | None:
    if occasion.user is None:
        return None
    if not occasion.user.is_active:
        return Why.NO_ADDRESS
    if getattr(occasion.user, "is_staff", False):
        return Why.STAFF
    return Why.CHILD if customers.is_child(occasion.user) else None


def _forbidden_in_shop(kind: MessageKind, occasion: Occasion, said: ChannelConsent | None) -> Why | None:
    """Why there may be no notification in their account: they switched them off, ended all messages, or, where they
    did not ask for it, do not agree to personalisation now."""
    is_asked_for = kind.purpose == Purpose.ASKED_FOR
    if occasion.user is None or (is_asked_for and occasion.asked_at is None):
        return Why.NO_PERMISSION
    if said is not None and said.state == PermissionState.WITHDRAWN:
        return Why.NO_PERMISSION
    if not is_asked_for and not Visitor.objects.consented([occasion.user.pk]):
        return Why.NO_PERMISSION
    said_at = max(filter(None, (occasion.asked_at, said.recorded_at if said else None)), default=None)
    is_suppressed = Suppression.objects.holds(hash_address(occasion.address), kind.purpose, Channel.SHOP, said_at)
    return Why.SUPPRESSED if is_suppressed else None


def _forbidden(kind: MessageKind, occasion: Occasion, said: ChannelConsent | None) -> Why | None:
    """Why they may not be written to by what they said; what was said last counts."""
    if kind.purpose == Purpose.ASKED_FOR:
        said_at = occasion.asked_at
        if said_at is not None and said and said.state == PermissionState.WITHDRAWN and said.recorded_at >= said_at:
            said_at = None
    else:
        said_at = said.recorded_at if said and allows(said) else None
    if said_at is None:
        return Why.NO_PERMISSION
    address_hash = hash_address(occasion.address)
    is_suppressed = Suppression.objects.holds(address_hash, kind.purpose, Channel.EMAIL, said_at)
    return Why.SUPPRESSED if is_suppressed else None


def _pause(delivery: Delivery, kind: MessageKind, occasion: Occasion, now: datetime) -> Decision | None:
    """Later, when they were told enough or it is night; not at all, when that is too late. A
    notification wakes nobody."""
    if delivery.channel == Channel.SHOP:
        return _inbox_pause(delivery, kind, occasion, now)
    later, why = now, None
    if kind.purpose != Purpose.ASKED_FOR:
        address_hash = hash_address(occasion.address)
        sent_at = Delivery.objects.sent_times(address_hash, delivery.user_id, now - LONGEST_WINDOW)
        if end := end_of_cap(now, sent_at):
            later, why = end, Why.CAPPED
    if end := end_of_quiet(later, delivery.pk):
        later, why = end, why or Why.QUIET
    if why is None:
        return None
    return Decision(why, later=later if later <= _latest_start(delivery) + kind.give_up else None)


def _inbox_pause(delivery: Delivery, kind: MessageKind, occasion: Occasion, now: datetime) -> Decision | None:
    """Later, when enough of ours lies in their inbox unread."""
    most = conf.get_settings().MESSAGES_UNREAD
    if kind.purpose == Purpose.ASKED_FOR or notifications.count_unread(occasion.user.pk) < most:
        return None
    later = now + UNREAD_PAUSE
    return Decision(Why.CAPPED, later=later if later <= delivery.created_at + kind.give_up else None)


def _is_drawn_out(message: PublishedMessage, kind: MessageKind, delivery: Delivery, share: float) -> bool:
    """Whether they get nothing, to compare others with: of a campaign's message as on the pages of the campaign."""
    if message.campaign_id is not None:
        return is_left_out(message.campaign_id, share, delivery.user_id)
    return is_held_back(kind, delivery.address_hash, share)


def is_held_back(kind: MessageKind, address_hash: str, share: float) -> bool:
    """Whether a person is in the part, 0 to 1, that gets no messages of a kind. The same ones for as long as the
    shop's key stays; a larger part holds all of a smaller one."""
    digest = sha256(f"{kind.name}:{address_hash}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64
