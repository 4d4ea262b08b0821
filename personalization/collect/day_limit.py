"""How much is stored of one visitor in a day."""

from datetime import UTC, datetime, timedelta

from personalization import conf, rate_limits
from personalization.collect.ingestion import MAX_AGE_DAYS
from personalization.models import Event, Visitor


def within_day_limit(visitor: Visitor, events: int, now: datetime) -> bool:
    """Counts events that are about to be stored; False when there would be more than the setting
    `MAX_VISITOR_EVENTS_PER_DAY` allows today.

    A cache that was emptied does not start the day anew: where it knows of nothing, the table is asked.
    """
    most = conf.get_settings().MAX_VISITOR_EVENTS_PER_DAY
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

    def count_stored() -> int:
        return Event.objects.count_received(visitor.pk, day, dated_since=day - timedelta(days=MAX_AGE_DAYS), most=most)

    return rate_limits.count_day_events(visitor.pk.hex, events, now.timestamp(), count_stored) <= most


def take_back_day_events(visitor: Visitor, events: int, now: datetime) -> None:
    """Counts these no more: they could not be stored, and are sent again."""
    rate_limits.count_day_events(visitor.pk.hex, -events, now.timestamp(), count_stored=int)
