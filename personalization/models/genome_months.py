"""What the shop knew of a customer month by month: a small row each, so that "became" can be asked and shown."""

import json
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import pgettext_lazy

from personalization.batching import batched
from personalization.models.batched_deletion import delete_in_batches
from personalization.models.customer_facts import Taste, TasteKind

MAX_DATED_TASTES = 20
DATED_KINDS = (TasteKind.CATEGORY, TasteKind.BRAND)
"""The tastes that a row keeps: of categories and brands those with the largest share."""
USERS_PER_BATCH = 500


def month_before(month: date, count: int = 1) -> date:
    """The first day of the month so many months earlier."""
    year, index = divmod(12 * month.year + month.month - 1 - count, 12)
    return date(year, index + 1, 1)


class GenomeMonthQuerySet(models.QuerySet):
    """The questions about dated genomes."""

    def newest_before(self, month: date, months: int, user_ids: Iterable[Any]) -> "dict[Any, GenomeMonth]":
        """By customer the newest row of so many months before this one, with its tier only. One query."""
        rows = self.filter(user_id__in=list(user_ids), month__lt=month, month__gte=month_before(month, months))
        tiers = rows.order_by("month").only("user_id", "month", "value_tier", "value_tier_since")
        return {row.user_id: row for row in tiers}

    def of_month(self, month: date, user_ids: Iterable[Any]) -> "dict[Any, GenomeMonth]":
        """The rows of one month by the customer's key, in one query."""
        return {row.user_id: row for row in self.filter(user_id__in=list(user_ids), month=month)}

    def of_customer(self, user_id: Any, since: date, until: date) -> "list[GenomeMonth]":
        """A customer's rows from one month to another, both included, the oldest first. One query."""
        return list(self.filter(user_id=user_id, month__gte=since, month__lte=until).order_by("month"))

    def store(self, rows: "Iterable[GenomeMonth]") -> None:
        """Writes these, over those of the same customers and month. Inside a transaction that holds their visitors."""
        self.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["user", "month"],
            update_fields=COMPARED_FIELDS,
            batch_size=USERS_PER_BATCH,
        )

    def before(self, month: date) -> "GenomeMonthQuerySet":
        """The rows of earlier months."""
        return self.filter(month__lt=month)

    def delete_before(self, month: date) -> Iterator[int]:
        """Deletes the rows of earlier months, the oldest first; how many went with each batch."""
        return delete_in_batches(self.before(month).order_by("month", "pk"))

    def delete_of(self, user_ids: Iterable[Any]) -> None:
        """Deletes all rows of these customers."""
        for batch in batched(user_ids, USERS_PER_BATCH):
            self.filter(user_id__in=batch)._raw_delete(self.db)

    def delete_except(self, user_ids: Iterable[Any]) -> None:
        """Deletes all rows of all other customers."""
        kept = set(user_ids)
        present = self.order_by("user_id").values_list("user_id", flat=True).distinct()
        self.delete_of([user for user in present if user not in kept])

    def forget_categories(self, categories: Iterable[int]) -> int:
        """Takes these categories out of all rows; from how many. No index finds them: it reads the table once."""
        named = [f'["{TasteKind.CATEGORY}",{key},' for key in categories]
        if not named:
            return 0
        holding = models.Q()
        for text in named:
            holding |= models.Q(tastes__contains=text)
        changed = 0
        for batch in batched(list(self.filter(holding).values_list("pk", flat=True)), USERS_PER_BATCH):
            rows = list(self.filter(pk__in=batch))
            for row in rows:
                row.tastes = write_tastes(
                    taste for taste in row.read_tastes() if not write_taste(taste).startswith(tuple(named))
                )
            self.bulk_update(rows, ["tastes"])
            changed += len(rows)
        return changed


def write_taste(taste: Taste) -> str:
    """A taste as a row keeps it."""
    return json.dumps([str(taste.kind), taste.key, taste.share], separators=(",", ":"))


def write_tastes(tastes: Iterable[Taste]) -> str:
    """The tastes as JSON, `[[kind, key, share], ...]`."""
    return f"[{','.join(map(write_taste, tastes))}]"


class GenomeMonth(models.Model):
    """A customer as of the last training run of a month of the shop's calendar."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        verbose_name=pgettext_lazy("personalization", "customer"),
    )
    month = models.DateField(pgettext_lazy("personalization", "month"), db_index=True)
    """Its first day."""
    tastes = models.TextField(pgettext_lazy("personalization", "tastes"), default="[]")
    """The categories and brands with the largest share of what they bought, `[[kind, key, share], ...]` as JSON, the
    largest first."""
    orders = models.PositiveIntegerField(pgettext_lazy("personalization", "kept orders"), default=0)
    """So far."""
    year_revenue = models.DecimalField(
        pgettext_lazy("personalization", "kept revenue of a year"), max_digits=14, decimal_places=2, default=Decimal(0)
    )
    """In the shop's currency."""
    value_tier = models.PositiveSmallIntegerField(pgettext_lazy("personalization", "value tier"), null=True)
    value_tier_since = models.DateTimeField(pgettext_lazy("personalization", "value tier since"), null=True)
    recency_tier = models.PositiveSmallIntegerField(pgettext_lazy("personalization", "recency tier"), null=True)
    frequency_tier = models.PositiveSmallIntegerField(pgettext_lazy("personalization", "frequency tier"), null=True)
    expected_tier = models.PositiveSmallIntegerField(
        pgettext_lazy("personalization", "tier by expected spend"), null=True
    )
    """All of these as in `CustomerFacts`."""

    objects = GenomeMonthQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "genome of a month")
        verbose_name_plural = pgettext_lazy("personalization", "genomes of months")
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["user", "month"], name="personalization_one_genome_a_month"),)

    def __str__(self) -> str:
        return f"genome of customer {self.user_id} in {self.month:%Y-%m}"

    def read_tastes(self) -> list[Taste]:
        """The tastes, the strongest first: kind, key and share."""
        return [Taste(*row) for row in json.loads(self.tastes)]

    def is_same_as(self, other: "GenomeMonth | None") -> bool:
        """Whether another row says all that this one says."""
        return other is not None and all(getattr(self, name) == getattr(other, name) for name in COMPARED_FIELDS)


COMPARED_FIELDS = [field.name for field in GenomeMonth._meta.fields if field.name not in {"id", "user", "month"}]
