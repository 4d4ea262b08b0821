"""When nobody is written to: the quiet hours of the shop, and after enough messages."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from uuid import UUID

from django.utils.timezone import get_default_timezone

from personalization import conf

SPREAD_MINUTES = 31
"""After the quiet hours messages go out within half an hour, each at a minute of its own."""
LONGEST_WINDOW = timedelta(days=30)


def end_of_quiet(moment: datetime, delivery_id: UUID) -> datetime | None:
    """When the quiet hours end that a moment is in, and a little later; None when it is in none. Hours are those of
    the shop's clocks, also in a night in which these are changed."""
    settings = conf.get_settings()
    start, end = settings.MESSAGE_QUIET_FROM, settings.MESSAGE_QUIET_UNTIL
    local = moment.astimezone(get_default_timezone())
    after_start, before_end = local.hour >= start, local.hour < end
    if not (after_start or before_end if start > end else after_start and before_end):
        return None
    day = local.date() + timedelta(days=1 if after_start and start > end else 0)
    morning = datetime.combine(day, time(end), get_default_timezone())
    return morning + timedelta(minutes=delivery_id.int % SPREAD_MINUTES)


def end_of_cap(moment: datetime, sent_at: Sequence[datetime]) -> datetime | None:
    """When a person to whom messages were sent at these times, the newest first, may get one more; None for now."""
    settings = conf.get_settings()
    caps = (
        (timedelta(hours=24), settings.MESSAGES_PER_DAY),
        (timedelta(days=7), settings.MESSAGES_PER_WEEK),
        (LONGEST_WINDOW, settings.MESSAGES_PER_MONTH),
    )
    ends = [sent_at[most - 1] + window for window, most in caps if len(sent_at) >= most]
    return max((end for end in ends if end > moment), default=None)
