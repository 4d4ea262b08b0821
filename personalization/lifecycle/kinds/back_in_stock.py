"""Back in stock: whoever set Oscar's product alert is told, the oldest first, as many at a time as there is stock."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy, pgettext_lazy

from personalization.lifecycle.kinds import BY_MAIL, Channels, DueMessage, MessageKind, Occasion
from personalization.lifecycle.message_products import message_content, reader_visit
from personalization.models import Delivery
from personalization.models.deliveries import Why
from personalization.models.message_permissions import Purpose
from personalization.shop import product_alerts

ALERT_DAYS = 180
"""Nobody waits longer than this."""
NEXT_BATCH = timedelta(hours=24)
"""So long the people of one batch have the stock to themselves."""
ALTERNATIVES_IF_SCARCE = 2
"""So many stand below, where more people wait than there are pieces."""
SETTLING = timedelta(minutes=30)
"""Stock that is gone again within this time interests nobody: it is asked again before the mail is sent."""


class BackInStock(MessageKind):
    """Takes the place of Oscar's own sender, which writes to everybody at once."""

    name = "back_in_stock"
    label = pgettext_lazy("personalization", "Back in stock")
    explanation = gettext_lazy(
        "Goes to who asked on the page of a product, once it can be bought again, in the place of Oscar's own mail."
    )
    placeholders = ("product", "shop")
    purpose = Purpose.ASKED_FOR
    priority = 100
    hold_back = 0.0

    def find_due(self, now: datetime, channels: Channels = BY_MAIL) -> Iterator[DueMessage]:
        """For each product that is in stock, as many of the oldest alerts as pieces are free, without the pieces that
        people were written to about within a day."""
        since = now - timedelta(days=ALERT_DAYS)
        products = product_alerts.products_in_stock(since)
        written = Delivery.objects.written_since(now - NEXT_BATCH, self.name, products)
        for product_id in products:
            alerted = product_alerts.alerted_product(product_id)
            room = alerted.free - written.get(product_id, 0) if alerted else 0
            if room > 0:
                for alert in product_alerts.oldest_alerts(product_id, self.name, since, room):
                    yield _due_message(alert, now)

    def read_occasion(self, delivery: Delivery) -> Occasion | None:
        """The alert, and whether its owner still waits."""
        alert = product_alerts.find_alert(delivery.source_id)
        if alert is None:
            return None
        asked_at = (alert.date_confirmed or alert.date_created) if product_alerts.is_active(alert) else None
        return Occasion(alert.get_email_address() or "", alert.user, asked_at, details=alert)

    def reason_to_skip(self, occasion: Occasion, now: datetime) -> Why | None:
        """Whether they bought it meanwhile, or it sold out again."""
        alert = occasion.details
        if product_alerts.bought_since(alert, occasion.address, alert.date_created):
            return Why.BOUGHT
        alerted = product_alerts.alerted_product(alert.product_id, occasion.user)
        return None if alerted is not None and alerted.free else Why.SOLD_OUT

    def text_values(self, occasion: Occasion) -> dict[str, Any]:
        """The product, its price, and how many wait for how many pieces; where it is scarce, what is like it."""
        alert = occasion.details
        alerted = product_alerts.alerted_product(alert.product_id, occasion.user)
        if alerted is None:
            raise LookupError("the product has no page any more")
        waiting = product_alerts.count_active_alerts(alert.product_id)
        waiting = waiting if waiting > alerted.free else 0
        subject = alerted.product.parent_id or alerted.product.pk
        visit = reader_visit(occasion.user, product=subject)
        content = message_content(self.name, visit, [subject], count=ALTERNATIVES_IF_SCARCE if waiting else 0)
        return {
            "product": " ".join(alerted.product.get_title().split()),
            "path": content.path_of(alerted.product),
            "products": content.chosen,
            "price": alerted.price,
            "currency": alerted.currency,
            "is_parent": alerted.product.is_parent,
            "waiting": waiting,
            "pieces": alerted.free,
        }

    def example(self, customer: Any = None) -> Occasion | None:
        """The newest alert of a customer, or one on a product that can be bought, which is not stored."""
        alert = product_alerts.newest_alert(customer) if customer is not None else None
        is_example = alert is None
        alert = alert or product_alerts.example_alert(customer)
        if alert is None:
            return None
        return Occasion(alert.get_email_address() or "", customer, details=alert, is_example=is_example)

    def claim(self, delivery: Delivery, now: datetime) -> bool:
        """Closes the alert before the mail is handed over: nothing can bring up the same message again."""
        return product_alerts.close_alert(delivery.source_id or 0, now)

    def release(self, delivery: Delivery) -> None:
        """Opens the alert again, as its owner was not told."""
        product_alerts.reopen_alert(delivery.source_id or 0)


def _due_message(alert: Any, now: datetime) -> DueMessage:
    return DueMessage(
        dedupe=f"stock:{alert.pk}",
        address=alert.get_email_address() or "",
        due_at=now + SETTLING,
        user_id=alert.user_id,
        source_id=alert.pk,
        product_id=alert.product_id,
    )


kind = BackInStock()
