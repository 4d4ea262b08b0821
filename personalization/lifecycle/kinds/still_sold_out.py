"""Still sold out: who has waited for a product for two weeks is shown, once, what could stand in for it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy, pgettext_lazy

from personalization.lifecycle.customer_kind import MOST_AT_ONCE, CustomerKind, example_products
from personalization.lifecycle.kinds import BY_MAIL, Channels, DueMessage, Occasion
from personalization.lifecycle.kinds.back_in_stock import ALERT_DAYS
from personalization.lifecycle.message_products import message_content, reader_visit
from personalization.models import Delivery
from personalization.models.deliveries import Why
from personalization.shop import catalogue, product_alerts

PATIENCE = timedelta(days=14)
"""So long they have waited."""
REPLACEMENTS = 3
EXAMPLES = 5
"""So many products are looked at for an example."""


class StillSoldOut(CustomerKind):
    """They asked to be told when it is back, which they still are: their alert stays. What is like it is something
    else, so they must have allowed reminders."""

    name = "still_sold_out"
    label = pgettext_lazy("personalization", "Still sold out")
    explanation = gettext_lazy(
        "Goes once to customers who have waited for a sold-out product for two weeks, with what could stand in for it."
    )
    priority = 50
    placeholders = ("product", "shop")

    def find_due(self, now: datetime, channels: Channels = BY_MAIL) -> Iterator[DueMessage]:
        """Who waits for so long. One query."""
        since = now - timedelta(days=ALERT_DAYS)
        for one in product_alerts.waiting_in_vain(self.name, since, now - PATIENCE, self.reach(channels), MOST_AT_ONCE):
            key = f"in_vain:{one.alert_id}"
            yield DueMessage(
                key, one.address, now, user_id=one.user_id, source_id=one.alert_id, product_id=one.product_id
            )

    def read_details(self, delivery: Delivery, user: Any) -> Any:
        """The alert; None when it is gone, or ended."""
        alert = product_alerts.find_alert(delivery.source_id)
        return alert if alert is not None and product_alerts.is_active(alert) else None

    def reason_to_skip(self, occasion: Occasion, now: datetime) -> Why | None:
        """Whether they wait no more, bought it elsewhere, it is back, or nothing can stand in for it."""
        alert = occasion.details
        if alert is None:
            return Why.NO_PERMISSION
        if product_alerts.bought_since(alert, occasion.address, alert.date_created):
            return Why.BOUGHT
        alerted = product_alerts.alerted_product(alert.product_id, occasion.user)
        if alerted is not None and alerted.free:
            return Why.BACK
        return None if self._replacements(occasion) else Why.TOO_FEW_PRODUCTS

    def example_details(self, customer: Any) -> Any:
        """An alert on a product that can be bought, as though it could not; one for which something can stand in, as
        there would be no mail about another."""
        alerts = [product_alerts.unsaved_alert(key, customer) for key in example_products(EXAMPLES)]
        found = (one for one in alerts if self._replacements(Occasion("", customer, details=one)))
        return next(found, None)

    def text_values(self, occasion: Occasion) -> dict[str, Any]:
        """The product's title, and what could stand in for it."""
        products = self._replacements(occasion)
        if not products:
            raise LookupError("nothing can stand in for the product any more")
        return {"product": " ".join(occasion.details.product.get_title().split()), "products": products}

    def _replacements(self, occasion: Occasion) -> tuple[Any, ...]:
        product = occasion.details.product
        subject = product.parent_id or product.pk
        if catalogue.sensitive_products({subject}):
            return ()
        visit = reader_visit(occasion.user, product=subject)
        return message_content(self.name, visit, [subject], count=REPLACEMENTS).chosen


kind = StillSoldOut()
