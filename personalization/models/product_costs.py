"""What products cost the shop: Oscar keeps no costs. About nobody."""

from collections.abc import Iterable
from datetime import date
from typing import Self

from django.db import models
from django.utils.translation import pgettext_lazy


class ProductCostQuerySet(models.QuerySet):
    """The questions about costs."""

    def in_force(self, day: date, currency: str) -> dict[int, float]:
        """By product, what a piece costs on a day: the newest cost that had begun by then. One query."""
        rows = self.filter(since__lte=day, currency=currency).order_by("product_id", "since")
        return {key: float(cost) for key, cost in rows.values_list("product_id", "cost")}

    def store(self, costs: "Iterable[ProductCost]") -> None:
        """Writes these costs, each over the one of the same product, currency and day: inside a transaction."""
        self.bulk_create(
            costs,
            update_conflicts=True,
            unique_fields=["product", "currency", "since"],
            update_fields=["cost", "is_demo"],
            batch_size=500,
        )

    def of_demo(self) -> Self:
        """Those that were made up for the demo."""
        return self.filter(is_demo=True)


class ProductCost(models.Model):
    """What one piece of a product, or of a variant, costs the shop from a day on, without tax."""

    product = models.ForeignKey(
        "catalogue.Product",
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        verbose_name=pgettext_lazy("personalization", "product"),
    )
    cost = models.DecimalField(pgettext_lazy("personalization", "cost of a piece"), max_digits=12, decimal_places=4)
    currency = models.CharField(pgettext_lazy("personalization", "currency"), max_length=12)
    since = models.DateField(pgettext_lazy("personalization", "since"))
    is_demo = models.BooleanField(pgettext_lazy("personalization", "made for the demo"), default=False)

    objects = ProductCostQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "cost of a product")
        verbose_name_plural = pgettext_lazy("personalization", "costs of products")
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=["product", "currency", "since"], name="personalization_one_cost"),
        )

    def __str__(self) -> str:
        return f"product {self.product_id} since {self.since}: {self.cost} {self.currency}"
