"""The draws of a day by which rows are ordered, a few dozen numbers: learned from totals, so they are about nobody."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import NamedTuple

from django.db import models, transaction
from django.utils.translation import pgettext_lazy

from personalization.models.definitions import RulesState


class RowAudience(NamedTuple):
    """A surface, and whose rows there are counted and ordered together."""

    surface: str
    is_customer: bool
    """Whether they are signed in."""
    is_phone: bool


class RowDrawQuerySet(models.QuerySet):
    """The questions about the draws."""

    def is_drawn(self, day: date) -> bool:
        """Whether the draws of this day are there."""
        return self.filter(date__gte=day).exists()

    def replace(self, draws: "Iterable[RowDraw]", moment: datetime) -> None:
        """Makes these serve instead of the ones before, in one transaction; every process reads them within seconds."""
        with transaction.atomic(using=self.db):
            RulesState.objects.lock()
            self.model.objects.all()._raw_delete(self.db)
            self.bulk_create(draws)
            RulesState.objects.count_change(moment)

    def rates(self) -> dict[RowAudience, Mapping[str, float]]:
        """For each audience the drawn rate of each of its rows, by their codes."""
        found: dict[RowAudience, dict[str, float]] = {}
        for surface, is_customer, is_phone, code, rate in self.values_list(
            "surface", "is_customer", "is_phone", "row_code", "drawn_rate"
        ):
            found.setdefault(RowAudience(surface, is_customer, is_phone), {})[code] = rate
        return dict(found)


class RowDraw(models.Model):
    """What one row was drawn to be worth today, in front of one audience."""

    surface = models.CharField(max_length=32)
    row_code = models.CharField(max_length=64)
    is_customer = models.BooleanField()
    is_phone = models.BooleanField()
    date = models.DateField()
    seen = models.FloatField()
    """Cards of it that were seen, and how many of them were put into a basket, both fading with age."""
    added = models.FloatField()
    drawn_rate = models.FloatField()
    """The share of its cards that is put into baskets, 0 to 1, as far as the draw goes."""

    objects = RowDrawQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "draw for a row")
        verbose_name_plural = pgettext_lazy("personalization", "draws for rows")
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(
                fields=["surface", "row_code", "is_customer", "is_phone"], name="personalization_one_draw_a_row"
            ),
        )

    def __str__(self) -> str:
        return f"{self.row_code} on {self.surface}, {self.date}"
