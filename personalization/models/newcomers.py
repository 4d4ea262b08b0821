"""New products that too few have seen to say what they are worth: they get a chance. A nightly list, about nobody."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple

from django.db import models, transaction
from django.utils.translation import pgettext_lazy

from personalization.models.definitions import RulesState


class NewcomerChance(NamedTuple):
    """A new product, as decisions see it."""

    product_id: int
    created_at: float
    """In seconds since 1970."""
    weight: float
    """How much of the chance is its, compared with the others."""


class NewcomerQuerySet(models.QuerySet):
    """The questions about them."""

    def is_listed(self, day: date) -> bool:
        """Whether the list of this day is there."""
        return self.filter(date__gte=day).exists()

    def replace(self, newcomers: "Iterable[Newcomer]", moment: datetime) -> None:
        """Makes these serve instead of the ones before, in one transaction; every process reads them within seconds."""
        with transaction.atomic(using=self.db):
            RulesState.objects.lock()
            self.model.objects.all()._raw_delete(self.db)
            self.bulk_create(newcomers)
            RulesState.objects.count_change(moment)

    def chances(self) -> tuple[NewcomerChance, ...]:
        """All of them, in a fixed order."""
        rows = self.order_by("product_id").values_list("product_id", "product_created_at", "weight")
        return tuple(NewcomerChance(key, created.timestamp(), weight) for key, created, weight in rows)


class Newcomer(models.Model):
    """A new product that too few have seen."""

    product_id = models.BigIntegerField(unique=True)
    product_created_at = models.DateTimeField()
    date = models.DateField()
    """Of the list."""
    seen = models.PositiveIntegerField()
    """How often its card was seen since it was new."""
    weight = models.FloatField()

    objects = NewcomerQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "new product with a chance")
        verbose_name_plural = pgettext_lazy("personalization", "new products with a chance")
        default_permissions = ()

    def __str__(self) -> str:
        return f"product {self.product_id}, seen {self.seen} times"
