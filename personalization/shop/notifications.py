"""Oscar's notifications in a customer's account, as far as they are ours. All SQL over them is here."""

from collections.abc import Collection
from typing import Any

from oscar.core.loading import get_model

from personalization.models import Delivery

Notification = get_model("communication", "Notification")
MAX_TITLE = 255
"""As many characters fit into its subject."""


def notify(user_id: Any, title: str, body: str) -> int:
    """Puts a notification into a customer's inbox; its key. Parameters: `title` and `body`, HTML, which Oscar shows as
    it is."""
    return int(Notification.objects.create(recipient_id=user_id, subject=title, body=body).pk)


def unread_notifications(keys: Collection[int | None]) -> set[int]:
    """Those of these that were neither read, nor put away or deleted. One query."""
    rows = Notification.objects.filter(pk__in=keys, date_read=None, location=Notification.INBOX)
    return set(rows.values_list("pk", flat=True))


def count_unread(user_id: Any) -> int:
    """How many of ours a customer has not read yet."""
    ours = Delivery.objects.in_shop_of(user_id).values("notification_id")
    rows = Notification.objects.filter(recipient=user_id, date_read=None, location=Notification.INBOX, pk__in=ours)
    return int(rows.count())


def take_back(key: int | None) -> bool:
    """Deletes a notification that was not read yet. Whether it was there."""
    return bool(Notification.objects.filter(pk=key, date_read=None).delete()[0])


def delete_notifications(deliveries: Any) -> None:
    """Deletes those that these deliveries became, read or not."""
    made = deliveries.filter(notification_id__isnull=False).order_by()
    Notification.objects.filter(pk__in=made.values("notification_id")).delete()
