"""What kinds of messages to customers with an account have in common: nobody asked for one, and each may forbid it."""

from typing import Any

from django.contrib.auth import get_user_model

from personalization.lifecycle.kinds import MessageKind, Occasion
from personalization.models import Delivery
from personalization.models.message_permissions import Purpose

MOST_AT_ONCE = 1_000
"""Of one kind so many messages are found by one sweep; the next one finds the others."""


class CustomerKind(MessageKind):
    """A message to a customer with an account. The details of its occasion are what it is about."""

    purpose = Purpose.REMINDERS

    def read_occasion(self, delivery: Delivery) -> Occasion | None:
        """The account as it is now, and what the message is about."""
        user = get_user_model()._default_manager.filter(pk=delivery.user_id).first()
        return None if user is None else Occasion(address_of(user), user, details=self.read_details(delivery, user))

    def read_details(self, delivery: Delivery, user: Any) -> Any:
        """What the message is about, as of now."""
        raise NotImplementedError


def address_of(user: Any) -> str:
    """The e-mail address of an account; "" where it has none."""
    return getattr(user, user.get_email_field_name(), "") or ""
