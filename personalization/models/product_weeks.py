"""What came of products in rows, by whole weeks: a report by product would add up millions of daily totals.

A week is counted again from its days whenever one of them is, in the same transaction: so both always agree.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import connections, models
from django.db.models import QuerySet, Sum
from django.utils.translation import pgettext_lazy

WEEK = timedelta(days=7)
KEYS = ("product_id", "surface", "row_code", "campaign", "currency")
COLUMNS = {
    "seen_cards": "seen",
    "clicked_cards": "clicks",
    "added_cards": "added",
    "order_lines": "lines",
    "piece_count": "pieces",
    "gross": "gross_sum",
    "lost_amount": "lost_sum",
    "gross_of_seen": "seen_gross",
    "lost_of_seen": "seen_lost",
}
"""What `DailyTotalQuerySet.summed_by` calls the sums, by the column that holds one."""
DELETE_BATCH_SIZE = 5_000
"""The number of rows that are deleted in one transaction."""


def week_of(day: date) -> date:
    """The Monday of its week."""
    return day - timedelta(days=day.weekday())


def whole_weeks(first: date, last: date) -> tuple[date, date] | None:
    """(the first Monday, the one after the last Sunday) of the whole weeks among these days; None without one."""
    start, end = week_of(first + WEEK - timedelta(days=1)), week_of(last + timedelta(days=1))
    return (start, end) if start < end else None


class ProductWeekQuerySet(models.QuerySet):
    """The questions about weeks of products."""

    def replace_week(self, week: date, sums: QuerySet) -> None:
        """Makes these the sums of a week, in the transaction of the caller. Parameters: `sums`, by `KEYS`."""
        connection = connections[self.db]
        quote = connection.ops.quote_name
        self.filter(week=week)._raw_delete(self.db)
        select, values = sums.values(*KEYS, *COLUMNS.values()).order_by().query.get_compiler(self.db).as_sql()
        columns = ", ".join(map(quote, ("week", *KEYS, *COLUMNS)))
        found = ", ".join(map(quote, (*KEYS, *COLUMNS.values())))
        statement = (
            f"INSERT INTO {quote(self.model._meta.db_table)} ({columns}) SELECT %s, {found} FROM ({select}) AS sums"
        )
        with connection.cursor() as cursor:
            cursor.execute(statement, [connection.ops.adapt_datefield_value(week), *values])

    def sums_by_product(self) -> Iterator[dict[str, Any]]:
        """The sums by product and currency, as `DailyTotalQuerySet.sums_by` gives them, in one query."""
        rows = self.order_by().values("product_id", "currency")
        sums = rows.annotate(**{name: Sum(column) for column, name in COLUMNS.items()})
        return ({**row, "most_visitors": 0} for row in sums.iterator(chunk_size=2_000))

    def before(self, day: date) -> "ProductWeekQuerySet":
        """Those that were over before this day."""
        return self.filter(week__lte=day - WEEK)

    def delete_before(self, day: date) -> Iterator[int]:
        """Deletes them, the oldest first; how many went with each batch, which is a transaction of its own."""
        while batch := list(self.before(day).order_by("week").values_list("pk", flat=True)[:DELETE_BATCH_SIZE]):
            self.model.objects.filter(pk__in=batch)._raw_delete(self.db)
            yield len(batch)


class ProductWeek(models.Model):
    """What came of one product in one row in one week. The columns are those of `DailyTotal`, each type in its own."""

    week = models.DateField()
    """Its Monday."""
    product_id = models.BigIntegerField()
    surface = models.CharField(max_length=32)
    row_code = models.CharField(max_length=64)
    campaign = models.CharField(max_length=64, blank=True)
    currency = models.CharField(max_length=12, blank=True)
    seen_cards = models.PositiveIntegerField()
    clicked_cards = models.PositiveIntegerField()
    added_cards = models.PositiveIntegerField()
    order_lines = models.PositiveIntegerField()
    """After a click, as the next three."""
    piece_count = models.PositiveIntegerField()
    gross = models.DecimalField(max_digits=16, decimal_places=2, default=Decimal(0))
    lost_amount = models.DecimalField(max_digits=16, decimal_places=2, default=Decimal(0))
    gross_of_seen = models.DecimalField(max_digits=16, decimal_places=2, default=Decimal(0))
    """Of what was only seen, as the next one."""
    lost_of_seen = models.DecimalField(max_digits=16, decimal_places=2, default=Decimal(0))

    objects = ProductWeekQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "week of a product")
        verbose_name_plural = pgettext_lazy("personalization", "weeks of products")
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(
                fields=["week", "product_id", "surface", "row_code", "campaign", "currency"],
                name="personalization_one_total_a_week",
            ),
        )

    def __str__(self) -> str:
        return f"product {self.product_id} in {self.row_code}, week of {self.week}"
