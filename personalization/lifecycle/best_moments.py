"""By which way first, and at which hour, a mail goes to a customer, by their own visits. Both are off unless a message
says otherwise, and change nothing about whether somebody may be told."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

from django.utils.timezone import get_default_timezone

from personalization.lifecycle.live_messages import PublishedMessage
from personalization.lifecycle.pauses import end_of_quiet
from personalization.models import Delivery
from personalization.models.deliveries import DeliveryState, HourRule, Why
from personalization.models.message_permissions import Channel
from personalization.models.visit_times import latest_event_times, own_event_times
from personalization.shop import notifications

VISIT_WINDOW = timedelta(days=90)
"""Only visits of this time tell."""
VISIT_END = timedelta(minutes=30)
"""Who does nothing for so long has left."""
WEEKLY = timedelta(days=7)
GAPS_WAITED = 2
FEWEST_VISITS = 5
"""With fewer nothing is known of a customer's habits."""
SHOP_VISITS = 20
"""The hours of all visitors count as much as so many visits of one's own."""
HOURS_AHEAD = 24
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class ChosenMoment:
    """What a message's rules say of a mail: `why` it is not sent now, and when, if at all."""

    why: Why | None = None
    later: datetime | None = None
    shop_first: bool | None = None
    hour_rule: str = ""


NO_RULE = ChosenMoment()


def choose_moment(delivery: Delivery, message: PublishedMessage, user: Any, now: datetime) -> ChosenMoment:
    """1. Who comes at least weekly is told in the shop first. The mail waits for two of their usual pauses, and is not
    sent to who read the notification.
    2. The best hour within the next day outside of quiet hours: once, then caps are asked."""
    if delivery.channel != Channel.EMAIL or user is None or not (message.first_in_shop or message.best_hour):
        return NO_RULE
    visits: list[datetime] | None = None
    shop_first, waits_until = delivery.shop_first, delivery.waits_until
    if message.first_in_shop and Channel.SHOP in message.channels:
        if is_read_in_shop(delivery):
            return ChosenMoment(Why.READ_IN_SHOP, shop_first=shop_first)
        if shop_first is None:
            visits = own_visits(user.pk, now)
            pause = usual_pause(visits)
            shop_first = pause is not None and pause <= WEEKLY and has_notification(delivery)
            waits_until = delivery.created_at + GAPS_WAITED * pause if shop_first and pause else None
        if waits_until is not None and now < waits_until and not delivery.hour_rule:
            return ChosenMoment(Why.READ_FIRST, waits_until, shop_first)
    if not message.best_hour or delivery.hour_rule:
        return ChosenMoment(shop_first=shop_first, hour_rule=delivery.hour_rule)
    visits = own_visits(user.pk, now) if visits is None else visits
    rule = HourRule.OWN if len(visits) >= FEWEST_VISITS else HourRule.SHOP
    best = best_hour(visits if rule == HourRule.OWN else (), shop_hours(), now, delivery)
    if best is None or best <= now:
        return ChosenMoment(shop_first=shop_first, hour_rule=rule)
    return ChosenMoment(Why.BEST_HOUR, best, shop_first, rule)


def is_read_in_shop(delivery: Delivery) -> bool:
    """Whether they opened, or put away, the notification about the same thing."""
    sent = Delivery.objects.by_other_channels(delivery).filter(state=DeliveryState.SENT, notification_id__isnull=False)
    keys = set(sent.values_list("notification_id", flat=True))
    return bool(keys - notifications.unread_notifications(keys)) if keys else False


def has_notification(delivery: Delivery) -> bool:
    """Whether there is a notification about the same thing, or will be."""
    rows = Delivery.objects.by_other_channels(delivery)
    return rows.filter(state__in=[DeliveryState.DUE, DeliveryState.SENT]).exists()


def own_visits(user_id: Any, now: datetime) -> list[datetime]:
    """When a customer's visits began, the oldest first."""
    return visit_starts(own_event_times(user_id, now - VISIT_WINDOW, now))


def visit_starts(times: Iterable[datetime]) -> list[datetime]:
    """When visits began, of the moments at which somebody did something, the oldest first."""
    starts: list[datetime] = []
    last: datetime | None = None
    for at in times:
        if last is None or at - last > VISIT_END:
            starts.append(at)
        last = at
    return starts


def usual_pause(visits: Sequence[datetime]) -> timedelta | None:
    """The median time from one visit to the next; None for fewer than five visits."""
    if len(visits) < FEWEST_VISITS:
        return None
    return timedelta(seconds=median((b - a).total_seconds() for a, b in pairwise(visits)))


def shop_hours() -> Counter[int]:
    """{hour of the week: how many were in the shop in one}"""
    seen = {(visitor, at.replace(minute=0, second=0, microsecond=0)) for visitor, at in latest_event_times()}
    return Counter(hour_of_week(at) for _visitor, at in seen)


def hour_of_week(moment: datetime) -> int:
    """0 for the hour after midnight on Monday, by the shop's clocks."""
    local = moment.astimezone(get_default_timezone())
    return local.weekday() * 24 + local.hour


def best_hour(visits: Iterable[datetime], shop: Counter[int], now: datetime, delivery: Delivery) -> datetime | None:
    """Now, or the beginning of the hour of the next day, in which most are, or would be, in the shop; the first of
    several. None where nothing is known, or all of it is night."""
    own, total = Counter(map(hour_of_week, visits)), shop.total()
    if not own and not total:
        return None
    full_hour = now.replace(minute=0, second=0, microsecond=0)
    candidates = [now, *(full_hour + number * HOUR for number in range(1, HOURS_AHEAD))]
    awake = [moment for moment in candidates if end_of_quiet(moment, delivery.pk) is None]

    def weight(moment: datetime) -> float:
        hour = hour_of_week(moment)
        return own[hour] + (SHOP_VISITS * shop[hour] / total if total else 0.0)

    return max(awake, key=weight, default=None)
