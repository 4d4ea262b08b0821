"""What an event of each type holds: one table for what browsers report, for imported files and for the API's schema."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from personalization.models.events import EventType

MAX_EVENT_ITEMS = 200
"""GA4 allows this many items in one event."""
MAX_SEARCH_LENGTH = 256
MAX_QUANTITY = 1_000_000
MAX_HITS = 1_000_000_000
EXPOSURE = "exposure"
"""What a page reports that shows an arm of an experiment. It is no event of a visitor, and none is stored."""
PURCHASE_EVENTS = ("purchase", "refund", "ecommerce_purchase", "in_app_purchase")
"""GA4's names of events that are not accepted: purchases are read from the shop's own orders."""


@dataclass(frozen=True, slots=True)
class EventRule:
    """What an event of one type must and may hold."""

    min_items: int = 1
    max_items: int = MAX_EVENT_ITEMS
    value: Literal["", "quantity", "seconds", "grade", "hits"] = ""
    """What the event's value measures; "" for an event without one."""
    has_query: bool = False
    """Whether it needs a search term."""
    is_imported: bool = True
    """Whether files of another system may hold it."""

    def item_count_error(self, count: int) -> str:
        """The error code for an event with this many items; "" when the number is right."""
        if count < self.min_items:
            return "missing_item"
        return "too_many_items" if count > self.max_items else ""


EVENT_RULES: Mapping[str, EventRule] = MappingProxyType(
    {
        str(EventType.IMPRESSION): EventRule(),
        str(EventType.CLICK): EventRule(max_items=1),
        str(EventType.PRODUCT_VIEW): EventRule(max_items=1),
        str(EventType.ENGAGEMENT): EventRule(max_items=1, value="seconds", is_imported=False),
        str(EventType.SEARCH): EventRule(min_items=0, has_query=True, value="hits"),
        str(EventType.ADD_TO_BASKET): EventRule(value="quantity"),
        str(EventType.REMOVE_FROM_BASKET): EventRule(value="quantity"),
        str(EventType.VIEW_BASKET): EventRule(min_items=0),
        str(EventType.CHECKOUT): EventRule(min_items=0),
        str(EventType.ADD_TO_WISHLIST): EventRule(),
        str(EventType.FEEDBACK): EventRule(max_items=1, value="grade", is_imported=False),
    }
)
"""By the event's type, as GA4 names it."""
