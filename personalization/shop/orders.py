"""Reads the shop's orders: what was bought, by whom and when. All SQL over Oscar's order tables is here."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce, Lower
from numpy.typing import NDArray
from oscar.core.loading import get_model

from personalization.models.epoch import Epoch
from personalization.recommenders import GUEST

Line = get_model("order", "Line")
Order = get_model("order", "Order")
ShippingEventQuantity = get_model("order", "ShippingEventQuantity")

EXCLUDED_STATUSES = ("cancelled", "canceled", "refunded", "returned")
"""An order or a line with such a status, or a line with such a shipping event, was not bought after all. These words
are the shop's own, in the shop's own case."""


@dataclass(frozen=True)
class PurchaseArrays:
    """Order lines as arrays, one entry a line."""

    users: list[Any]
    """The customers' primary keys; `customer` counts in this list."""
    customer: NDArray[np.int32]
    """A place in `users`, or GUEST."""
    order: NDArray[np.int64]
    """The order's primary key."""
    product: NDArray[np.int64]
    """The product's primary key; a child product counts as its parent."""
    ordered_at: NDArray[np.float64]
    """Seconds since 1970."""

    def exclude_customers(self, forgotten: Mapping[Any, float]) -> "PurchaseArrays":
        """The same without what these customers bought up to these moments, in seconds since 1970."""
        if not forgotten:
            return self
        until = np.full(len(self.users) + 1, -np.inf)  # the last is the guests'
        for place, user in enumerate(self.users):
            if user in forgotten:
                until[place] = forgotten[user]
        return self.select(self.ordered_at > until[self.customer])

    def select(self, kept: NDArray[np.bool_]) -> "PurchaseArrays":
        """The same with the lines only that are true in the mask."""
        return replace(
            self,
            customer=self.customer[kept],
            order=self.order[kept],
            product=self.product[kept],
            ordered_at=self.ordered_at[kept],
        )


def bought_lines(user_ids: Iterable[Any] | None = None) -> QuerySet:
    """The order lines that were bought and kept, of these customers or of everyone, guests too."""
    returned = ShippingEventQuantity.objects.annotate(code=Lower("event__event_type__code")).filter(
        line=OuterRef("pk"), code__in=EXCLUDED_STATUSES, quantity__gte=OuterRef("quantity")
    )
    lines = (
        Line.objects.order_by()
        .alias(order_state=Lower("order__status"), line_state=Lower("status"))
        .filter(product__isnull=False, quantity__gte=1)
        .exclude(Q(order_state__in=EXCLUDED_STATUSES) | Q(line_state__in=EXCLUDED_STATUSES))
        .exclude(Exists(returned))  # by itself, so that the database may join it
    )
    return lines if user_ids is None else lines.filter(order__user_id__in=list(user_ids))


def read_purchases(rows: Iterable[tuple], until: float) -> PurchaseArrays:
    """These rows of `line_values` as arrays, without what lies after `until`."""
    places: dict[Any, int] = {}
    table = np.fromiter(_numbered(rows, places), np.dtype("i8,i8,i8,f8"))
    table = table[table["f3"] <= until]
    users = sorted(places)  # a number that no dump and restore changes
    number = np.full(len(users) + 1, GUEST, np.int32)  # the last is the guests'
    number[[places[user] for user in users]] = np.arange(len(users))
    return PurchaseArrays(
        users=users,
        customer=number[table["f0"]],
        order=table["f1"],
        product=table["f2"],
        ordered_at=table["f3"],
    )


def line_values(lines: QuerySet) -> Iterator[tuple]:
    """(customer's key or None, order's key, product's key, seconds since 1970) of each line, streamed."""
    return (
        lines.annotate(folded=Coalesce("product__parent_id", "product_id"), placed=Epoch(F("order__date_placed")))
        .values_list("order__user_id", "order_id", "folded", "placed")
        .iterator(chunk_size=20_000)
    )


def _numbered(rows: Iterable[tuple], places: dict[Any, int]) -> Iterator[tuple]:
    for user, order, product, placed in rows:
        customer = GUEST if user is None else places.setdefault(user, len(places))
        yield customer, order, product, placed


def customer_countries() -> tuple[NDArray[np.int64], NDArray[np.str_]]:
    """(orders' keys, ascending, ISO code of the country that each is sent to), without those of which none is known.

    A query of its own: there are far fewer orders than lines, and every line would pay for the text and the join.
    """
    sent = Order.objects.filter(shipping_address__isnull=False).order_by("pk")
    rows = sent.values_list("pk", "shipping_address__country_id").iterator(chunk_size=20_000)
    table = np.fromiter(rows, np.dtype("i8,U2"))
    return table["f0"], table["f1"]


def newest_order(until: float) -> float | None:
    """When the last order up to then was placed, in seconds since 1970; None when there is none."""
    moment = datetime.fromtimestamp(until, UTC)
    return Order.objects.filter(date_placed__lte=moment).aggregate(newest=Epoch(Max("date_placed")))["newest"]


def ordering_customers() -> QuerySet:
    """The keys of all customers who ever ordered, in a fixed sequence."""
    return (
        Line.objects.filter(order__user__isnull=False)
        .order_by("order__user_id")
        .values_list("order__user_id", flat=True)
        .distinct()
    )
