"""When visitors were in the shop, by what they did there; robots left out."""

from datetime import datetime
from typing import Any

from personalization.models.events import Event
from personalization.models.visitors import Consent

MOST_OWN_EVENTS = 1_000
MOST_SHOP_EVENTS = 5_000


def own_event_times(user_id: Any, since: datetime, until: datetime) -> list[datetime]:
    """When a customer who consents did something between two moments, the oldest first; the latest 1,000. One query
    over the index of a visitor's events."""
    rows = Event.objects.filter(visitor__user=user_id, visitor__consent=Consent.GRANTED, is_suspected_bot=False)
    rows = rows.filter(occurred_at__gte=since, occurred_at__lte=until).order_by("-occurred_at")
    return sorted(rows.values_list("occurred_at", flat=True)[:MOST_OWN_EVENTS])


def latest_event_times() -> list[tuple[Any, datetime]]:
    """(visitor, when) of the latest 5,000 events of the whole shop. One query over the primary key."""
    rows = Event.objects.filter(is_suspected_bot=False).order_by("-pk")
    return list(rows.values_list("visitor_id", "occurred_at")[:MOST_SHOP_EVENTS])
