"""We miss you: a good customer who has been silent for much longer than usual."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy, pgettext_lazy

from personalization.lifecycle.customer_kind import (
    CUSTOMERS_PER_SWEEP,
    FEWEST_SHOWN,
    SHOWN_PRODUCTS,
    CustomerKind,
    next_facts,
)
from personalization.lifecycle.kinds import BY_MAIL, Channels, DueMessage, Occasion
from personalization.lifecycle.message_products import message_content, reader_visit
from personalization.models import CustomerFacts, Delivery
from personalization.models.deliveries import Why
from personalization.models.message_permissions import Purpose

USUAL_GAPS = 2.5
"""Silent for so many of their own usual pauses between orders, ..."""
SILENCE = timedelta(days=120)
"""... or for so long, where they ordered too seldom to have one."""
TOO_LONG = timedelta(days=365)
"""Whoever has been silent for longer has left, and is left alone."""


class WeMissYou(CustomerKind):
    """Looks at the customers who allow offers in turn, each about once a day. No discount: people learn to wait for
    one."""

    name = "we_miss_you"
    label = pgettext_lazy("personalization", "We miss you")
    explanation = gettext_lazy(
        "Goes to customers who brought more than most and have been silent for two and a half times as long as usual, "
        "or for 120 days."
    )
    purpose = Purpose.OFFERS
    priority = 10

    def find_due(self, now: datetime, channels: Channels = BY_MAIL) -> Iterator[DueMessage]:
        """Of the next customers, those who are missed; each at most once in a quarter. Five queries, however many
        there are."""
        rows = next_facts(self, channels, now, CUSTOMERS_PER_SWEEP)
        median = CustomerFacts.objects.median_kept_revenue() if rows else None
        for row in rows:
            if median is not None and row.kept_revenue > median and is_missed(row, now):
                key = f"back:{row.user_id}:{now:%Y}-{(now.month + 2) // 3}"
                yield DueMessage(key, row.address, now, user_id=row.user_id)

    def read_details(self, delivery: Delivery, user: Any) -> CustomerFacts | None:
        """Their numbers and dates, as of now."""
        return CustomerFacts.objects.of_customers([user.pk]).get(user.pk)

    def reason_to_skip(self, occasion: Occasion, now: datetime) -> Why | None:
        """Whether they ordered meanwhile, or there is nothing to show them."""
        if occasion.details is None:
            return Why.NO_PERMISSION
        if not is_missed(occasion.details, now):
            return Why.BOUGHT
        return None if len(self._chosen(occasion.user)) >= FEWEST_SHOWN else Why.TOO_FEW_PRODUCTS

    def example_details(self, customer: Any) -> Any:
        """Nothing, as it shows what is chosen for the reader; None where that is too little to be sent."""
        return () if len(self._chosen(customer)) >= FEWEST_SHOWN else None

    def text_values(self, occasion: Occasion) -> dict[str, Any]:
        """What they may like that they have not bought before."""
        return {"products": self._chosen(occasion.user)}

    def _chosen(self, user: Any) -> tuple[Any, ...]:
        return message_content(self.name, reader_visit(user), (), count=SHOWN_PRODUCTS, new_only=True).chosen


def is_missed(facts: CustomerFacts, now: datetime) -> bool:
    """Whether a customer has been silent for longer than is usual for them, and not for so long that they have left."""
    if facts.last_order is None:
        return False
    pause = SILENCE if facts.next_due is None else (facts.next_due - facts.last_order) * USUAL_GAPS
    return facts.last_order + pause <= now <= facts.last_order + TOO_LONG


kind = WeMissYou()
