"""Reads the shop's orders: what was bought, by whom and when. All SQL over Oscar's order tables is here."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
from django.conf import settings
from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Lower
from numpy.typing import NDArray
from oscar.core.loading import get_model

from personalization import conf
from personalization.models.epoch import Epoch
from personalization.recommenders import GUEST
from personalization.shop.order_statuses import is_unbought, unbought_statuses

Line = get_model("order", "Line")
Order = get_model("order", "Order")
ShippingEventQuantity = get_model("order", "ShippingEventQuantity")

PurchaseRow = tuple[Any, int, int, float]
"""(customer's key or None, order's key, product's key, seconds since 1970); a child product counts as its parent"""


@dataclass(frozen=True)
class PurchaseArrays:
    """Order lines as arrays, one entry a line."""

    users: list[Any]
    """The customers' primary keys, ascending."""
    customer: NDArray[np.int32]
    """The customer's index in `users`, or GUEST."""
    order: NDArray[np.int64]
    """The order's primary key."""
    product: NDArray[np.int64]
    """The product's primary key; a child product counts as its parent."""
    ordered_at: NDArray[np.float64]
    """Seconds since 1970."""

    def exclude_customers(self, excluded_until: Mapping[Any, float]) -> "PurchaseArrays":
        """The lines without those of these customers up to these moments, in seconds since 1970."""
        if not excluded_until:
            return self
        until = np.full(len(self.users) + 1, -np.inf)  # GUEST is -1, so the last entry is the guests'
        for index, user in enumerate(self.users):
            until[index] = excluded_until.get(user, -np.inf)
        return self.select(self.ordered_at > until[self.customer])

    def select(self, mask: NDArray[np.bool_]) -> "PurchaseArrays":
        """The lines for which the mask is true."""
        return replace(
            self,
            customer=self.customer[mask],
            order=self.order[mask],
            product=self.product[mask],
            ordered_at=self.ordered_at[mask],
        )


def bought_lines(user_ids: Iterable[Any] | None = None) -> QuerySet[Any]:
    """The order lines that were bought on this shop's sites and neither cancelled nor returned: of these customers, or
    of all and guests."""
    lines: QuerySet[Any] = (
        _lines_of_our_sites()
        .filter(product__isnull=False)
        .exclude(_has_unbought_status())
        .exclude(_was_returned())  # an exclude of its own, so that the database may use an anti-join
    )
    return lines if user_ids is None else lines.filter(order__user_id__in=list(user_ids))


def account_buyers() -> QuerySet[Any]:
    """The keys of the customers with an account who bought something, for use within another query."""
    customers: QuerySet[Any] = bought_lines().filter(order__user__isnull=False).order_by().values("order__user")
    return customers


def _lines_of_our_sites() -> QuerySet[Any]:
    lines: QuerySet[Any] = Line.objects.order_by().alias(order_state=Lower("order__status"), line_state=Lower("status"))
    return lines.filter(_of_our_sites("order__"), quantity__gte=1)


def _has_unbought_status() -> Q:
    unbought = unbought_statuses()
    return Q(order_state__in=unbought) | Q(line_state__in=unbought)


def _was_returned() -> Q:
    returned = ShippingEventQuantity.objects.annotate(code=Lower("event__event_type__code")).filter(
        line=OuterRef("pk"), code__in=unbought_statuses(), quantity__gte=OuterRef("quantity")
    )
    return Q(Exists(returned))


def _of_our_sites(prefix: str = "") -> Q:
    """Which orders count where several sites share a database: those of this one, of those that the shop names, and
    those that name none."""
    own = getattr(settings, "SITE_ID", None)
    sites = {*conf.get_settings().ORDER_SITES, *([own] if own is not None else [])}
    return Q(**{f"{prefix}site": None}) | Q(**{f"{prefix}site__in": sites}) if sites else Q()


def orders_of_our_sites() -> QuerySet[Any]:
    """The orders that count, whatever became of them."""
    orders: QuerySet[Any] = Order.objects.order_by().filter(_of_our_sites())
    return orders


@dataclass(frozen=True)
class OrderSums:
    """An order of a customer, or a receipt, with what was cancelled or came back and without it."""

    in_store: bool
    """Whether it is a receipt of a store."""
    user_id: Any
    currency: str
    placed_at: datetime
    pieces: int
    paid: Decimal
    """With tax, without shipping."""
    kept_pieces: int
    kept_paid: Decimal


def sums_by_order(user_ids: Iterable[Any]) -> QuerySet[Any]:
    """(order's key, the fields of OrderSums from the second on) of the orders of these customers on our sites."""
    kept = ~_has_unbought_status() & ~_was_returned()
    rows: QuerySet[Any] = (
        _lines_of_our_sites()
        .filter(order__user_id__in=list(user_ids))
        .values_list("order_id", "order__user_id", "order__currency")
        .annotate(
            placed_at=Max("order__date_placed"),
            pieces=Sum("quantity"),
            paid=Sum("line_price_incl_tax"),
            kept_pieces=Sum("quantity", filter=kept, default=0),
            kept_paid=Sum("line_price_incl_tax", filter=kept, default=Decimal(0)),
        )
    )
    return rows


def kept_value(since: datetime, until: datetime, currency: str) -> Decimal:
    """What was ordered between two moments in a currency and neither cancelled nor returned whole, without tax and
    shipping. One query."""
    lines = _lines_of_our_sites().filter(
        order__date_placed__gte=since, order__date_placed__lt=until, order__currency=currency
    )
    bought = lines.exclude(_has_unbought_status()).exclude(_was_returned())
    found: Decimal | None = bought.aggregate(sum=Sum("line_price_excl_tax"))["sum"]
    return found or Decimal(0)


@dataclass(frozen=True)
class CurrencySums:
    """The orders of a customer in one currency, whatever became of them, and what was kept."""

    currency: str
    orders: int
    kept_orders: int
    """Those of which at least one line was kept."""
    pieces: int
    kept_pieces: int
    paid: Decimal
    """With tax, without shipping."""
    kept_paid: Decimal
    first_at: datetime | None
    """When the first and the last of the kept ones were placed; None where there is none."""
    last_at: datetime | None


MAX_SUMMED_ORDERS = 5_000
"""Of a customer as many orders are summed, the latest."""


def sums_by_currency(user_id: Any) -> list[CurrencySums]:
    """The latest orders of one customer on this shop's sites, the shop's own currency first: one query, one row a
    currency."""
    kept = ~_has_unbought_status() & ~_was_returned()
    latest = orders_of_our_sites().filter(user_id=user_id).order_by("-date_placed", "-pk").values("pk")
    rows = (
        _lines_of_our_sites()
        .filter(order__in=latest[:MAX_SUMMED_ORDERS])
        .values_list("order__currency")
        .annotate(
            orders=Count("order", distinct=True),
            kept_orders=Count("order", distinct=True, filter=kept),
            pieces=Sum("quantity"),
            kept_pieces=Sum("quantity", filter=kept, default=0),
            paid=Sum("line_price_incl_tax"),
            kept_paid=Sum("line_price_incl_tax", filter=kept, default=Decimal(0)),
            first_at=Min("order__date_placed", filter=kept),
            last_at=Max("order__date_placed", filter=kept),
        )
    )
    own = settings.OSCAR_DEFAULT_CURRENCY
    return sorted((CurrencySums(*row) for row in rows), key=lambda sums: (sums.currency != own, sums.currency))


@dataclass(frozen=True)
class PlacedOrder:
    """An order as a list shows it."""

    number: str
    placed_at: datetime
    total: Decimal
    """With tax and shipping."""
    currency: str
    status: str


def latest_orders(user_id: Any, limit: int) -> list[PlacedOrder]:
    """The last orders of a customer on this shop's sites, the newest first."""
    rows = orders_of_our_sites().filter(user_id=user_id).order_by("-date_placed", "-pk")
    columns = ("number", "date_placed", "total_incl_tax", "currency", "status")
    return [PlacedOrder(*row) for row in rows.values_list(*columns)[:limit]]


def read_purchases(rows: Iterable[PurchaseRow], until: float) -> PurchaseArrays:
    """The rows of `purchases.purchase_rows` up to the moment `until` as arrays."""
    indices: dict[Any, int] = {}
    table = np.fromiter(_with_customer_index(rows, indices), np.dtype("i8,i8,i8,f8"))
    table = table[np.isfinite(table["f3"]) & (table["f3"] <= until)]
    users = sorted(indices)  # by key, so that the index is the same after a dump and restore
    sorted_index = np.full(len(users) + 1, GUEST, np.int32)  # GUEST is -1, so the last entry is the guests'
    sorted_index[[indices[user] for user in users]] = np.arange(len(users))
    return PurchaseArrays(
        users=users,
        customer=sorted_index[table["f0"]],
        order=table["f1"],
        product=table["f2"],
        ordered_at=table["f3"],
    )


def _with_customer_index(rows: Iterable[PurchaseRow], indices: dict[Any, int]) -> Iterator[tuple[int, int, int, float]]:
    """The rows with an index for each customer's key, which `indices` collects."""
    for user, order, product, ordered_at in rows:
        customer = GUEST if user is None else indices.setdefault(user, len(indices))
        yield customer, order, product, ordered_at


def customer_countries() -> tuple[NDArray[np.int64], NDArray[np.str_]]:
    """(keys of orders, ascending; ISO code of the country that each is shipped to), without orders with no address.

    A query of its own: there are far fewer orders than lines, and every line would pay for the text and the join.
    """
    shipped = Order.objects.filter(shipping_address__isnull=False).order_by("pk")
    rows = shipped.values_list("pk", "shipping_address__country_id").iterator(chunk_size=20_000)
    table = np.fromiter(rows, np.dtype("i8,U2"))
    return table["f0"], table["f1"]


def newest_order(until: float) -> float | None:
    """When the last order up to a moment was placed, both in seconds since 1970; None when there is none."""
    moment = datetime.fromtimestamp(until, UTC)
    placed = orders_of_our_sites().filter(date_placed__lte=moment)
    newest = placed.aggregate(newest=Epoch(Max("date_placed")))["newest"]
    return None if newest is None else float(newest)


def last_orders(since: datetime) -> dict[Any, datetime]:
    """When each customer who ordered since a moment did so last, by key. One query."""
    placed = orders_of_our_sites().filter(date_placed__gte=since, user__isnull=False).order_by()
    return dict(placed.values_list("user_id").annotate(last=Max("date_placed")))


def ordering_customers() -> QuerySet[Any]:
    """The keys of all customers who ever ordered, ascending."""
    lines: QuerySet[Any] = Line.objects.filter(order__user__isnull=False)
    return lines.order_by("order__user_id").values_list("order__user_id", flat=True).distinct()


def order_facts(order: Any) -> tuple[Any, str, datetime]:
    """What decides whose purchase an order is, and whether it is one: (customer's key or None, status, date)."""
    return order.user_id, order.status, order.date_placed


def stored_order_facts(order_id: int) -> tuple[Any, str, datetime] | None:
    """`order_facts` as the database has them; None when there is no such order. One query."""
    facts: tuple[Any, str, datetime] | None = (
        Order.objects.filter(pk=order_id).values_list("user_id", "status", "date_placed").first()
    )
    return facts


def is_return_event(event: Any) -> bool:
    """Whether a shipping event says that what was shipped came back."""
    return is_unbought(event.event_type.code)
