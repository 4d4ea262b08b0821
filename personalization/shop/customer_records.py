"""Reads what the shop holds of its customers beside their orders: accounts, wish lists, alerts, reviews, vouchers."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models.functions import Coalesce
from oscar.core.loading import get_model

from personalization.shop.customers import user_has_field

Order = get_model("order", "Order")
OrderDiscount = get_model("order", "OrderDiscount")
ProductAlert = get_model("customer", "ProductAlert")
ProductReview = get_model("reviews", "ProductReview")
VoucherApplication = get_model("voucher", "VoucherApplication")
WishListLine = get_model("wishlists", "Line")


@dataclass(frozen=True)
class Account:
    """What an account says of itself."""

    joined: datetime | None
    is_staff: bool


def accounts(user_ids: Iterable[Any]) -> dict[Any, Account]:
    """These accounts by key. The shop's own user model need not have a date or staff."""
    columns = [name for name in ("date_joined", "is_staff") if user_has_field(name)]
    rows = get_user_model()._default_manager.filter(pk__in=list(user_ids)).values("pk", *columns)
    return {row["pk"]: Account(row.get("date_joined"), bool(row.get("is_staff"))) for row in rows}


def groups(user_ids: Iterable[Any]) -> Iterator[tuple[Any, int]]:
    """(customer's key, key of a group that they are in)"""
    if user_has_field("groups"):
        rows = get_user_model()._default_manager.filter(pk__in=list(user_ids), groups__isnull=False)
        yield from rows.order_by("pk", "groups").values_list("pk", "groups")


def wished_products(user_ids: Iterable[Any]) -> Iterator[tuple[Any, int]]:
    """(customer's key, product on one of their wish lists; a child's parent)"""
    rows = WishListLine.objects.filter(wishlist__owner__in=list(user_ids), product__isnull=False)
    yield from _with_parents(rows, "wishlist__owner_id")


def awaited_products(user_ids: Iterable[Any]) -> Iterator[tuple[Any, int]]:
    """(customer's key, product of which they asked to be told when it is back; a child's parent)"""
    rows = ProductAlert.objects.filter(user__in=list(user_ids), status=ProductAlert.ACTIVE)
    yield from _with_parents(rows, "user_id")


def _with_parents(rows: Any, owner: str) -> Iterator[tuple[Any, int]]:
    folded = rows.order_by().annotate(folded=Coalesce("product__parent_id", "product_id"))
    yield from folded.values_list(owner, "folded").distinct().order_by(owner, "folded")


def review_counts(user_ids: Iterable[Any]) -> Counter[Any]:
    """The number of reviews that each of these customers wrote."""
    rows = ProductReview.objects.filter(user__in=list(user_ids)).order_by()
    return Counter(rows.values_list("user_id", flat=True))


def used_vouchers(user_ids: Iterable[Any]) -> Iterator[tuple[Any, int, float]]:
    """(customer's key, voucher that they used, when the order with it was placed, in whole seconds since 1970)"""
    rows = VoucherApplication.objects.filter(user__in=list(user_ids)).order_by()
    for user, voucher, placed in rows.values_list("user_id", "voucher_id", "order__date_placed"):
        yield user, voucher, placed.timestamp() // 1


def used_offers(user_ids: Iterable[Any]) -> Iterator[tuple[Any, int, float]]:
    """(customer's key, offer that gave a discount, when the order with it was placed, in whole seconds since 1970)"""
    rows = OrderDiscount.objects.filter(order__user__in=list(user_ids), offer_id__isnull=False).order_by()
    for user, offer, placed in rows.values_list("order__user_id", "offer_id", "order__date_placed"):
        yield user, offer, placed.timestamp() // 1


def last_countries(user_ids: Iterable[Any]) -> dict[Any, tuple[str, datetime]]:
    """{customer's key: (ISO code of the country that their last order with an address was sent to, when)}"""
    rows = Order.objects.filter(user__in=list(user_ids), shipping_address__isnull=False)
    rows = rows.order_by("date_placed", "pk").values_list("user_id", "shipping_address__country_id", "date_placed")
    return {user: (country, placed) for user, country, placed in rows}
