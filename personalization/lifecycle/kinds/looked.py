"""Looked, not bought: who came back to a product, or to products of one kind, and put nothing into the basket."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy, pgettext_lazy

from personalization.decide.active_snapshot import get_active_snapshot
from personalization.lifecycle.customer_kind import (
    CUSTOMERS_PER_SWEEP,
    CustomerKind,
    example_products,
    next_customers,
    read_purchases_of,
)
from personalization.lifecycle.kinds import BY_MAIL, Channels, DueMessage, Occasion
from personalization.lifecycle.message_products import message_content, reader_visit, showable
from personalization.models import Delivery, Event, Visitor
from personalization.models.deliveries import Why
from personalization.models.events import EventType
from personalization.oscar.visits import open_basket
from personalization.shop import baskets, catalogue

VIEW_WINDOW = timedelta(hours=72)
RESTED = timedelta(hours=4)
"""So long they have looked at nothing: who is still looking needs no reminder."""
LOOKED_PAUSE = timedelta(days=7)
"""Nobody gets two of these messages within it."""
VIEWS_OF_PRODUCT, VIEWS_IN_CATEGORY = 2, 3
"""So many views within the window, of one product or within one leaf category."""
RELOADED = timedelta(minutes=5)
"""A page that is opened again so soon was not looked at again."""
MOST_VIEWS = 50_000
"""Of what the customers of one sweep looked at, so much is read, the newest."""
ALTERNATIVES_TO_LOOKED = 2


class ProductLook(NamedTuple):
    """A product that somebody looked at."""

    product: int
    at: datetime


class Looked(CustomerKind):
    """Looks at the customers who allow reminders in turn, each about once a day. Below these numbers of views it would
    be a stranger looking over one's shoulder."""

    name = "looked"
    label = pgettext_lazy("personalization", "Looked, not bought")
    explanation = gettext_lazy(
        "Goes to customers who looked at a product twice within three days, or at three of one kind, and bought "
        "nothing."
    )
    priority = 20

    def find_due(self, now: datetime, channels: Channels = BY_MAIL) -> Iterator[DueMessage]:
        """Of the next customers, those who looked often enough. Ten queries, however many there are."""
        users = next_customers(self, channels, now, CUSTOMERS_PER_SWEEP)
        told = Delivery.objects.already_messaged(self.name, users, now - LOOKED_PAUSE)
        looks = read_looks(set(users) - told, now)
        idle = set(looks) - baskets.owners_of_filled(looks)
        idle -= {one.user_id for one in read_purchases_of(idle, now - VIEW_WINDOW)}
        sensitive = catalogue.sensitive_products({one.product for user in idle for one in looks[user]})
        for user_id in idle:
            product = wanted_product([one for one in looks[user_id] if one.product not in sensitive], now)
            if product is not None:
                key = f"browse:{user_id}:{now:%G-W%V}"
                yield DueMessage(key, users[user_id], now, user_id=user_id, product_id=product)

    def read_details(self, delivery: Delivery, user: Any) -> int | None:
        """The product."""
        return delivery.product_id

    def reason_to_skip(self, occasion: Occasion, now: datetime) -> Why | None:
        """Whether they bought something since, or filled a basket, or it cannot be shown any more."""
        visit = reader_visit(occasion.user)
        if visit.visitor_id is None or occasion.details is None:
            return Why.NO_PERMISSION
        if read_purchases_of([occasion.user.pk], now - VIEW_WINDOW - self.give_up):
            return Why.BOUGHT
        if open_basket(occasion.user.pk)["basket"]:
            return Why.IN_USE
        return None if showable(visit, [occasion.details], 1) else Why.TOO_FEW_PRODUCTS

    def example_details(self, customer: Any) -> Any:
        """A product that sells well."""
        return next(iter(example_products(1)), None)

    def text_values(self, occasion: Occasion) -> dict[str, Any]:
        """The product, and what is like it."""
        visit = reader_visit(occasion.user, product=occasion.details)
        content = message_content(self.name, visit, [occasion.details], count=ALTERNATIVES_TO_LOOKED)
        if not content.subjects:
            raise LookupError("the product cannot be bought any more")
        return {"product": content.subjects[0], "products": content.chosen}


def read_looks(user_ids: Iterable[Any], now: datetime) -> dict[Any, list[ProductLook]]:
    """What those of these customers looked at who consented, the newest first; a page opened twice in a row once."""
    visitors = {one.pk: user for user, one in Visitor.objects.consented_customers(user_ids).items()}
    rows = (
        Event.objects.done_by(visitors, [EventType.PRODUCT_VIEW], now - VIEW_WINDOW, now, MOST_VIEWS)
        if visitors
        else []
    )
    found: dict[Any, list[ProductLook]] = {}
    later: dict[tuple[Any, int], datetime] = {}
    for visitor_id, _type, product, _query, at in rows:
        if product is None:
            continue
        user_id = visitors[visitor_id]
        opened_again = later.get((user_id, product), at + VIEW_WINDOW) - at < RELOADED
        later[user_id, product] = at
        if not opened_again:
            found.setdefault(user_id, []).append(ProductLook(product, at))
    return found


def wanted_product(looks: list[ProductLook], now: datetime) -> int | None:
    """The product that somebody looked at again and again, else the last one of the kind that they looked at; None
    where they did not look often enough, or still do. Parameters: `looks`, the newest first."""
    if not looks or looks[0].at > now - RESTED:
        return None
    product, views = Counter(one.product for one in looks).most_common(1)[0]
    if views >= VIEWS_OF_PRODUCT:
        return product
    leaves = _leaves_of([one.product for one in looks])
    counted = Counter(leaf for leaf in leaves if leaf >= 0).most_common(1)
    if not counted or counted[0][1] < VIEWS_IN_CATEGORY:
        return None
    return looks[leaves.index(counted[0][0])].product


def _leaves_of(products: list[int]) -> list[int]:
    """The number of the leaf category of each of these products; -1 where it is not known."""
    learned = get_active_snapshot()
    if learned is None:
        return [-1] * len(products)
    leaf_category = learned.arrays["product.leaf_category"]
    return [int(leaf_category[index]) if index >= 0 else -1 for index in learned.product_indices(products).tolist()]


kind = Looked()
