"""Totals of searches by day and words: they remain when the searches are deleted, and hold nobody."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connections, models, transaction
from django.db.models import Sum
from django.utils.translation import pgettext_lazy

from personalization.models.batched_deletion import delete_in_batches
from personalization.models.counting_turns import wait_for_turn

COUNTS = ("searches", "people", "known_hits", "without_hits", "clicked", "added", "lines", "gross", "lost_amount")
"""The columns that can be added up."""

EACH_PLACE = {
    "postgresql": (
        "jsonb_array_elements(total.clicked_places) AS item(pair)",
        "(item.pair->>0)::integer",
        "(item.pair->>1)::integer",
    ),
    "sqlite": (
        "json_each(total.clicked_places) AS item",
        "json_extract(item.value, '$[0]')",
        "json_extract(item.value, '$[1]')",
    ),
}
"""By database: how the places of a total become rows, and the place and the clicks of each."""
PLACES_SQL = """
SELECT total.query, {place}, SUM({clicks}) FROM ({totals}) AS total CROSS JOIN {each} GROUP BY total.query, {place}
"""


class SearchTotalQuerySet(models.QuerySet):
    """The questions about what was searched for."""

    def replace_since(self, day: date, totals: "Iterable[SearchTotal]") -> None:
        """Makes these the totals of that day and all later ones, in one transaction."""
        with transaction.atomic(using=self.db):
            wait_for_turn(self.db)
            self.filter(date__gte=day)._raw_delete(self.db)
            self.bulk_create(totals, batch_size=1_000)

    def between(self, first: date, last: date) -> "SearchTotalQuerySet":
        """Those of these days and of those between."""
        return self.filter(date__gte=first, date__lte=last).order_by()

    def sums_by_words(self) -> Iterator[dict[str, Any]]:
        """The sums of `COUNTS` by query and currency, in one query."""
        rows = self.values("query", "currency").annotate(**{f"{name}_sum": Sum(name) for name in COUNTS})
        return rows.iterator(chunk_size=2_000)

    def places_of(self, queries: Collection[str]) -> dict[str, Counter[int]]:
        """{query: how often each place was clicked on}, in one query."""
        if not queries:
            return {}
        connection = connections[self.db]
        rows = self.filter(query__in=queries, currency="").order_by().values("query", "clicked_places")
        totals, values = rows.query.get_compiler(self.db).as_sql()
        each, place, clicks = EACH_PLACE[connection.vendor]
        found: dict[str, Counter[int]] = {}
        with connection.cursor() as cursor:
            cursor.execute(PLACES_SQL.format(totals=totals, each=each, place=place, clicks=clicks), values)
            for query, where, often in cursor.fetchall():
                found.setdefault(query, Counter())[int(where)] = int(often)
        return found

    def before(self, day: date) -> "SearchTotalQuerySet":
        """Those of the days before this one."""
        return self.filter(date__lt=day)

    def delete_before(self, day: date) -> Iterator[int]:
        """Deletes them, the oldest first; how many went with each batch, which is a transaction of its own."""
        return delete_in_batches(self.before(day).order_by("date"))


class SearchTotal(models.Model):
    """What came of the searches of a day for the same words; only of words that several people searched for."""

    date = models.DateField()
    """Of the searches, in the shop's time zone; what came of them is theirs, also if it came later."""
    query = models.CharField(max_length=256)
    """The words, in small letters."""
    currency = models.CharField(max_length=12, blank=True)
    """Of the money; "" for the shop's own, in the row that holds everything else, too."""
    searches = models.PositiveIntegerField(default=0)
    """Of a visitor who searches for the same again within half an hour: one."""
    people = models.PositiveIntegerField(default=0)
    """How many visitors searched for it that day."""
    known_hits = models.PositiveIntegerField(default=0)
    """Of how many searches it is known whether they found anything."""
    without_hits = models.PositiveIntegerField(default=0)
    clicked = models.PositiveIntegerField(default=0)
    """Searches with a click on a hit."""
    added = models.PositiveIntegerField(default=0)
    """Searches of which something that was clicked on was put into a basket within a day."""
    clicked_places = models.JSONField(default=list)
    """[[place in the results from 1, how often it was clicked on], ...]"""
    lines = models.PositiveIntegerField(default=0)
    """Credited order lines."""
    gross = models.DecimalField(max_digits=16, decimal_places=2, default=Decimal(0))
    lost_amount = models.DecimalField(max_digits=16, decimal_places=2, default=Decimal(0))

    objects = SearchTotalQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "total of a search")
        verbose_name_plural = pgettext_lazy("personalization", "totals of searches")
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=["date", "query", "currency"], name="personalization_one_search_a_day"),
        )

    def __str__(self) -> str:
        return f"“{self.query}” on {self.date}"
