"""What was bought, wherever: the shop's own order lines and the purchases made in stores, read as one.

Whoever learns from purchases reads them here. Reports and credit are about the shop's own orders, and read those.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.db.models import F, Max, Q, QuerySet
from django.db.models.functions import Coalesce

from personalization.models import Purchase
from personalization.models.epoch import Epoch
from personalization.shop import orders
from personalization.shop.orders import OrderSums, PurchaseRow


def purchase_rows(user_ids: Iterable[Any] | None = None) -> Iterator[PurchaseRow]:
    """A row for each line that was bought and stayed bought: of these customers, or of all and guests. One query,
    streamed. A receipt of a store has a key below 0."""
    values: Iterator[PurchaseRow] = _union_of_lines(user_ids).iterator(chunk_size=20_000)
    return values


def purchases_since(user_ids: Iterable[Any], since: datetime) -> list[tuple[Any, int, datetime, int]]:
    """(customer's key, product's key, moment, pieces) of what these customers bought since a moment, by customer,
    product and moment; a child product counts as its parent. One query."""
    users = list(user_ids)
    lines = orders.bought_lines(users).filter(order__date_placed__gte=since)
    lines = lines.annotate(folded=Coalesce("product__parent_id", "product_id"))
    elsewhere = Purchase.objects.bought(users).filter(at__gte=since)
    rows = lines.values_list("order__user_id", "folded", "order__date_placed", "quantity").union(
        elsewhere.values_list("user_id", "product_id", "at", "quantity"), all=True
    )
    return sorted(rows, key=lambda row: row[:3])


def _union_of_lines(user_ids: Iterable[Any] | None) -> QuerySet[Any]:
    users = None if user_ids is None else list(user_ids)
    lines = orders.bought_lines(users).annotate(
        folded=Coalesce("product__parent_id", "product_id"), ordered_at=Epoch(F("order__date_placed"))
    )
    elsewhere = Purchase.objects.bought(users).annotate(ordered_at=Epoch(F("at")))
    rows: QuerySet[Any] = lines.values_list("order__user_id", "order_id", "folded", "ordered_at").union(
        elsewhere.values_list("user_id", "receipt", "product_id", "ordered_at"), all=True
    )
    return rows


def purchase_sums(user_ids: Iterable[Any]) -> Iterator[OrderSums]:
    """The orders and receipts of these customers, in one query."""
    users = list(user_ids)
    rows = orders.sums_by_order(users).union(Purchase.objects.sums_by_receipt(users), all=True)
    return (OrderSums(key < 0, *sums) for key, *sums in rows)


def buying_customers() -> list[Any]:
    """The keys of all customers who ever bought something, ascending."""
    ordering = list(orders.ordering_customers())
    elsewhere = set(Purchase.objects.customers()) - set(ordering)
    return sorted([*ordering, *elsewhere]) if elsewhere else ordering


def last_purchases(since: datetime) -> dict[Any, datetime]:
    """When each customer who bought something since a moment did so last, by key. Two queries."""
    found = dict(Purchase.objects.last_by_customer(since))
    for user, moment in orders.last_orders(since).items():
        found[user] = max(moment, found.get(user, moment))
    return found


def buyers() -> QuerySet[Any]:
    """The keys of the customers with an account who bought something, for use within another query."""
    return orders.account_buyers().union(Purchase.objects.bought().filter(user__isnull=False).values("user"), all=True)


def count_customers_up_to(product_id: int, limit: int) -> int:
    """How many customers with an account bought a product or one of its children; no more than `limit` are counted. One
    query."""
    is_it = Q(product=product_id) | Q(product__parent=product_id)
    ordered = orders.bought_lines().filter(is_it, order__user__isnull=False).values_list("order__user_id")
    elsewhere = Purchase.objects.bought().filter(product_id=product_id, user__isnull=False).values_list("user_id")
    return len(ordered.union(elsewhere)[:limit])


def newest_purchase(until: float) -> float | None:
    """When something was bought last up to a moment, both in seconds since 1970; None for never."""
    elsewhere = Purchase.objects.filter(at__lte=datetime.fromtimestamp(until, UTC)).aggregate(at=Epoch(Max("at")))["at"]
    found = [moment for moment in (orders.newest_order(until), elsewhere) if moment is not None]
    return max(map(float, found), default=None)
