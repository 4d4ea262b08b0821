"""What the demo's products cost its shop: made up, as the data has no costs."""

from datetime import date
from decimal import Decimal
from random import Random

from django.conf import settings
from oscar.core.loading import get_model

from personalization.models import ProductCost

StockRecord = get_model("partner", "StockRecord")

SINCE = date(2020, 1, 1)
SHARES = (0.55, 0.9)
"""The smallest and the largest part of its price that a product costs."""
KNOWN = 0.9
"""Of so many products the cost is known."""


def make_up_costs() -> None:
    """Costs of nine in ten products, each always the same part of its price; all are marked as made for the demo."""
    rows = StockRecord.objects.exclude(price=None).order_by("product_id").values_list("product_id", "price")
    ProductCost.objects.store(
        ProductCost(
            product_id=key,
            cost=(price * share).quantize(Decimal("0.01")),
            currency=settings.OSCAR_DEFAULT_CURRENCY,
            since=SINCE,
            is_demo=True,
        )
        for key, price in rows
        if (share := _share_of_price(key)) is not None
    )


def _share_of_price(key: int) -> Decimal | None:
    """Which part of its price a product costs; None where nobody knows."""
    drawn = Random(key)
    return Decimal(str(drawn.uniform(*SHARES))) if drawn.random() < KNOWN else None
