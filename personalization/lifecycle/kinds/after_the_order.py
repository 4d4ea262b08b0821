"""After the order: what goes with what a customer bought and kept, a week after it was sent."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy, pgettext_lazy

from personalization.lifecycle.customer_kind import MOST_AT_ONCE, CustomerKind, example_products
from personalization.lifecycle.kinds import BY_MAIL, Channels, DueMessage, Occasion
from personalization.lifecycle.message_products import message_content, reader_visit
from personalization.models import Delivery
from personalization.models.deliveries import Why
from personalization.models.message_permissions import Purpose
from personalization.shop import shipped_orders

SENT_BEFORE, SENT_SINCE = timedelta(days=9), timedelta(days=14)
"""So long after it was sent, two days of which it was on its way, and no later."""
ADDED_PRODUCTS, FEWEST_ADDED = 3, 2


class AfterTheOrder(CustomerKind):
    """By Oscar's shipping events: a shop that stores none sends none of these. Not for gifts."""

    name = "after_the_order"
    label = pgettext_lazy("personalization", "After the order")
    explanation = gettext_lazy(
        "Goes to customers nine days after their order was sent, with what goes with it; not for gifts."
    )
    purpose = Purpose.OFFERS
    priority = 15

    def find_due(self, now: datetime, channels: Channels = BY_MAIL) -> Iterator[DueMessage]:
        """The orders that were sent on these days. One query, however many there are."""
        sent = shipped_orders.shipped_orders(
            self.name, self.reach(channels), now - SENT_SINCE, now - SENT_BEFORE, MOST_AT_ONCE
        )
        for order in sent:
            yield DueMessage(f"after:{order.id}", order.address, now, user_id=order.user_id, source_id=order.id)

    def read_details(self, delivery: Delivery, user: Any) -> list[int]:
        """The products of the order that were kept."""
        return shipped_orders.kept_products(delivery.source_id)

    def reason_to_skip(self, occasion: Occasion, now: datetime) -> Why | None:
        """Whether too little goes with it, or nothing of it was kept."""
        return None if len(self._chosen(occasion)) >= FEWEST_ADDED else Why.TOO_FEW_PRODUCTS

    def example_details(self, customer: Any) -> Any:
        """A product that sells well; None where too little goes with it to be sent."""
        kept = example_products(1)
        chosen = self._chosen(Occasion("", customer, details=kept, is_example=True))
        return kept if len(chosen) >= FEWEST_ADDED else None

    def text_values(self, occasion: Occasion) -> dict[str, Any]:
        """What goes with it, and they have not bought before."""
        return {"products": self._chosen(occasion)}

    def _chosen(self, occasion: Occasion) -> tuple[Any, ...]:
        kept = frozenset(occasion.details)
        if not kept:
            return ()
        visit = reader_visit(occasion.user, basket=kept, basket_quantity=len(kept))
        return message_content(self.name, visit, (), count=ADDED_PRODUCTS, new_only=True).chosen


kind = AfterTheOrder()
