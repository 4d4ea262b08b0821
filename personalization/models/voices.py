"""Voices: lets training hear a network once, though one person can be a hundred browsers.

An event that says what somebody looks for holds, for a day, a keyed hash of its network, the day, and what it says. So
two visitors of one network who say the same on the same day are seen to, and nothing else is: the hash tells neither
the network nor what else was done from there. Before it is deleted, what was said again is marked as an echo.
`train/voices.py` has the rule by which voices count.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, F, Max, Min

from personalization.models.lost_connections import streamed_reads
from personalization.models.uncounted_days import CountedQuerySet
from personalization.rank.search_queries import normalize_query

NETWORK_RETENTION = timedelta(days=1)
"""So long a hash is kept. It covers the day on which two events can have the same one."""
MIN_STAY = timedelta(minutes=1)
"""A stranger who was here for less time is not learned from."""
ROWS_AT_ONCE = 5_000
"""The number of events that are changed in one transaction."""


def voice_key(network: str, received_at: datetime, product_id: int | None, query: str) -> int | None:
    """64 bits that are equal for the same network, day (of UTC) and product or query; None for an event without one.

    Whoever does not have the shop's SECRET_KEY cannot tell networks from them by trying all, and nobody can once they
    are deleted.
    """
    if not network or not (query or product_id):
        return None
    said = f"search {normalize_query(query)}" if query else f"product {product_id}"
    day = received_at.astimezone(UTC).date()
    secret = hashlib.blake2b(f"voices of {day}".encode(), key=settings.SECRET_KEY.encode()[:64]).digest()
    digest = hashlib.blake2b(f"{network} {said}".encode(), key=secret, digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


class VoiceQuerySet(CountedQuerySet):
    """The questions about the voices of events."""

    def settle_voices(self, now: datetime) -> None:
        """Marks what another visitor of the same network had said before on that day, then forgets networks after a
        day. May be killed, repeated, and run twice at once."""
        self._change(self._echoes(), is_echo=True)
        old = self.filter(voice__isnull=False, received_at__lt=now - NETWORK_RETENTION).order_by("pk")
        self._change(old.values_list("pk", flat=True), voice=None)

    def lasting_visitors(self) -> Iterable[tuple[UUID, Any]]:
        """(visitor's id, customer's key or None) of each who was here for MIN_STAY or longer, streamed; by the shop's
        clock, as the times of events are what their sender says."""
        stays = self.order_by().values("visitor").annotate(came=Min("received_at"), left=Max("received_at"))
        lasting = stays.filter(left__gte=F("came") + MIN_STAY)
        return lasting.values_list("visitor_id", "visitor__user_id").iterator(chunk_size=20_000)

    def _echoes(self) -> list[int]:
        """The events that say what an earlier event of another visitor of their network said."""
        heard = self.filter(voice__isnull=False, is_suspected_bot=False)
        visitors = heard.order_by().values("voice").annotate(visitors=Count("visitor", distinct=True))
        repeated = heard.filter(voice__in=visitors.filter(visitors__gt=1).values("voice"))
        first: dict[int, UUID] = {}
        rows = repeated.order_by("pk").values_list("pk", "voice", "visitor_id", "is_echo")
        with streamed_reads():
            streamed = rows.iterator(chunk_size=20_000)
            return [pk for pk, voice, who, is_echo in streamed if first.setdefault(voice, who) != who and not is_echo]

    def _change(self, keys: Iterable[int], **values: Any) -> None:
        remaining = list(keys)
        for start in range(0, len(remaining), ROWS_AT_ONCE):
            self.model.objects.filter(pk__in=remaining[start : start + ROWS_AT_ONCE]).update(**values)
