"""A kind of message that nobody asked for, as a shop adds one."""

from django.contrib.auth.models import User

from personalization.lifecycle.kinds import DueMessage, MessageKind, Occasion
from personalization.models.message_permissions import Purpose


class Greeting(MessageKind):
    """Greets every customer, once for each topic."""

    name, purpose, hold_back = "greeting", Purpose.OFFERS, 0.0
    topics = ("spring",)

    def find_due(self, now):
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
