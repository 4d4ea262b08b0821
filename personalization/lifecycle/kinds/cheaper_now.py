"""Cheaper now: a product that somebody wished for, put into the basket or came back to, costs clearly less."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils.timezone import get_default_timezone
from django.utils.translation import gettext_lazy, pgettext_lazy

from personalization.lifecycle.customer_kind import CustomerKind, example_products, read_purchases_of
from personalization.lifecycle.kinds import BY_MAIL, Channels, DueMessage, Occasion
from personalization.lifecycle.message_products import MessageProduct, message_content, reader_visit, showable
from personalization.models import Delivery, PriceSeen, SweepTurn
from personalization.models.deliveries import Why
from personalization.models.message_permissions import Purpose
from personalization.models.prices_seen import LowestPrice, PriceDrop
from personalization.shop import interested_customers
from personalization.shop.product_prices import stranger_price

SHARE, AMOUNT = Decimal("0.1"), Decimal(2)
"""It costs less by at least this part, and by this much in its currency."""
MOST_PRICE_DROPS = 200
MOST_INTERESTED = 10_000
INTEREST = timedelta(days=30)
"""So long a view counts, and who bought the product within it is not told."""
PRICE_PAUSE = timedelta(days=1)
"""Of several products that became cheaper at once, a customer is told about the one with the largest drop."""


class CheaperNow(CustomerKind):
    """Compares today's price with the lowest of the last 30 days, as the nightly run saw them."""

    name = "cheaper_now"
    label = pgettext_lazy("personalization", "Cheaper now")
    explanation = gettext_lazy(
        "Goes to customers when something from their wish list or their basket, or that they looked at twice, costs at "
        "least a tenth less than in the last 30 days."
    )
    purpose = Purpose.OFFERS
    priority = 60

    def find_due(self, now: datetime, channels: Channels = BY_MAIL) -> Iterator[DueMessage]:
        """Who is interested in what costs less today; looked for once a day, after the nightly run saw the prices.
        Seven queries, however many there are, and one where nothing costs less."""
        drops = PriceSeen.objects.drops(_day(now), SHARE, AMOUNT, MOST_PRICE_DROPS)
        if not drops or SweepTurn.objects.position(self.name, now) is None:
            return
        SweepTurn.objects.move(self.name, 0, None, now)
        by_product = {drop.product_id: drop for drop in drops}
        found = interested_customers.interested_in(by_product, now - INTEREST, self.reach(channels), MOST_INTERESTED)
        told = Delivery.objects.already_messaged(self.name, {one.user_id for one in found}, now - PRICE_PAUSE)
        for one in sorted(found, key=lambda one: list(by_product).index(one.product)):
            if one.user_id not in told:
                told.add(one.user_id)
                yield _due_price_message(one, by_product[one.product], now)

    def read_details(self, delivery: Delivery, user: Any) -> dict[str, Any]:
        """The product; what was said of its price is filled in when it is decided."""
        return {"product": delivery.product_id}

    def reason_to_skip(self, occasion: Occasion, now: datetime) -> Why | None:
        """Whether they bought it, it cannot be shown, or its price went back; also where this customer's price is not
        everybody's, as nobody has seen what theirs was."""
        product, user = occasion.details["product"], occasion.user
        bought = read_purchases_of([user.pk], now - INTEREST)
        if any(one.product == product for one in bought):
            return Why.BOUGHT
        visit = reader_visit(user)
        if not showable(visit, [product], 1):
            return Why.TOO_FEW_PRODUCTS
        (shown,) = message_content(self.name, visit, [product], count=0).subjects
        lowest = PriceSeen.objects.lowest_before(product, shown.currency, _day(now))
        if stranger_price(product) != (shown.currency, shown.price) or not _is_clearly_less(shown, lowest):
            return Why.PRICE_BACK
        occasion.details["lowest"] = lowest
        return None

    def example_details(self, customer: Any) -> Any:
        """A product that sells well, at its price of now."""
        return next(({"product": key} for key in example_products(1)), None)

    def text_values(self, occasion: Occasion) -> dict[str, Any]:
        """The product with its price; what it cost before only where 30 days of it are known."""
        lowest: LowestPrice | None = occasion.details.get("lowest")
        content = message_content(self.name, reader_visit(occasion.user), [occasion.details["product"]], count=0)
        if not content.subjects:
            raise LookupError("the product cannot be bought any more")
        shown = content.subjects[0]
        known = lowest.price if lowest is not None and lowest.is_of_all_days else None
        percent = None if known is None else int(100 * (1 - shown.price / known))
        return {"product": shown, "before": known, "percent": percent}


def _is_clearly_less(shown: MessageProduct, lowest: LowestPrice | None) -> bool:
    return lowest is not None and shown.price <= min(lowest.price * (1 - SHARE), lowest.price - AMOUNT)


def _due_price_message(one: interested_customers.InterestedCustomer, drop: PriceDrop, now: datetime) -> DueMessage:
    key = f"price:{one.user_id}:{drop.product_id}:{drop.price}"
    return DueMessage(key, one.address, now, user_id=one.user_id, product_id=drop.product_id)


def _day(now: datetime) -> Any:
    return now.astimezone(get_default_timezone()).date()


kind = CheaperNow()
