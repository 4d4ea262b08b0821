"""What customers paid on which day, for forecasts: one row an order or receipt, in one pass over their lines."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db.models import Count, F, FloatField, Sum
from django.db.models.functions import Cast

from personalization.models import Purchase
from personalization.models.epoch import Epoch
from personalization.shop.catalogue import all_sensitive_products
from personalization.shop.orders import bought_lines

PaidOrder = tuple[Any, int, float, int]
"""(customer's key, seconds since 1970, what was paid with tax and without shipping, lines)"""


def paid_orders() -> Iterator[PaidOrder]:
    """The orders and receipts of customers with an account in the shop's own currency, as far as they stayed bought,
    without what is sensitive; streamed."""
    lines = bought_lines().filter(order__user__isnull=False, order__currency=settings.OSCAR_DEFAULT_CURRENCY)
    if sensitive := all_sensitive_products():
        lines = lines.exclude(product_id__in=sensitive).exclude(product__parent_id__in=sensitive)
    rows = lines.values_list("order_id", "order__user_id", Epoch(F("order__date_placed"))).annotate(
        paid=Cast(Sum("line_price_incl_tax"), FloatField()), bought=Count("pk")
    )
    receipts = Purchase.objects.paid_receipts(settings.OSCAR_DEFAULT_CURRENCY, sensitive)
    found = rows.union(receipts, all=True).iterator(chunk_size=20_000)
    return ((user, moment, paid, bought) for _, user, moment, paid, bought in found)
