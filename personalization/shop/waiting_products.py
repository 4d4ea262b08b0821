"""Products that people wait for: sold out, with alerts or on wish lists."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from oscar.core.loading import get_model

Product = get_model("catalogue", "Product")
ProductAlert = get_model("customer", "ProductAlert")
StockRecord = get_model("partner", "StockRecord")
WishListLine = get_model("wishlists", "Line")


@dataclass(frozen=True)
class WaitingProduct:
    """A sold-out product, and how many wait for it in each way. One person may do both."""

    product_id: int
    title: str
    alerts: int
    wish_lists: int


def waiting_products(limit: int) -> list[WaitingProduct]:
    """The public products without stock that most people wait for, at most `limit`, in one query."""
    alerts = ProductAlert.objects.filter(product=OuterRef("pk"), status=ProductAlert.ACTIVE)
    wishes = WishListLine.objects.filter(product=OuterRef("pk"))
    in_stock = StockRecord.objects.filter(Q(num_in_stock__gt=Coalesce(F("num_allocated"), 0)), product=OuterRef("pk"))
    rows = (
        Product.objects.filter(Exists(alerts) | Exists(wishes), ~Exists(in_stock), is_public=True)
        .filter(Q(product_class__track_stock=True) | Q(parent__product_class__track_stock=True))
        .exclude(structure=Product.PARENT)
        .annotate(alerts=_count_of(alerts, "pk"), wish_lists=_count_of(wishes, "wishlist"))
        .annotate(waiting=F("alerts") + F("wish_lists"))
        .order_by("-waiting", "pk")
    )
    columns = rows.annotate(parent_title=F("parent__title")).values_list(
        "pk", "title", "parent_title", "alerts", "wish_lists"
    )
    return [
        WaitingProduct(key, title or parent or "", alerted, wished)
        for key, title, parent, alerted, wished in columns[:limit]
    ]


def people_waiting(product_id: int) -> tuple[int, int]:
    """(active alerts, wish lists) for a product and its children, whether it is sold out or not. One query."""
    is_meant = Q(product=OuterRef("pk")) | Q(product__parent=OuterRef("pk"))
    alerts = _count_all(ProductAlert.objects.filter(is_meant, status=ProductAlert.ACTIVE), "pk")
    wish_lists = _count_all(WishListLine.objects.filter(is_meant), "wishlist")
    counts = Product.objects.filter(pk=product_id).values_list(alerts, wish_lists).first()
    return counts or (0, 0)


def _count_all(rows: QuerySet[Any], field: str) -> Coalesce:
    counted = rows.order_by().annotate(everything=Value(1)).values("everything")
    counted = counted.annotate(rows=Count(field, distinct=True)).values("rows")
    return Coalesce(Subquery(counted, output_field=IntegerField()), Value(0))


def _count_of(rows: QuerySet[Any], field: str) -> Coalesce:
    counted = rows.order_by().values("product").annotate(rows=Count(field, distinct=True)).values("rows")
    return Coalesce(Subquery(counted, output_field=IntegerField()), Value(0))
