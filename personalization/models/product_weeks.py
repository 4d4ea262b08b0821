"""What came of products in rows, by whole weeks: a report by product would add up millions of daily totals.

A week is counted again from its days whenever one of them is, in the same transaction: so both always agree.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connections, models
from django.db.models import QuerySet
from django.utils.translation import pgettext_lazy

from personalization.models.batched_deletion import delete_in_batches

WEEK = timedelta(days=7)
CENT = Decimal("0.01")
MIDDLE = 3
"""Thursday, as `date.weekday` counts."""
WEEK_KEYS = ("product_id", "surface", "row_code", "campaign", "currency")
WEEK_COLUMNS = {
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


def week_of(day: date) -> date:
    """The Monday of its week."""
    return day - timedelta(days=day.weekday())


class WeekSpan(NamedTuple):
    """How a period is made of weeks, so that few days have to be read."""

    start: date
    """The first Monday."""
    end: date
    """The Monday after the last week."""
    more_days: list[date]
    """Days that no week has."""
    fewer_days: list[date]
    """Days of these weeks that are not in the period."""


def week_span(first: date, last: date) -> WeekSpan:
    """A period of days, both included, in whole weeks: one of which it has four days or more is taken, and the others
    of its days are taken off again."""
    start = week_of(first) if first.weekday() <= MIDDLE else week_of(first) + WEEK
    end = week_of(last) + WEEK if last.weekday() >= MIDDLE else week_of(last)
    end = max(start, end)
    edges = sorted({day for edge in (first, last) for day in _days_between(week_of(edge), week_of(edge) + WEEK)})
    in_weeks = {day for day in edges if start <= day < end}
    in_period = {day for day in edges if first <= day <= last}
    return WeekSpan(start, end, sorted(in_period - in_weeks), sorted(in_weeks - in_period))


def _days_between(start: date, end: date) -> Iterator[date]:
    for number in range((end - start).days):
        yield start + timedelta(days=number)


def _exact(name: str, value: Any) -> Any:
    """An amount of money as a Decimal: SQLite gives a float."""
    is_money = "gross" in name or "lost" in name
    return Decimal(str(value)).quantize(CENT) if is_money else int(value)


def _has_any(row: tuple[Any, ...]) -> bool:
    """Whether anything is left of a product and currency after days were taken off."""
    return any(row[2:])


class ProductWeekQuerySet(models.QuerySet):
    """The questions about weeks of products."""

    def replace_week(self, week: date, sums: QuerySet) -> None:
        """Makes these the sums of a week, in the transaction of the caller. Parameters: `sums`, by `WEEK_KEYS`."""
        connection = connections[self.db]
        quote = connection.ops.quote_name
        self.filter(week=week)._raw_delete(self.db)
        select, values = sums.values(*WEEK_KEYS, *WEEK_COLUMNS.values()).order_by().query.get_compiler(self.db).as_sql()
        columns = ", ".join(map(quote, ("week", *WEEK_KEYS, *WEEK_COLUMNS)))
        found = ", ".join(map(quote, (*WEEK_KEYS, *WEEK_COLUMNS.values())))
        statement = (
            f"INSERT INTO {quote(self.model._meta.db_table)} ({columns}) SELECT %s, {found} FROM ({select}) AS sums"
        )
        with connection.cursor() as cursor:
            cursor.execute(statement, [connection.ops.adapt_datefield_value(week), *values])

    def sums_with_days(self, *days: QuerySet) -> Iterator[dict[str, Any]]:
        """The sums by product and currency of these weeks and of `days` beside them, as `DailyTotalQuerySet.sums_by`
        gives them, in one query, so that no week is counted anew in between."""
        connection = connections[self.db]
        weeks = self.order_by().values_list("product_id", "currency", *WEEK_COLUMNS)
        parts = [rows.query.get_compiler(self.db).as_sql() for rows in (weeks, *days)]
        names = tuple(WEEK_COLUMNS.values())
        first = parts[0][0].split(" FROM ", 1)[1]
        quote = connection.ops.quote_name
        own = ", ".join(f"{quote(column)} AS {name}" for column, name in WEEK_COLUMNS.items())
        selects = [f"SELECT product_id, currency, {own} FROM {first}", *(sql for sql, _values in parts[1:])]
        sums = ", ".join(f"SUM({name})" for name in names)
        statement = f"SELECT product_id, currency, {sums} FROM ({' UNION ALL '.join(selects)}) AS shown GROUP BY 1, 2"
        with connection.cursor() as cursor:
            cursor.execute(statement, [value for _sql, values in parts for value in values])
            while rows := cursor.fetchmany(2_000):
                for product_id, currency, *found in filter(_has_any, rows):
                    yield {
                        "product_id": product_id,
                        "currency": currency,
                        "most_visitors": 0,
                        **{name: _exact(name, value) for name, value in zip(names, found, strict=True)},
                    }

    def before(self, day: date) -> "ProductWeekQuerySet":
        """Those that were over before this day."""
        return self.filter(week__lte=day - WEEK)

    def delete_before(self, day: date) -> Iterator[int]:
        """Deletes them, the oldest first; how many went with each batch, which is a transaction of its own."""
        return delete_in_batches(self.before(day).order_by("week"))


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
