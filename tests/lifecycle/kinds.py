"""A kind of message that nobody asked for, as a shop adds one."""

from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from personalization.lifecycle.kinds import DueMessage, MessageKind, Occasion
from personalization.models import ChannelConsent
from personalization.models.message_permissions import Purpose
from personalization.privacy.message_addresses import hash_address


class Greeting(MessageKind):
    """Greets every customer, once for each topic."""

    name, purpose, hold_back = "greeting", Purpose.OFFERS, 0.0
    topics = ("spring",)

    def find_due(self, now, channels=("email",)):
        for user in User.objects.order_by("pk"):
            for topic in self.topics:
                yield DueMessage(f"greeting:{user.pk}:{topic}", user.email, now, user_id=user.pk, source_id=user.pk)

    def read_occasion(self, delivery):
        user = User.objects.filter(pk=delivery.user_id).first()
        return user and Occasion(user.email, user)

    def reason_to_skip(self, occasion, now):
        return None

    def text_values(self, occasion):
        return {"name": occasion.user.username}


greeting = Greeting()


def allow(user, state="granted", at=None, purpose="offers", **columns):
    """Stores what a customer said about messages."""
    columns = {"address_hash": hash_address(user.email), "source": "test", **columns}
    at = at or timezone.now() - timedelta(days=1)
    return ChannelConsent.objects.create(user=user, state=state, purpose=purpose, recorded_at=at, **columns)
