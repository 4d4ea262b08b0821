"""Feedback: what visitors do not want to see (a product, a category, a row)."""

import uuid
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.core import signing
from django.db import transaction

from personalization.collect.day_limit import within_day_limit
from personalization.models import Event, Visitor
from personalization.models.events import EventType

SALT = "personalization.feedback"
NEGATIVE, UNDO = -1, 0


@lru_cache(20_000)
def sign_feedback(kind: str, key: int | str) -> str:
    """What the button of a row or a card posts: only what stood on a page of ours can be sent away."""
    return signing.Signer(salt=SALT).sign_object([kind, key])


def verify_feedback(text: str) -> tuple[str, Any] | None:
    """(kind, key) of a `Preference`; None when we did not sign that."""
    try:
        kind, key = signing.Signer(salt=SALT).unsign_object(text)
    except signing.BadSignature:
        return None
    return kind, key


@transaction.atomic
def record_feedback(visitor: Visitor, kind: str, key: int | str, sign: int, now: datetime) -> None:
    """Stores that the visitor wants less of it, or takes that back; what they think of a product is an event, too, as
    long as they are within the limit of a day."""
    visitor.set_preference(kind, key, sign, now.timestamp())
    if kind == "product" and within_day_limit(visitor, 1, now):
        event = Event(event_id=uuid.uuid4(), visitor=visitor, type=EventType.FEEDBACK, product_id=key, value=sign)
        event.occurred_at = event.received_at = now
        Event.objects.add([event])
