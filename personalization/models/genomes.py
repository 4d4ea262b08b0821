"""What the shop knows of each customer's tastes: one row a customer."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import pgettext_lazy

from personalization.batching import batched

GENOME_FORMAT = 1
"""Of the lists in a genome; a version that changes what stands in them takes the next number."""


class GenomeQuerySet(models.QuerySet):
    """The questions about genomes."""

    def of_customer(self, user_id: object) -> "Genome | None":
        """The genome of this customer, in one indexed query."""
        return self.readable().filter(user_id=user_id).first()

    def readable(self) -> "GenomeQuerySet":
        """Those that this version can read: after an upgrade was taken back the others count as none."""
        return self.filter(format__lte=GENOME_FORMAT)

    def of_customers(self, user_ids: Iterable[object]) -> "dict[object, Genome]":
        """The genomes of these customers by the customer's key, in one query."""
        return {genome.user_id: genome for genome in self.readable().filter(user_id__in=list(user_ids))}

    def neighbour_products(self, user_ids: Iterable[object]) -> dict[object, list]:
        """What customers like these ones buy, by the customer's key, in one query."""
        rows = self.readable().filter(user_id__in=list(user_ids))
        return dict(rows.values_list("user_id", "neighbour_products"))

    def heavy_buyers(self, user_ids: Iterable[object], purchases: int) -> set[object]:
        """Those of these customers who are known to have bought more often than that, in one query."""
        return set(self.filter(user_id__in=list(user_ids), purchases__gt=purchases).values_list("user_id", flat=True))

    def is_large(self, user_id: object, purchases: int) -> bool:
        """Whether this customer is known to have bought more often than that."""
        return self.filter(user_id=user_id, purchases__gt=purchases).exists()

    def is_current(self, moment: float) -> bool:
        """Whether every genome was worked out as of this moment, in seconds since 1970."""
        return not self.exclude(computed_at=datetime.fromtimestamp(moment, UTC)).exists()

    def computed_since(self, moment: datetime) -> set[Any]:
        """The customers whose genome was worked out since a moment, by key. One query."""
        return set(self.filter(computed_at__gte=moment).values_list("user_id", flat=True))

    def store(self, genomes: Iterable["Genome"]) -> None:
        """Writes these, over those that the same customers had, whose near products stay."""
        fields = ["format", "products", "categories", "purchases", "distinct_products", "sizes", "computed_at"]
        self._write(genomes, fields)

    def store_neighbours(self, genomes: Iterable["Genome"]) -> None:
        """Writes only the near products of these."""
        self._write(genomes, ["neighbour_products"])

    def _write(self, genomes: Iterable["Genome"], fields: list[str]) -> None:
        self.bulk_create(genomes, update_conflicts=True, unique_fields=["user"], update_fields=fields, batch_size=200)

    def delete_except(self, user_ids: Iterable[object]) -> None:
        """Deletes the genomes of all other customers: they have no purchases any more."""
        kept = set(user_ids)
        gone = [pk for pk in self.values_list("user_id", flat=True) if pk not in kept]
        for batch in batched(gone, 500):
            self.filter(user_id__in=batch).delete()


class Genome(models.Model):
    """A visitor's profile. Weights fade with age: a purchase counts half after `half_life_days`."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="personalization_genome",
        verbose_name=pgettext_lazy("personalization", "customer"),
    )
    products = models.JSONField(pgettext_lazy("personalization", "products"), default=list)
    """[[product id, weight, days on which it was bought, the last of them, the first of them], ...], strongest first;
    days in seconds since 1970."""
    categories = models.JSONField(pgettext_lazy("personalization", "categories"), default=list)
    """[[category id, share of all weight, purchases, fading days on which something was bought there], ...] over all
    categories above the products, largest share first."""
    neighbour_products = models.JSONField(pgettext_lazy("personalization", "neighbour products"), default=list)
    """[[product id, mean weight among customers with similar habits], ...], heaviest first; worked out in the sweep."""
    purchases = models.PositiveIntegerField(pgettext_lazy("personalization", "purchases"), default=0)
    """Products bought, each counted once a day, in all."""
    distinct_products = models.PositiveIntegerField(pgettext_lazy("personalization", "distinct products"), default=0)
    """Different products bought, in all."""
    sizes = models.JSONField(pgettext_lazy("personalization", "sizes"), default=list)
    """[[attribute id, size, lines that were kept, the last of them in seconds since 1970], ...], of each attribute the
    size bought most often first; see `profile/sizes.py`. Sizes as `shop.sizes.size_key` has them."""
    computed_at = models.DateTimeField(pgettext_lazy("personalization", "computed at"))
    format = models.PositiveSmallIntegerField(
        pgettext_lazy("personalization", "format"), default=GENOME_FORMAT, db_default=1
    )
    """Of the lists above."""

    objects = GenomeQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "genome")
        verbose_name_plural = pgettext_lazy("personalization", "genomes")

    def __str__(self) -> str:
        return f"genome of customer {self.user_id}"
