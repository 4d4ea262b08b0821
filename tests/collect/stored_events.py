"""Events stored directly, before noon of 20 November 2026."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from personalization.models import Event, Visitor

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def store_dated_event(visitor: Visitor, name: str, days_ago: float = 0, **fields: Any) -> Event:
    """Stores an event of this visitor that happened so many days before NOW."""
    at = NOW - timedelta(days=days_ago)
    fields = {"received_at": at, **fields}
    return Event.objects.create(event_id=uuid4(), visitor=visitor, type=name, occurred_at=at, **fields)
