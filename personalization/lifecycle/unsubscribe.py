"""The link with which a reader ends messages, by one click of their mail program (RFC 8058) or on a page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core import signing
from django.db import transaction

from personalization.lifecycle.kinds import MessageKind, Occasion
from personalization.models import ChannelConsent, Suppression
from personalization.models.message_permissions import (
    ALL_PURPOSES,
    Channel,
    PermissionState,
    Purpose,
    SuppressionReason,
)
from personalization.privacy.message_addresses import hash_address, mask_address

SALT = "personalization.unsubscribe"
SOURCE = "unsubscribe link"
TEST_TOKEN = "test"
"""Stands in the link of a mail that staff sent to themselves: it ends nothing."""


@dataclass(frozen=True)
class UnsubscribeLink:
    """What a link says: whose it is, and which messages it ends."""

    address_hash: str
    purpose: str
    masked_address: str


def unsubscribe_token(kind: MessageKind, occasion: Occasion) -> str:
    """The token of a link in a message. It never expires, and holds no address.

    Not compressed: such a token begins with a dot, and many servers refuse a path with one.
    """
    address = occasion.address
    return signing.dumps([hash_address(address), str(kind.purpose), mask_address(address)], salt=SALT)


def read_token(token: str) -> UnsubscribeLink | None:
    """What a link says; None for one that we did not make."""
    try:
        content: Any = signing.loads(token, salt=SALT)
    except signing.BadSignature:
        return None
    return UnsubscribeLink(*content)


@transaction.atomic
def end_messages(link: UnsubscribeLink, now: datetime, *, everything: bool = False) -> None:
    """Nobody writes to this address any more for the purpose of the link, or for any but orders and passwords. May be
    repeated. Who asks for something anew later, or allows it, is heard."""
    purpose = ALL_PURPOSES if everything else link.purpose
    Suppression.objects.suppress(link.address_hash, SuppressionReason.UNSUBSCRIBED, now, purpose=purpose)
    for one in Purpose.values if everything else [link.purpose]:
        newest = ChannelConsent.objects.newest(link.address_hash, None, one, Channel.EMAIL)
        if newest is not None and newest.state != PermissionState.WITHDRAWN:
            ChannelConsent.objects.create(
                user_id=newest.user_id,
                address_hash=link.address_hash,
                purpose=one,
                state=PermissionState.WITHDRAWN,
                source=SOURCE,
                recorded_at=now,
            )
