"""Asking for permission where customers are anyway: when they register, and after an order."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.utils.translation import gettext

from personalization import conf
from personalization.lifecycle.kinds import registered_kinds
from personalization.lifecycle.live_messages import live_channels, read_live_messages
from personalization.lifecycle.permissions import SWITCHED_PURPOSES, switch_permission
from personalization.models import ChannelConsent
from personalization.models.message_permissions import Channel, Purpose
from personalization.privacy.message_addresses import account_address, hash_address
from personalization.shop import customers

REGISTRATION, ORDER_PAGE = "registration", "order confirmation"
"""Where it was said, in `ChannelConsent`."""


def asked_purposes(now: datetime) -> list[str]:
    """For which purposes a shop asks: those of which a message that goes by mail is live. One query, none where it does
    not ask at all."""
    if not conf.get_settings().ASK_TO_ALLOW_MESSAGES or conf.missing_message_settings():
        return []
    kinds, found = registered_kinds(), read_live_messages(now)
    live = {kinds[name].purpose for name, messages in found.items() if Channel.EMAIL in live_channels(messages)}
    return [purpose.value for purpose in SWITCHED_PURPOSES if purpose in live]


def question_words(purpose: str) -> str:
    """What stands beside the box."""
    if purpose == Purpose.REMINDERS:
        return gettext("Mail me reminders: of what I left or looked at in the shop, or may need again.")
    return gettext("Mail me offers: products and prices that may interest me.")


def open_questions(user: Any, now: datetime) -> list[str]:
    """Those of them that a customer has never answered, one way or the other; none for children and who has no
    address."""
    address = account_address(user)
    if not address or customers.is_child(user):
        return []
    address_hash = hash_address(address) if (purposes := asked_purposes(now)) else ""
    return [
        purpose
        for purpose in purposes
        if ChannelConsent.objects.newest(address_hash, user.pk, purpose, Channel.EMAIL) is None
    ]


def allow_ticked(user: Any, purposes: Collection[str], source: str, now: datetime) -> int:
    """Stores a yes for each purpose that was ticked and is asked for; how many. What was not ticked is no answer."""
    asked = [purpose for purpose in asked_purposes(now) if purpose in purposes]
    for purpose in asked:
        switch_permission(user, purpose, now, allowed=True, source=source)
    return len(asked)
