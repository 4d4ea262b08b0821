"""Oscar's own sender of product alerts, silent while a message "back in stock" is live."""

from typing import Any

from django.utils.timezone import now

from personalization import conf
from personalization.models import Definition

BACK_IN_STOCK = "back_in_stock"


class QuietAlertsMixin:
    """For Oscar's `AlertsDispatcher`: who waits for a product gets one mail, ours. Guests still confirm by Oscar's."""

    def send_alerts(self) -> None:
        """Oscar's command `oscar_send_alerts`."""
        if not is_replaced():
            super().send_alerts()  # type: ignore[misc]

    def send_product_alert_email_for_user(self, product: Any) -> None:
        """Oscar calls it whenever stock is saved."""
        if not is_replaced():
            super().send_product_alert_email_for_user(product)  # type: ignore[misc]


def is_replaced() -> bool:
    """Whether the app tells customers what is back in stock, in the place of Oscar."""
    return not conf.missing_message_settings() and Definition.objects.is_message_live(BACK_IN_STOCK, now())
