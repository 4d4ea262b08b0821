"""What kinds of messages to customers with an account have in common: nobody asked for one, and each may forbid it."""

import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model

from personalization.lifecycle.kinds import Channels, MessageKind, Occasion
from personalization.lifecycle.message_products import reader_visit, showable
from personalization.models import CustomerFacts, Delivery, SweepTurn, Visitor
from personalization.models.message_permissions import Purpose
from personalization.shop import catalogue, customers, purchases

CUSTOMERS_PER_SWEEP = 500
"""Where all customers are looked at in turn, so many at a time."""
SHOWN_PRODUCTS, FEWEST_SHOWN = 6, 3
"""In a message that is about no product it shows so many, and is not sent with fewer."""
EXAMPLES_TRIED = 20
"""So many products are looked at for one that a made-up message can be about."""
MOST_AT_ONCE = 1_000
"""Of one kind so many messages are found by one sweep; the next one finds the others."""


def next_customers(kind: MessageKind, channels: Channels, now: datetime, most: int) -> dict[Any, str]:
    """{account: address} of the next customers who allow messages of a kind, for a sweep that looks at all of them in
    turn, each about once a day. Three queries."""
    return {row.user_id: row.address for row in next_facts(kind, channels, now, most)}


def next_facts(kind: MessageKind, channels: Channels, now: datetime, most: int) -> list[Any]:
    """The facts of these customers, each with the account's `address`."""
    position = SweepTurn.objects.position(kind.name, now)
    if position is None:
        return []
    rows = CustomerFacts.objects.allowing(kind.reach(channels).allowed("user"), position, most)
    SweepTurn.objects.move(kind.name, position, rows[-1].pk if len(rows) == most else None, now)
    return rows


class CustomerKind(MessageKind):
    """A message to a customer with an account. The details of its occasion are what it is about."""

    purpose = Purpose.REMINDERS

    def read_occasion(self, delivery: Delivery) -> Occasion | None:
        """The account as it is now, and what the message is about."""
        key: Any = delivery.user_id
        user = get_user_model()._default_manager.filter(pk=key).first()
        return None if user is None else Occasion(email_address(user), user, details=self.read_details(delivery, user))

    def read_details(self, delivery: Delivery, user: Any) -> Any:
        """What the message is about, as of now."""
        raise NotImplementedError

    def example(self, customer: Any = None) -> Occasion | None:
        """What a message could be about, for staff to look at: to a customer, or to nobody known. None for none."""
        details = self.example_details(customer)
        address = "" if customer is None else email_address(customer)
        return None if details is None else Occasion(address, customer, details=details, is_example=True)

    def example_details(self, customer: Any) -> Any:
        """What that message is about; None where there is nothing."""
        return None


def example_products(count: int) -> list[int]:
    """Products that a message could be about: what sells best, else what is newest, as far as anybody can buy it."""
    keys = [key for key, _times in catalogue.bestsellers(EXAMPLES_TRIED)]
    return showable(reader_visit(None), keys or catalogue.newest_products(EXAMPLES_TRIED, time.time()), count)


class PastPurchase(NamedTuple):
    """A product that a customer bought at one moment."""

    user_id: Any
    product: int
    """A child's parent."""
    at: datetime
    pieces: int


def read_purchases_of(user_ids: Iterable[Any], since: datetime) -> list[PastPurchase]:
    """What these customers bought since a moment, by customer, product and moment; of who did not consent nothing, nor
    what is sensitive or from before they had their data erased."""
    consented = customers.exclude_children(Visitor.objects.consented(user_ids))
    if not consented:
        return []
    rows = [PastPurchase(*row) for row in purchases.purchases_since(consented, since)]
    sensitive = catalogue.sensitive_products({one.product for one in rows})
    return [one for one in rows if one.product not in sensitive and one.at.timestamp() > consented[one.user_id]]


def email_address(user: Any) -> str:
    """The e-mail address of an account; "" where it has none."""
    return getattr(user, user.get_email_field_name(), "") or ""
