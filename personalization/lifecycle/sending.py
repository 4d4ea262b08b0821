"""Sends what is due, one message at a time and each at most once.

A message is marked as being sent, and that is committed, before the mail server hears of it. Who dies after that leaves
a message of which nobody knows whether it was sent: it is not sent again.
"""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.utils import translation
from django.utils.timezone import now as current_time

from personalization import conf
from personalization.lifecycle.decisions import Decision, decide_delivery
from personalization.lifecycle.in_shop import RECHECK_EVERY, InShopNotice, make_notice, recheck_unread
from personalization.lifecycle.kinds import MessageKind, Occasion, registered_kinds
from personalization.lifecycle.live_messages import PublishedMessage, read_live_messages
from personalization.lifecycle.mail import (
    MailBusy,
    MailRefused,
    MailServerDown,
    hand_over,
    mail_language,
    make_mail,
    open_mail_server,
)
from personalization.lifecycle.wording import Wording
from personalization.merchandising.campaign_codes import give_code
from personalization.models import Delivery, MessageOutcome
from personalization.models.deliveries import LEASE, DeliveryState, Why
from personalization.models.message_permissions import Channel
from personalization.privacy.message_addresses import hash_address
from personalization.shop import notifications

logger = logging.getLogger("personalization")

MAX_ATTEMPTS = 5
FIRST_RETRY = timedelta(minutes=15)
"""The wait after the first refusal for now; doubled each time."""

RENDER_RETRY = timedelta(hours=1)
"""The wait after a text could not be made: a broken template is mended, and nobody who waits is forgotten by it."""

Clock = Callable[[], datetime]
MessageText = EmailMultiAlternatives | InShopNotice


@dataclass
class SendingResult:
    """What a run did."""

    sent: int = 0
    waiting: Counter[str] = field(default_factory=Counter)
    """{why: how many are decided again later}"""
    skipped: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    taken_back: Counter[str] = field(default_factory=Counter)
    """{why: how many notifications are gone that nobody had read}"""
    outage: str = ""
    """Why the mail server could not be reached; "" when it could."""


def send_messages(*, limit: int, clock: Clock = current_time) -> SendingResult:
    """Takes back notifications that are true no more, and sends up to so many messages that are due: first those in the
    shop, then mails, as long as the mail server can be reached."""
    result = SendingResult()
    if unknown := Delivery.objects.give_up_unknown(clock()):
        result.failed[Why.UNKNOWN] += unknown
    if conf.missing_message_settings():
        return result
    if ended := Delivery.objects.end_others(read_live_messages(clock()), clock()):
        result.skipped[Why.ENDED] += ended
    result.taken_back.update(recheck_unread(clock()))
    turns = iter(range(limit))
    for _ in turns:
        if _decide_next(Channel.SHOP, clock(), result) is None:
            break
    while Delivery.objects.is_any_due(read_live_messages(clock()), Channel.EMAIL, clock()):
        try:
            with open_mail_server() as connection:  # one for each mail: a lost one would cost the next mail
                decided = (_decide_next(Channel.EMAIL, clock(), result) for _ in turns)
                claimed = next((one for one in decided if one is None or isinstance(one, ClaimedMessage)), None)
                if not isinstance(claimed, ClaimedMessage):
                    return result
                _send(claimed, connection, clock, result)
        except MailServerDown as fault:
            result.outage = str(fault)
            return result
    return result


class ClaimedMessage(NamedTuple):
    """A message that is marked as being sent, and its mail."""

    delivery: Delivery
    kind: MessageKind
    mail: EmailMultiAlternatives


def _decide_next(channel: str, now: datetime, result: SendingResult) -> ClaimedMessage | DeliveryState | None:
    """The next mail that is due, claimed, or what became of a message; None when no other one is due. What is live is
    read each time: what was paused a moment ago is not sent."""
    with transaction.atomic():
        live = read_live_messages(now)
        delivery = Delivery.objects.lock_next(live, channel, now)
        if delivery is None:
            return None
        kind = registered_kinds()[delivery.kind]
        decision = decide_delivery(delivery, kind, live[delivery.kind], now)
        if decision.arm and (decision.message is None or decision.message.campaign_id is None):
            MessageOutcome.objects.record(kind.name, delivery.user_id, decision.arm, decision.hold_back, now)
        delivery.note_choice(decision.chosen.shop_first, decision.chosen.hour_rule, decision.chosen.later)
        made = _text_of(delivery, kind, decision, now)
        if made is not None and _claim(delivery, kind, now):
            return _take(delivery, kind, made, _sending_columns(delivery, decision, now), result)
        why = decision.why or (Why.NOT_RENDERED if made is None else Why.NO_PERMISSION)
        later = now + RENDER_RETRY if why == Why.NOT_RENDERED else decision.later
        if later is not None:
            delivery.mark(DeliveryState.DUE, why, due_at=later, decided_at=now)
            result.waiting[why] += 1
        else:
            version = decision.message.version_id if decision.message else None
            delivery.mark(DeliveryState.SKIPPED, why, arm=decision.arm or "", decided_at=now, version_id=version)
            result.skipped[why] += 1
            if Delivery.objects.by_other_channels(delivery).sent_or_lost().exists():
                _claim(delivery, kind, now)
        return DeliveryState(delivery.state)


def _claim(delivery: Delivery, kind: MessageKind, now: datetime) -> bool:
    """Lets its kind close what it comes from; not before the last channel by which its reader may be told."""
    is_last = not Delivery.objects.by_other_channels(delivery).filter(state=DeliveryState.DUE).exists()
    return kind.claim(delivery, now) if is_last else True


def _take(
    delivery: Delivery, kind: MessageKind, made: MessageText, columns: dict[str, Any], result: SendingResult
) -> ClaimedMessage | DeliveryState:
    """A mail is marked as being sent. A notification is there, with this transaction."""
    if isinstance(made, EmailMultiAlternatives):
        columns |= {"lease_until": columns["decided_at"] + LEASE, "attempts": delivery.attempts + 1}
        delivery.mark(DeliveryState.SENDING, **columns)
        return ClaimedMessage(delivery, kind, made)
    try:
        with transaction.atomic():
            key = notifications.notify(delivery.user_id, made.title, made.body)
    except Exception:  # the shop's own model may ask for more
        logger.exception("A notification of kind %s could not be stored", kind.name)
        kind.release(delivery)
        now = columns["decided_at"]
        delivery.mark(DeliveryState.DUE, Why.NOT_RENDERED, due_at=now + RENDER_RETRY, decided_at=now)
        result.waiting[Why.NOT_RENDERED] += 1
        return DeliveryState.DUE
    delivery.mark(DeliveryState.SENT, notification_id=key, recheck_at=columns["decided_at"] + RECHECK_EVERY, **columns)
    result.sent += 1
    return DeliveryState.SENT


def _own_wording(message: PublishedMessage, occasion: Occasion, language: str, now: datetime) -> Wording:
    """The shop's words in the reader's language, with the reader's own voucher code, which is made where there is
    none yet; without one, without the sentences that name it."""
    chosen = mail_language(language)
    wording = message.wording(chosen)
    if not wording.names_code:
        return wording
    own = None
    if message.campaign_id is not None and occasion.user is not None:
        own = give_code(message.campaign_id, occasion.user.pk, now)
    with translation.override(chosen):
        return wording.with_code(own)


def _text_of(delivery: Delivery, kind: MessageKind, decision: Decision, now: datetime) -> MessageText | None:
    """The mail or notification; None where it is not to be sent, or cannot be made, which the log says."""
    if decision.occasion is None or decision.message is None:
        return None
    try:
        with transaction.atomic():  # a query that fails must not take the decision with it
            wording = _own_wording(decision.message, decision.occasion, decision.language, now)
            if delivery.channel == Channel.SHOP:
                return make_notice(kind, decision.occasion, decision.language, wording)
            return make_mail(delivery, kind, decision.occasion, decision.language, wording)
    except Exception:
        logger.exception("A message of kind %s could not be made", kind.name)
        return None


def _sending_columns(delivery: Delivery, decision: Decision, now: datetime) -> dict[str, Any]:
    occasion, message = decision.occasion, decision.message
    assert occasion is not None and message is not None
    return {
        "version_id": message.version_id,
        "arm": decision.arm,
        "address_hash": hash_address(occasion.address),
        "decided_at": now,
        "sent_at": now,
    }


def _send(claimed: ClaimedMessage, connection: Any, clock: Clock, result: SendingResult) -> None:
    delivery, kind, mail = claimed
    try:
        hand_over(mail, connection)
    except MailBusy:
        _try_later(delivery, kind, clock(), result)
    except MailRefused:
        _fail(delivery, Why.REFUSED, result, sent_at=None)
    except Exception as fault:
        logger.warning("Nobody knows whether a message of kind %s was sent: %s", kind.name, type(fault).__name__)
        _fail(delivery, Why.UNKNOWN, result)
    else:
        delivery.mark(DeliveryState.SENT, sent_at=clock(), lease_until=None)
        result.sent += 1


def _try_later(delivery: Delivery, kind: MessageKind, now: datetime, result: SendingResult) -> None:
    if delivery.attempts >= MAX_ATTEMPTS:
        _fail(delivery, Why.BUSY, result, sent_at=None)
        return
    due_at = now + FIRST_RETRY * 2 ** (delivery.attempts - 1)
    with transaction.atomic():
        kind.release(delivery)
        delivery.mark(DeliveryState.DUE, Why.BUSY, due_at=due_at, sent_at=None, lease_until=None)
    result.waiting[Why.BUSY] += 1


def _fail(delivery: Delivery, why: Why, result: SendingResult, **columns: Any) -> None:
    delivery.mark(DeliveryState.FAILED, why, lease_until=None, **columns)
    result.failed[why] += 1
