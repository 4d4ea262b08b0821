"""What a customer did, the newest first: their last orders and, with consent, events, without what is sensitive."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import formats
from django.utils.translation import npgettext, pgettext

from personalization.models import Event, Visitor
from personalization.models.events import EventType, ItemKind
from personalization.shop import named_objects, orders
from personalization.shop.orders import PlacedOrder

MAX_ENTRIES = 200
ORDERS = "orders"
EVENT_TYPES: dict[str, tuple[str, ...]] = {
    "views": (EventType.PRODUCT_VIEW, EventType.ENGAGEMENT, EventType.CLICK),
    "searches": (EventType.SEARCH,),
    "basket": (
        EventType.ADD_TO_BASKET,
        EventType.REMOVE_FROM_BASKET,
        EventType.VIEW_BASKET,
        EventType.CHECKOUT,
    ),
    "answers": (EventType.ADD_TO_WISHLIST, EventType.FEEDBACK),
    "rows": (EventType.IMPRESSION,),
}
"""The events of each kind that the timeline can be narrowed to."""


@dataclass(frozen=True)
class TimelineEntry:
    """One thing that happened."""

    at: datetime
    sentence: str
    order: PlacedOrder | None = None
    is_suspected_bot: bool = False


def timeline_kinds(*, with_events: bool) -> dict[str, str]:
    """What the timeline can be narrowed to, with what it is called."""
    labels = {ORDERS: pgettext("personalization", "Orders")}
    if with_events:
        labels |= {
            "views": pgettext("personalization", "Products looked at"),
            "searches": pgettext("personalization", "Searches"),
            "basket": pgettext("personalization", "Basket"),
            "answers": pgettext("personalization", "Wish lists and feedback"),
            "rows": pgettext("personalization", "Rows that were seen"),
        }
    return labels


def read_timeline(user_id: Any, visitor: Visitor | None, kind: str = "") -> list[TimelineEntry]:
    """The last things that happened, of all kinds or of one: four queries at most. Without a visitor orders only."""
    entries: list[TimelineEntry] = []
    if kind in ("", ORDERS):
        entries += [_order_entry(order) for order in orders.latest_orders(user_id, MAX_ENTRIES)]
    if visitor is not None and kind != ORDERS:
        entries += _event_entries(list(_latest_events(visitor, kind)))
    return sorted(entries, key=lambda entry: entry.at, reverse=True)[:MAX_ENTRIES]


def _latest_events(visitor: Visitor, kind: str) -> Iterable[Event]:
    events = Event.objects.for_visitor(visitor.pk)
    return (events.filter(type__in=EVENT_TYPES[kind]) if kind else events)[:MAX_ENTRIES]


def _order_entry(order: PlacedOrder) -> TimelineEntry:
    return TimelineEntry(order.placed_at, pgettext("personalization", "Ordered"), order)


def _event_entries(events: list[Event]) -> Iterator[TimelineEntry]:
    """Each event in words, but those about something sensitive."""
    checked = named_objects.checked_names(
        (event.product_id for event in events if event.product_id is not None),
        (key for event in events if (key := _category_of(event)) is not None),
    )
    for event in events:
        subject = _subject_of(event)
        if subject not in checked.sensitive:
            gone = pgettext("personalization", "something that is gone")
            name = checked.names.get(subject) if subject else None
            yield TimelineEntry(
                event.occurred_at, _event_sentence(event, name or gone), is_suspected_bot=event.is_suspected_bot
            )


def _subject_of(event: Event) -> tuple[str, int] | None:
    if event.product_id is not None:
        return "product", event.product_id
    category = _category_of(event)
    return None if category is None else ("category", category)


def _category_of(event: Event) -> int | None:
    """The category that was clicked on."""
    is_category = event.item_kind == ItemKind.CATEGORY and event.type == EventType.CLICK
    return int(event.items[0][0]) if is_category and event.items else None


def _event_sentence(event: Event, name: str) -> str:
    patterns: dict[str, str] = {
        EventType.PRODUCT_VIEW: pgettext("personalization", "Looked at “%(name)s”"),
        EventType.CLICK: pgettext("personalization", "Clicked on “%(name)s”"),
        EventType.SEARCH: pgettext("personalization", "Searched for “%(query)s”"),
        EventType.ADD_TO_BASKET: pgettext("personalization", "Put “%(name)s” into the basket"),
        EventType.REMOVE_FROM_BASKET: pgettext("personalization", "Took “%(name)s” out of the basket"),
        EventType.VIEW_BASKET: pgettext("personalization", "Looked at the basket"),
        EventType.CHECKOUT: pgettext("personalization", "Began to check out"),
        EventType.ADD_TO_WISHLIST: pgettext("personalization", "Put “%(name)s” on a wish list"),
    }
    if event.type == EventType.IMPRESSION:
        return _seen_words(event)
    if event.type == EventType.ENGAGEMENT:
        return _stay_words(event, name)
    if event.type == EventType.FEEDBACK:
        more = pgettext("personalization", "Wants more like “%(name)s”")
        less = pgettext("personalization", "Is not interested in “%(name)s”")
        return (more if (event.value or 0) > 0 else less) % {"name": name}
    return patterns.get(event.type, "%(name)s") % {"name": name, "query": event.query}


def _seen_words(event: Event) -> str:
    count = len(event.items)
    words = npgettext(
        "personalization", "Saw the row “%(row)s” (%(count)s item)", "Saw the row “%(row)s” (%(count)s items)", count
    )
    if not event.row_key:
        words = npgettext("personalization", "Saw a list (%(count)s item)", "Saw a list (%(count)s items)", count)
    return words % {"row": event.row_key, "count": count}


def _stay_words(event: Event, name: str) -> str:
    seconds = formats.number_format(round(event.value or 0), use_l10n=True)
    return pgettext("personalization", "Stayed %(seconds)s seconds on “%(name)s”") % {"seconds": seconds, "name": name}
