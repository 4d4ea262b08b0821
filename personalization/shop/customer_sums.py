"""What customers ordered in a time and before it, from the shop's own orders, for reports about all of them."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import Count, Max, Min, Q, Sum
from oscar.core.loading import get_model

from personalization.shop.orders import bought_lines

Line = get_model("order", "Line")


class CustomerSums(NamedTuple):
    """The kept orders of one customer up to the end of a period. Money is without tax and shipping, in the shop's own
    currency."""

    first_at: datetime | None
    """When their first order in the period was placed; None for none in it."""
    before_at: datetime | None
    """When their last order before the period was placed; None for none before it."""
    orders: int
    """In the period."""
    kept_amount: Decimal
    kept_in_year: Decimal
    """In the year that ends with the period."""


def customer_sums(first: datetime, until: datetime, year: datetime) -> Iterator[CustomerSums]:
    """The sums of each customer with an account who ever ordered and kept something, in one query; nobody is named.

    Parameters: the period from `first` up to before `until`; `year`, where the year begins that ends with it.
    """
    within = Q(order__date_placed__gte=first)
    own = Q(order__currency=settings.OSCAR_DEFAULT_CURRENCY)
    rows: Any = (
        bought_lines()
        .filter(order__user__isnull=False, order__date_placed__lt=until)
        .values_list("order__user_id")
        .annotate(
            first_at=Min("order__date_placed", filter=within),
            before_at=Max("order__date_placed", filter=~within),
            orders=Count("order", distinct=True, filter=within),
            kept=Sum("line_price_excl_tax", filter=within & own, default=Decimal(0)),
            kept_in_year=Sum("line_price_excl_tax", filter=own & Q(order__date_placed__gte=year), default=Decimal(0)),
        )
    )
    return (CustomerSums(*row[1:]) for row in rows.iterator(chunk_size=5_000))


def guest_sums(first: datetime, until: datetime) -> tuple[int, Decimal]:
    """(kept orders, what was kept of them) of guests in a period. One query."""
    own = Q(order__currency=settings.OSCAR_DEFAULT_CURRENCY)
    found = (
        bought_lines()
        .filter(order__user__isnull=True, order__date_placed__gte=first, order__date_placed__lt=until)
        .aggregate(
            orders=Count("order", distinct=True), kept=Sum("line_price_excl_tax", filter=own, default=Decimal(0))
        )
    )
    return found["orders"], found["kept"]
