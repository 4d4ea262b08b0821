"""What visitors clicked on in rows and lists, and what they saw of them: what credit is given for."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from personalization.models.voices import VoiceQuerySet


class ShownEvent(NamedTuple):
    """A click in a row or list, or what was seen of one, as credit is given for it."""

    visitor_id: uuid.UUID
    type: str
    occurred_at: datetime
    surface: str
    row_key: str
    product_id: int | None
    items: Sequence[Sequence[Any]]
    reason: str | None
    campaign: str | None
    arm: str | None
    device: str
    slate_id: uuid.UUID | None = None


class ShownEventQuerySet(VoiceQuerySet):
    """The questions about what rows and lists showed."""

    def shown_to(
        self, visitor_ids: Iterable[uuid.UUID], event_type: str, since: datetime, until: datetime
    ) -> Iterator[ShownEvent]:
        """What these visitors clicked on in rows and lists, or saw of them, between two moments; streamed."""
        rows = self._shown(visitor_ids, event_type, since, until)
        found = rows.order_by().values_list(*ShownEvent._fields)
        return (ShownEvent(*row) for row in found.iterator(chunk_size=2_000))

    def latest_shown(
        self, visitor_ids: Iterable[uuid.UUID], event_type: str, since: datetime, until: datetime, most: int
    ) -> list[ShownEvent]:
        """As `shown_to`, the latest first, at most so many."""
        rows = self._shown(visitor_ids, event_type, since, until).order_by("-occurred_at", "-event_id")
        return [ShownEvent(*row) for row in rows.values_list(*ShownEvent._fields)[:most]]

    def _shown(
        self, visitor_ids: Iterable[uuid.UUID], event_type: str, since: datetime, until: datetime
    ) -> "ShownEventQuerySet":
        return self.filter(
            visitor_id__in=list(visitor_ids),
            type=event_type,
            occurred_at__gte=since,
            occurred_at__lt=until,
            slate_id__isnull=False,
            item_kind="product",
            is_suspected_bot=False,
        )

    def done_by(
        self, visitor_ids: Iterable[uuid.UUID], event_types: Iterable[str], since: datetime, until: datetime, most: int
    ) -> list[tuple[uuid.UUID, str, int | None, str, datetime]]:
        """(visitor's id, type, product, query, moment) of what these visitors did between two moments, the newest
        first, at most so many."""
        rows = self.filter(
            visitor_id__in=list(visitor_ids),
            type__in=list(event_types),
            occurred_at__gte=since,
            occurred_at__lt=until,
            is_suspected_bot=False,
        )
        columns = ("visitor_id", "type", "product_id", "query", "occurred_at")
        return list(rows.order_by("-occurred_at", "-event_id").values_list(*columns)[:most])
