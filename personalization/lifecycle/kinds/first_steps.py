"""First steps: whoever opened an account some days ago and has not ordered yet."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy, pgettext_lazy

from personalization.decide.visit import Visit
from personalization.lifecycle.customer_kind import FEWEST_SHOWN, MOST_AT_ONCE, SHOWN_PRODUCTS, CustomerKind
from personalization.lifecycle.kinds import BY_MAIL, Channels, DueMessage, Occasion
from personalization.lifecycle.message_products import message_content, reader_visit
from personalization.models import CustomerFacts, Delivery
from personalization.models.deliveries import Why
from personalization.models.events import VIEW_EVENTS
from personalization.models.message_permissions import Purpose

MADE_BEFORE, MADE_SINCE = timedelta(days=3), timedelta(days=10)
"""So long after the account was made, and no later."""


class FirstSteps(CustomerKind):
    """Once for each account. To welcome it is the shop's own business."""

    name = "first_steps"
    label = pgettext_lazy("personalization", "First steps")
    explanation = gettext_lazy("Goes once to customers who opened an account three days ago and have not ordered yet.")
    purpose = Purpose.OFFERS
    priority = 5

    def find_due(self, now: datetime, channels: Channels = BY_MAIL) -> Iterator[DueMessage]:
        """The accounts of these days without an order. One query over the index of when they were made."""
        for row in CustomerFacts.objects.without_order(
            self.name, self.reach(channels).allowed("user"), now - MADE_SINCE, now - MADE_BEFORE, MOST_AT_ONCE
        ):
            yield DueMessage(f"first:{row.user_id}", row.address, now, user_id=row.user_id)

    def read_details(self, delivery: Delivery, user: Any) -> CustomerFacts | None:
        """Their numbers and dates, as of now."""
        return CustomerFacts.objects.of_customers([user.pk]).get(user.pk)

    def reason_to_skip(self, occasion: Occasion, now: datetime) -> Why | None:
        """Whether they ordered meanwhile, or there is nothing to show them."""
        if occasion.details is None:
            return Why.NO_PERMISSION
        if occasion.details.orders:
            return Why.BOUGHT
        chosen = self._chosen(reader_visit(occasion.user))
        return None if len(chosen) >= FEWEST_SHOWN else Why.TOO_FEW_PRODUCTS

    def example_details(self, customer: Any) -> Any:
        """Nothing, as it shows what is chosen for the reader; None where that is too little to be sent."""
        return () if len(self._chosen(reader_visit(customer))) >= FEWEST_SHOWN else None

    def text_values(self, occasion: Occasion) -> dict[str, Any]:
        """What others buy most, and what goes with what they looked at."""
        visit = reader_visit(occasion.user)
        has_looked = any(event.type in VIEW_EVENTS for event in visit.recent_events)
        return {"products": self._chosen(visit), "has_looked": has_looked}

    def _chosen(self, visit: Visit) -> tuple[Any, ...]:
        return message_content(self.name, visit, (), count=SHOWN_PRODUCTS).chosen


kind = FirstSteps()
