"""What the shop's own tables give to learn from, and since when."""

from datetime import datetime
from typing import Any

from django.db.models import Min, QuerySet
from oscar.core.loading import get_model

from personalization.shop.orders import orders_of_our_sites

Order = get_model("order", "Order")
UserProductView = get_model("analytics", "UserProductView")
UserSearch = get_model("analytics", "UserSearch")


def shop_sources() -> dict[str, tuple[QuerySet[Any], str]]:
    """{name: (rows, the field that says when)} of orders, and of the views and searches that Oscar logs of customers
    who are signed in."""
    return {
        "orders": (orders_of_our_sites(), "date_placed"),
        "views": (UserProductView.objects.all(), "date_created"),
        "searches": (UserSearch.objects.all(), "date_created"),
    }


def oldest_order() -> datetime | None:
    """When the first order was placed."""
    found: datetime | None = orders_of_our_sites().aggregate(oldest=Min("date_placed"))["oldest"]
    return found


def count_orders(since: datetime | None = None) -> int:
    """How many orders were placed since a moment, or ever."""
    orders = orders_of_our_sites()
    return int((orders if since is None else orders.filter(date_placed__gte=since)).count())
