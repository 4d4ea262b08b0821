"""Which new products get a chance in generic rows: those that too few have seen to say what they are worth."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from personalization import conf
from personalization.models import DailyTotal, Newcomer
from personalization.privacy.retention import local_day
from personalization.shop import catalogue, product_targets

MAX_CARDS_SEEN = 2_000
"""A product whose card was seen so often has had its chance: with 3 % of clicks, these are 60."""
MAX_NEWCOMERS = 200
"""More of them would each be seen too seldom to learn anything."""
MAX_CONSIDERED = 2_000
MAX_NEW_SHARE = 0.5
"""Where a larger part of the catalogue is new, being new tells nobody anything, and rows show new products anyway."""


def list_newcomers(moment: datetime) -> int:
    """Lists them for today, once a day; how many there are. A product that was seen less gets more of the chance."""
    today, settings = local_day(moment), conf.get_settings()
    if Newcomer.objects.is_listed(today):
        return 0
    since = moment - timedelta(days=settings.NEW_PRODUCT_DAYS)
    found = list(_newcomers(since, moment)) if settings.NEWCOMER_SHARE else []
    if found or Newcomer.objects.exists():
        Newcomer.objects.replace(found, moment)
    return len(found)


def _newcomers(since: datetime, moment: datetime) -> Iterator[Newcomer]:
    created = product_targets.created_between(since, moment, MAX_CONSIDERED)
    if len(created) > MAX_NEW_SHARE * product_targets.count_public_products():
        return
    sensitive = catalogue.all_sensitive_products()
    seen = DailyTotal.objects.cards_seen_since(local_day(since))
    cards = {key: seen.get(key, 0) for key in created if key not in sensitive}
    for key in sorted(cards, key=lambda product: (cards[product], product))[:MAX_NEWCOMERS]:
        if cards[key] < MAX_CARDS_SEEN:
            yield Newcomer(
                product_id=key,
                product_created_at=created[key],
                date=local_day(moment),
                seen=cards[key],
                weight=newcomer_weight(cards[key]),
            )


def newcomer_weight(cards_seen: int) -> float:
    """How much of the chance a new product gets, compared with others: 1 for one that nobody saw, 0 at the end."""
    return max(1 - cards_seen / MAX_CARDS_SEEN, 0.0)
