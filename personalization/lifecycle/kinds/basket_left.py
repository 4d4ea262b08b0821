"""Basket left: whoever left an open basket is reminded once, and once more of one that is worth more than usual."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

from django.utils.timezone import now as current_time
from django.utils.translation import gettext_lazy, pgettext_lazy

from personalization.decide.visit import Visit
from personalization.lifecycle.customer_kind import MOST_AT_ONCE, CustomerKind, example_products
from personalization.lifecycle.kinds import BY_MAIL, Channels, DueMessage, Occasion
from personalization.lifecycle.message_products import MessageContent, message_content, reader_visit, showable
from personalization.models import Delivery
from personalization.models.deliveries import Why
from personalization.oscar.offer_rows import BasketOffer, offer_of_basket
from personalization.shop import baskets, purchases
from personalization.shop.currencies import own_currency

FIRST_AFTER, SECOND_AFTER = timedelta(hours=4), timedelta(hours=48)
"""So long nobody has changed the basket."""
OLDEST = timedelta(days=7)
FEW_LEFT = 3
"""Where no more pieces than this are left, the mail says so."""
ADD_ONS_IN_MESSAGE = 3


class BasketLeft(CustomerKind):
    """Compares each product with all orders since it was put into the basket: whoever bought it elsewhere is not told,
    whatever became of the basket."""

    name = "basket_left"
    label = pgettext_lazy("personalization", "Basket left")
    explanation = gettext_lazy(
        "Goes to customers who left something in their basket for four hours, and once more after two days if it is "
        "worth more than they usually order."
    )
    priority = 80

    def find_due(self, now: datetime, channels: Channels = BY_MAIL) -> Iterator[DueMessage]:
        """Baskets that were left for four hours; and those for two days whose first message went out. At most three
        queries, whatever there is."""
        since = now - OLDEST
        for basket in self._left(channels, since, now - FIRST_AFTER, 1):
            yield _due_reminder(basket, 1, now)
        left = self._left(channels, since, now - SECOND_AFTER, 2)
        told = baskets.reminded_before([one.id for one in left], now - (SECOND_AFTER - FIRST_AFTER))
        for basket in left:
            if basket.id in told:
                yield _due_reminder(basket, 2, now)

    def _left(self, channels: Channels, since: datetime, until: datetime, number: int) -> list[baskets.LeftBasket]:
        return baskets.left_baskets(since, until, number, self.reach(channels), MOST_AT_ONCE)

    def read_details(self, delivery: Delivery, user: Any) -> Any:
        """The basket, and whether this is the second message about it."""
        basket = baskets.read_basket(delivery.source_id)
        is_second = delivery.dedupe == baskets.basket_message_key(delivery.source_id, 2)
        return (basket, is_second) if basket is not None and basket.owner.pk == user.pk else (None, is_second)

    def reason_to_skip(self, occasion: Occasion, now: datetime) -> Why | None:
        """Whether it was ordered, emptied, changed or merged since, bought elsewhere, or has sold out."""
        basket, is_second = occasion.details
        if basket is None or not basket.is_open or basket.changed_at is None:
            return Why.BOUGHT if basket is not None and basket.is_ordered else Why.EMPTIED
        if basket.changed_at > now - FIRST_AFTER:
            return Why.IN_USE
        if basket.changed_at < now - OLDEST:
            return Why.TOO_OLD
        unbought = baskets.without_bought(basket.lines, occasion.user, occasion.address)
        lines = baskets.buyable_lines(unbought, occasion.user)
        if not lines:
            return Why.TOO_FEW_PRODUCTS if unbought else Why.BOUGHT
        return Why.SMALL_BASKET if is_second and not _is_worth_more_than_usual(lines, occasion.user) else None

    def example_details(self, customer: Any) -> Any:
        """Their open basket, or one with what sells well."""
        return baskets.example_basket(customer, example_products(2), current_time()), False

    def text_values(self, occasion: Occasion) -> dict[str, Any]:
        """The lines that can be bought now, compared with all orders once more; what completes an offer, where all of
        the basket can be; and what goes with them."""
        basket, _ = occasion.details
        unbought = baskets.without_bought(basket.lines, occasion.user, occasion.address)
        lines = baskets.buyable_lines(unbought, occasion.user)
        if not lines:
            raise LookupError("nothing is left of the basket that can be bought")
        everything = frozenset(baskets.folded_product(line.product) for line in basket.lines)
        visit = reader_visit(occasion.user, basket=everything, basket_quantity=len(everything))
        subjects = list(dict.fromkeys(line.key for line in lines))
        offer = None if occasion.is_example or len(lines) < len(basket.lines) else _completing_offer(basket, visit)
        told = [*subjects, offer.product_id] if offer else subjects
        content = message_content(self.name, visit, told, count=ADD_ONS_IN_MESSAGE)
        return {
            "lines": [_line_values(line, content.path_of(line.product)) for line in lines],
            "offer": _offer_values(offer, content) if offer else None,
            "basket_path": content.basket_path,
            "products": content.chosen,
        }


def _due_reminder(basket: baskets.LeftBasket, number: int, now: datetime) -> DueMessage:
    key = baskets.basket_message_key(basket.id, number)
    return DueMessage(key, basket.address, now, user_id=basket.owner_id, source_id=basket.id)


def _is_worth_more_than_usual(lines: list[baskets.BuyableLine], user: Any) -> bool:
    """Whether the lines cost more than this customer's median order; not of one who kept none."""
    own = own_currency()
    kept = [one.kept_paid for one in purchases.purchase_sums([user.pk]) if one.kept_pieces and one.currency == own]
    worth = sum((line.price * line.quantity for line in lines if line.currency == own), Decimal(0))
    return bool(kept) and worth > median(kept)


def _completing_offer(basket: baskets.StoredBasket, visit: Visit) -> BasketOffer | None:
    """What completes an offer of the whole basket, where it may be in a message to its owner."""
    offer = offer_of_basket(basket.lines[0].basket_id, basket.owner, visit)
    return offer if offer and showable(visit, [offer.product_id], 1) else None


def _offer_values(offer: BasketOffer, content: MessageContent) -> dict[str, str]:
    title = " ".join(offer.product.get_title().split())
    return {"title": offer.title, "product": title, "path": content.path_of(offer.product), "words": offer.explanation}


def _line_values(line: baskets.BuyableLine, path: str) -> dict[str, Any]:
    few = line.left is not None and line.left <= FEW_LEFT
    return {
        "title": " ".join(line.product.get_title().split()),
        "path": path,
        "quantity": line.quantity,
        "price": line.price,
        "currency": line.currency,
        "left": line.left if few else None,
    }


kind = BasketLeft()
