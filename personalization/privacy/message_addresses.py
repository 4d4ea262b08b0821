"""Addresses as the app's tables know them: a keyed hash, from which nobody gets back to the address.

The key is the shop's own (`MESSAGE_ADDRESS_KEY`), not `SECRET_KEY`: with a new one, everybody who said no would be
written to again.
"""

import hmac
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.utils.translation import get_language

from personalization import conf
from personalization.models import ChannelConsent, Delivery, MessageOutcome, ReminderAnswer, Suppression
from personalization.models.message_permissions import PermissionState, Purpose, SuppressionReason
from personalization.shop import notifications


def hash_address(address: str) -> str:
    """The keyed hash of a mail address, however it is spelt in upper and lower case."""
    key = conf.get_settings().MESSAGE_ADDRESS_KEY.encode()
    return hmac.digest(key, address.strip().lower().encode(), "sha256").hex()


def mask_address(address: str) -> str:
    """An address as its owner recognises it, and nobody else learns it: a•••@example.com."""
    name, _, host = address.strip().rpartition("@")
    return f"{name[:1]}•••@{host}"


def account_address(user: Any) -> str:
    """The mail address of an account; "" without one."""
    return str(getattr(user, user.get_email_field_name(), "") or "").strip()


def record_request(user_id: Any, address: str, now: datetime) -> None:
    """Stores that a customer or guest asked for a message on the page that is being answered, and its language."""
    if address:
        ChannelConsent.objects.create(
            user_id=user_id,
            address_hash=hash_address(address),
            purpose=Purpose.ASKED_FOR,
            state=PermissionState.GRANTED,
            source="product alert",
            language=get_language() or "",
            recorded_at=now,
        )


def stored_messages(user_id: Any) -> int:
    """How many messages to a customer, and requests for one, are stored. No query in a shop that can send none."""
    if conf.missing_message_settings():
        return 0
    return Delivery.objects.filter(user_id=user_id).count() + ChannelConsent.objects.filter(user_id=user_id).count()


def stored_suppressions(user_id: Any) -> list[dict[str, Any]]:
    """Why and since when the address of an account is not written to, the oldest first, each with its purpose or "all".
    No query in a shop that can send no messages."""
    user = None if conf.missing_message_settings() else get_user_model()._default_manager.filter(pk=user_id).first()
    address = account_address(user) if user is not None else ""
    rows = Suppression.objects.filter(address_hash=hash_address(address)).order_by("at", "pk") if address else ()
    return [
        {"channel": row.channel, "purpose": row.purpose or "all", "reason": row.reason, "at": row.at} for row in rows
    ]


def erase_messages(user_id: Any, now: datetime) -> None:
    """Deletes what is stored of messages to a customer, and sees to it that they get none about what they asked for
    before. A shop that cannot send any has nothing of the kind, and stores nothing."""
    user = get_user_model()._default_manager.filter(pk=user_id).first()
    address = account_address(user) if user is not None else ""
    address_hash = hash_address(address) if address else ""
    notifications.delete_notifications(Delivery.objects.in_shop_of(user_id))
    Delivery.objects.delete_of_customer(user_id, address_hash)
    ChannelConsent.objects.delete_of_customer(user_id, address_hash)
    MessageOutcome.objects.forget_customer(user_id)
    ReminderAnswer.objects.filter(user_id=user_id).delete()
    if address_hash and not conf.missing_message_settings():
        Suppression.objects.suppress(address_hash, SuppressionReason.ERASED, now)
