"""The link in a reminder that leads to "later" and "never" for one product, and what is answered there."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core import signing
from django.core.exceptions import ValidationError
from django.urls import reverse

from personalization.models import ReminderAnswer

SALT = "personalization.reminder"
LATER = timedelta(days=14)


@dataclass(frozen=True)
class ReminderLink:
    """Whose link it is, and about which product."""

    user_id: Any
    product_id: int


def reminder_path(user: Any, product_id: int) -> str:
    """Where the link leads; "" for nobody known. Its token is the permission, and never expires."""
    if user is None:
        return ""
    token = signing.dumps([str(user.pk), product_id], salt=SALT)
    return reverse("personalization:reminder", args=[token])


def read_reminder_token(token: str) -> ReminderLink | None:
    """What a link says; None for one that we did not make, or whose account is gone."""
    try:
        key, product_id = signing.loads(token, salt=SALT)
        user = get_user_model()._default_manager.filter(pk=key).only("pk").first()
    except (signing.BadSignature, ValidationError, ValueError):
        return None
    return None if user is None else ReminderLink(user.pk, product_id)


def answer_reminder(link: ReminderLink, *, never: bool, now: datetime) -> None:
    """Stores the answer. May be repeated."""
    ReminderAnswer.objects.answer(link.user_id, link.product_id, None if never else now + LATER, now)
