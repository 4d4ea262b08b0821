"""The channel "in the shop": a notification in the customer's account, and taking it back while it is unread.

It is written in the transaction that decides: who is killed leaves either both or neither.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.html import escape
from django.utils.translation import pgettext

from personalization.lifecycle.decisions import obstacle, said_last
from personalization.lifecycle.kinds import MessageKind, Occasion, registered_kinds
from personalization.lifecycle.mail import BLANK_LINES, OWN_WORDS, mail_language, message_values
from personalization.lifecycle.wording import Wording
from personalization.models import Delivery
from personalization.models.deliveries import DeliveryState, Why
from personalization.models.message_permissions import Purpose
from personalization.shop import notifications

logger = logging.getLogger("personalization")

LONGEST_UNREAD = timedelta(days=30)
"""After so long unread it is taken back."""
RECHECK_EVERY = timedelta(minutes=5)
RECHECKS_PER_RUN = 200
"""So many unread notifications are asked by one run whether they are still true; those that wait longest first."""


@dataclass(frozen=True)
class InShopNotice:
    """A notification, as HTML: Oscar shows both as they are."""

    title: str
    body: str


def make_notice(kind: MessageKind, occasion: Occasion, language: str, wording: Wording = OWN_WORDS) -> InShopNotice:
    """The notification in a language of the shop, made of the plain text of the mail: all of it is escaped, and each of
    its addresses is the link of the line that it stands below. Raises what a template raises."""
    with translation.override(mail_language(language)):
        values, words = message_values(kind, occasion, reverse("personalization:privacy"), wording)
        values["in_shop"] = True
        own_title, text = (
            render_to_string(f"personalization/messages/{kind.name}{ending}", values)
            for ending in ("_subject.txt", ".txt")
        )
        title = " ".join((words.subject or str(own_title)).split())
        return InShopNotice(fitting(title, notifications.MAX_TITLE), _to_html(text, str(values["base_url"])))


def fitting(text: str, most: int) -> str:
    """A text, escaped, of at most so many characters; what is cut off is no half of a sign."""
    while len(escape(text)) > most:
        text = text[:-2].rstrip() + "…"
    return escape(text)


def _to_html(text: str, base_url: str) -> str:
    paragraphs = BLANK_LINES.sub("\n\n", text).strip().split("\n\n")
    return "".join(f"<p>{'<br>'.join(_linked_lines(one, base_url))}</p>" for one in paragraphs if one.strip())


def _linked_lines(paragraph: str, base_url: str) -> Iterator[str]:
    """The lines of a paragraph, escaped. An address of the shop links the first line since the one before."""
    waiting: list[str] = []
    for line in filter(None, (line.strip() for line in paragraph.split("\n"))):
        if re.fullmatch(rf"{re.escape(base_url)}/\S*", line):
            words = waiting[0] if waiting else pgettext("personalization", "See it in the shop")
            yield f'<a href="{escape(line[len(base_url) :])}">{escape(words)}</a>'
            yield from map(escape, waiting[1:])
            waiting = []
        else:
            waiting.append(line)
    yield from map(escape, waiting)


def recheck_unread(now: datetime) -> Counter[str]:
    """Takes back what nobody has read and is not true any more, or not wanted: {why: how many}."""
    rows = Delivery.objects.to_recheck(now, RECHECKS_PER_RUN)
    unread = notifications.unread_notifications([row.notification_id for row in rows]) if rows else set()
    Delivery.objects.stop_rechecks(row.pk for row in rows if row.notification_id not in unread)
    waiting = (row for row in rows if row.notification_id in unread)
    return Counter(filter(None, (_recheck(row, now) for row in waiting)))


def _recheck(row: Delivery, now: datetime) -> Why | None:
    """Why one was taken back; None where it stays."""
    with transaction.atomic():
        delivery = Delivery.objects.lock_sent(row.pk)
        kind = registered_kinds().get(row.kind)
        if delivery is None or kind is None:
            return None
        why = _reason_to_take_back(delivery, kind, now)
        if why is None:
            Delivery.objects.filter(pk=delivery.pk).update(recheck_at=now + RECHECK_EVERY)
            return None
        was_unread = notifications.take_back(delivery.notification_id)
        if not was_unread:
            Delivery.objects.stop_rechecks([delivery.pk])
            return None
        blank: dict[str, Any] = {"sent_at": None, "notification_id": None, "recheck_at": None}
        delivery.mark(DeliveryState.SKIPPED, why, decided_at=now, **blank)
        if not Delivery.objects.by_other_channels(delivery).sent_or_lost().exists():
            kind.release(delivery)
        return why


def _reason_to_take_back(delivery: Delivery, kind: MessageKind, now: datetime) -> Why | None:
    try:
        with transaction.atomic():
            occasion = kind.read_occasion(delivery)
            if occasion is None or not occasion.address:
                return Why.NO_ADDRESS
            if now > delivery.created_at + LONGEST_UNREAD:
                return Why.TOO_OLD
            if kind.purpose == Purpose.ASKED_FOR:  # what they asked for ended as they were told
                occasion = replace(occasion, asked_at=occasion.asked_at or delivery.created_at)
            return obstacle(delivery, kind, occasion, said_last(delivery, kind, occasion), now)
    except Exception:
        logger.exception("It cannot be asked whether a notification of kind %s is still true", kind.name)
        return None
