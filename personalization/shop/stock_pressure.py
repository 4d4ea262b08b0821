"""What lies too long in the shop's stock, and what is scarce, told for products as lists show them."""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Sum
from django.db.models.functions import Coalesce
from django.utils.timezone import now

from personalization.models import Purchase
from personalization.shop.orders import bought_lines
from personalization.shop.product_targets import creation_times, stock_levels


def slow_stock(days: int) -> list[tuple[int, float]]:
    """(product, the part of its stock that would still lie there after so many days, if it sold as in the last so many
    days) of those that have been in the catalogue for as long. Five queries."""
    since = now() - timedelta(days=days)
    old = {key for key, created in creation_times() if created <= since.timestamp()}
    sold: dict[int, int] = {}
    for key, pieces in _pieces_sold(days):
        sold[key] = sold.get(key, 0) + pieces
    left = ((key, stock, stock - sold.get(key, 0)) for key, stock in stock_levels() if key in old)
    return [(key, rest / stock) for key, stock, rest in left if rest > 0]


def scarce_stock(below: int) -> list[tuple[int, float]]:
    """(product, how scarce it is, above 0 and up to 1) of those of which fewer than so many can be sold, and at least
    one: the fewer, the scarcer."""
    return [(key, (below - stock) / below) for key, stock in stock_levels() if 0 < stock < below]


def _pieces_sold(days: int) -> Iterator[tuple[int, int]]:
    """(product, pieces) of what was bought within so many days, here and in stores, and did not come back."""
    since = now() - timedelta(days=days)
    product = Coalesce("product__parent_id", "product_id")
    lines = bought_lines().filter(order__date_placed__gte=since).annotate(item=product).values_list("item")
    yield from lines.annotate(pieces=Sum("quantity"))
    elsewhere = Purchase.objects.bought().filter(at__gte=since)
    yield from elsewhere.values_list("product_id").annotate(pieces=Sum("quantity"))
