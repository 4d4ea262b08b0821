"""What customers allow: asked whenever a message is decided, and switched by themselves on the page of their data."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import get_language

from personalization import conf
from personalization.lifecycle.kinds import registered_kinds
from personalization.lifecycle.live_messages import live_channels, read_live_messages
from personalization.models import ChannelConsent, Suppression
from personalization.models.message_permissions import Channel, PermissionState, Purpose
from personalization.privacy.message_addresses import account_address, hash_address

PRIVACY_PAGE = "privacy page"
"""Where it was said, in `ChannelConsent`."""
SWITCHED_PURPOSES = (Purpose.REMINDERS, Purpose.OFFERS)
"""What needs more than that a customer asked for it."""


def allows(said: ChannelConsent) -> bool:
    """Whether what somebody said last is a yes, or counts as one in their country."""
    if said.state == PermissionState.SOFT:
        return said.country in (conf.get_settings().MESSAGE_SOFT_COUNTRIES or ())
    return bool(said.state == PermissionState.GRANTED)


@dataclass(frozen=True)
class PermissionSwitch:
    """Whether a customer gets the messages of a purpose."""

    purpose: str
    is_on: bool
    since: datetime | None
    """When they said so; None where they said nothing."""
    is_closed: bool
    """Whether the address is not written to whatever they say: mails came back, or somebody complained of them."""


def permission_switches(user: Any, now: datetime) -> list[PermissionSwitch]:
    """One for each purpose of which a message is live; none for who has no address."""
    address = account_address(user)
    kinds, found = registered_kinds(), read_live_messages(now) if address else {}
    live = {kinds[name].purpose for name, messages in found.items() if Channel.EMAIL in live_channels(messages)}
    return [_read_switch(user, hash_address(address), purpose, now) for purpose in SWITCHED_PURPOSES if purpose in live]


def _read_switch(user: Any, address_hash: str, purpose: str, now: datetime) -> PermissionSwitch:
    said = ChannelConsent.objects.newest(address_hash, user.pk, purpose, Channel.EMAIL)
    since = said.recorded_at if said else None
    is_on = said is not None and allows(said) and not _is_suppressed(address_hash, purpose, since)
    return PermissionSwitch(purpose, is_on, since, _is_suppressed(address_hash, purpose, now))


def _is_suppressed(address_hash: str, purpose: str, said_at: datetime | None) -> bool:
    return Suppression.objects.holds(address_hash, purpose, Channel.EMAIL, said_at)


def notification_switch(user: Any, now: datetime) -> PermissionSwitch | None:
    """Whether a customer gets notifications in their account, of all purposes: on until they say no, or ended all
    messages. None where no message that is live goes that way."""
    address = account_address(user)
    is_live = any(Channel.SHOP in live_channels(messages) for messages in read_live_messages(now).values())
    if not address or not is_live:
        return None
    address_hash, purpose = hash_address(address), Purpose.REMINDERS  # they are switched together
    said = ChannelConsent.objects.newest(address_hash, user.pk, purpose, Channel.SHOP)
    since = said.recorded_at if said else None
    is_off = said is not None and said.state == PermissionState.WITHDRAWN
    is_on = not is_off and not Suppression.objects.holds(address_hash, purpose, Channel.SHOP, since)
    return PermissionSwitch("", is_on, since, Suppression.objects.holds(address_hash, purpose, Channel.SHOP, now))


def switch_notifications(user: Any, now: datetime, *, allowed: bool) -> None:
    """Stores what a customer says about notifications in their account, of every purpose."""
    for purpose in Purpose:
        switch_permission(user, purpose, now, allowed=allowed, channel=Channel.SHOP)


def switch_permission(
    user: Any,
    purpose: str,
    now: datetime,
    *,
    allowed: bool,
    source: str = PRIVACY_PAGE,
    channel: str = Channel.EMAIL,
) -> None:
    """Stores what a customer says about messages of a purpose, in the language of the page that is being answered, and
    on which page (`source`, at most 64 characters)."""
    ChannelConsent.objects.create(
        channel=channel,
        user=user,
        address_hash=hash_address(account_address(user)),
        purpose=purpose,
        state=PermissionState.GRANTED if allowed else PermissionState.WITHDRAWN,
        source=source,
        version=conf.get_settings().CONSENT_VERSION,
        language=get_language() or "",
        recorded_at=now,
    )
