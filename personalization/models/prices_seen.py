"""The lowest price of each product on each day: what a reduction is measured by. About nobody."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db import models
from django.db.models import F, Min, OuterRef, Subquery
from django.db.models.functions import Cast
from django.utils.translation import pgettext_lazy

from personalization.batching import batched
from personalization.models.batched_deletion import delete_in_batches

REFERENCE_DAYS = 30
"""What is called a reduction is one of the lowest price of these days."""
KEPT_DAYS = 40
PRICES_PER_BATCH = 500


class PriceDrop(NamedTuple):
    """A product that costs less today than on any of the days before."""

    product_id: int
    currency: str
    price: Decimal
    """Today's."""
    lowest: Decimal
    """The lowest of the days before, of which there may be few."""


class LowestPrice(NamedTuple):
    """The lowest price of a product on the days before."""

    price: Decimal
    is_of_all_days: bool
    """Whether the product's prices are known since the first of these days."""


class PriceSeenQuerySet(models.QuerySet):
    """The questions about prices."""

    def store(self, prices: "Iterable[PriceSeen]", day: date) -> int:
        """Writes the prices of a day, where they are lower than those that were seen earlier that day. How many
        products there were."""
        count = 0
        for batch in batched(prices, PRICES_PER_BATCH):
            rows = self.filter(product_id__in=[one.product_id for one in batch], day=day)
            known = {(row.product_id, row.currency): row.lowest for row in rows}
            for one in batch:
                one.lowest = min(one.lowest, known.get((one.product_id, one.currency), one.lowest))
            keys = ["product_id", "currency", "day"]
            self.bulk_create(batch, update_conflicts=True, unique_fields=keys, update_fields=["lowest"])
            count += len(batch)
        return count

    def drops(self, day: date, share: Decimal, amount: Decimal, limit: int) -> list[PriceDrop]:
        """The products whose price of a day is lower by a share (0 to 1) and by an amount than the lowest of the days
        before, those with the largest drop first. One query."""
        earlier = self._days_before(day).filter(product_id=OuterRef("product_id"), currency=OuterRef("currency"))
        lowest = earlier.order_by().values("product_id").annotate(lowest_price=Min("lowest")).values("lowest_price")
        rows = self.filter(day=day).annotate(before=Subquery(lowest))
        rows = rows.filter(lowest__lte=F("before") * (1 - share)).filter(lowest__lte=F("before") - amount)
        rows = rows.order_by(Cast("lowest", models.FloatField()) / Cast("before", models.FloatField()), "product_id")
        return [PriceDrop(*row) for row in rows.values_list("product_id", "currency", "lowest", "before")[:limit]]

    def lowest_before(self, product_id: int, currency: str, day: date) -> LowestPrice | None:
        """The lowest price of a product on the days before a day; None where none was seen."""
        rows = self._days_before(day).filter(product_id=product_id, currency=currency)
        found = rows.aggregate(lowest_price=Min("lowest"), first=Min("day"))
        if found["lowest_price"] is None:
            return None
        return LowestPrice(found["lowest_price"], found["first"] <= day - timedelta(days=REFERENCE_DAYS))

    def _days_before(self, day: date) -> "PriceSeenQuerySet":
        return self.filter(day__gte=day - timedelta(days=REFERENCE_DAYS), day__lt=day)

    def delete_before(self, day: date) -> Iterator[int]:
        """Deletes those of earlier days; how many went with each batch."""
        return delete_in_batches(self.filter(day__lt=day).order_by("day"))


class PriceSeen(models.Model):
    """What a stranger would have paid for a product on one day, at the least."""

    product_id = models.BigIntegerField()
    """A child's parent: then the price of its cheapest variant."""
    currency = models.CharField(max_length=12)
    day = models.DateField()
    """By the shop's calendar."""
    lowest = models.DecimalField(max_digits=14, decimal_places=2)

    objects = PriceSeenQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "price seen")
        verbose_name_plural = pgettext_lazy("personalization", "prices seen")
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=["product_id", "currency", "day"], name="personalization_one_price"),
        )
        indexes = (models.Index(fields=["day"], name="personalization_price_day"),)

    def __str__(self) -> str:
        return f"product {self.product_id} on {self.day}: {self.lowest} {self.currency}"
