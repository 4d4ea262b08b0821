"""Daily totals of events: they remain when the events are deleted."""

from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import date, datetime

from django.db import connections, models, transaction
from django.db.models import CharField, Max, Min, Sum, Value
from django.db.models.functions import TruncDate
from django.utils.translation import pgettext_lazy

from personalization.models.audit import AuditEntry
from personalization.models.events import Event, EventType

LOCK_KEY = 7_203_685_548
"""An arbitrary number that is ours among the advisory locks of a PostgreSQL database."""
DELETE_BATCH_SIZE = 5_000
"""The number of totals that are deleted in one transaction."""
BASKET_EVENTS = (EventType.VIEW_BASKET, EventType.CHECKOUT)
"""Happen to all products of a basket at once, and count once."""

EACH_PRODUCT = {
    "postgresql": ("jsonb_array_elements(({list})::jsonb) AS item(pair) ON TRUE", "(item.pair->>0)::bigint"),
    "sqlite": ("json_each({list}) AS item ON TRUE", "json_extract(item.value, '$[0]')"),
    "mysql": ("JSON_TABLE({list}, '$[*]' COLUMNS (product BIGINT PATH '$[0]')) AS item ON TRUE", "item.product"),
}
"""By database: how a list of [product, position] becomes rows, and what the product is in each."""

COUNT_SQL = """
INSERT INTO {totals} ({date}, {type}, {surface}, {row_key}, {product_id}, {event_count}, {visitor_count})
SELECT %s, %s, {surface}, {row_key}, {product_id}, COUNT(*), COUNT(DISTINCT {visitor})
FROM (
    SELECT {table}.{surface}, {table}.{row_key}, {table}.{visitor},
        COALESCE({table}.{product_id}, {item}, 0) AS {product_id}
    FROM {table} LEFT JOIN {each}
    WHERE {table}.{type} = %s AND {table}.{occurred_at} >= %s AND {table}.{occurred_at} < %s
        AND NOT {table}.{is_suspected_bot}
) AS did
GROUP BY {surface}, {row_key}, {product_id}
"""


class _Fewer(Exception):
    """A day counts less than it once did."""


class DailyTotalQuerySet(models.QuerySet):
    """The questions about daily totals."""

    def newest_day(self) -> date | None:
        """The last day that was counted."""
        return self.aggregate(newest=Max("date"))["newest"]

    def oldest_days(self) -> dict[str, date | None]:
        """The first day of which there are totals ("totals") and entries of the audit ("audit"), in one query."""
        totals, entries = self.order_by(), AuditEntry.objects.using(self.db).order_by()
        rows = [
            kind.annotate(kept=Value(name, CharField())).values("kept").annotate(oldest=oldest)
            for kind, name, oldest in (
                (totals, "totals", Min("date")),
                (entries, "audit", TruncDate(Min("at"))),
            )
        ]
        found: dict[str, date | None] = {"totals": None, "audit": None}
        found.update(rows[0].values_list("kept", "oldest").union(rows[1].values_list("kept", "oldest"), all=True))
        return found

    def replace_day(self, day: date, start: datetime, end: datetime, *, dropped: Collection[str], over: bool) -> None:
        """Counts a day anew, from its first moment to that of the next day, in one transaction.

        Names in `dropped` have lost events of that day: their totals stay, if there are any. A day that is `over`
        (nothing late can arrive any more, but history may be imported) keeps what would count less than before.
        """
        with transaction.atomic(using=self.db):
            self._one_at_a_time()
            rows = self.filter(date=day).order_by()
            before = dict(rows.values_list("type").annotate(Sum("event_count")))
            for name in EventType.values:
                if name not in before:
                    self._count(day, name, start, end)
                elif name not in dropped:
                    with suppress(_Fewer):
                        self._recount(day, name, start, end, at_least=before[name] if over else 0)

    def _recount(self, day: date, name: str, start: datetime, end: datetime, at_least: int) -> None:
        rows = self.filter(date=day, type=name)
        with transaction.atomic(using=self.db):
            rows._raw_delete(self.db)  # without signals, see Event.objects.delete_before
            self._count(day, name, start, end)
            if at_least and (rows.aggregate(events=Sum("event_count"))["events"] or 0) < at_least:
                raise _Fewer

    def _one_at_a_time(self) -> None:
        """Makes a second one wait until this transaction ends; elsewhere than on PostgreSQL the first write does."""
        connection = connections[self.db]
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_KEY])

    def _count(self, day: date, name: str, start: datetime, end: datetime) -> None:
        connection = connections[self.db]
        moments = [connection.ops.adapt_datetimefield_value(moment) for moment in (start, end)]
        with connection.cursor() as cursor:
            cursor.execute(self._sql(name), [connection.ops.adapt_datefield_value(day), name, name, *moments])

    def _sql(self, name: str) -> str:
        connection = connections[self.db]
        each, item = EACH_PRODUCT[connection.vendor]
        fields = [*self.model._meta.local_concrete_fields, *Event._meta.local_concrete_fields]
        quoted = {field.name: connection.ops.quote_name(field.column) for field in fields}
        quoted["table"] = connection.ops.quote_name(Event._meta.db_table)
        several = "'[]'" if name in BASKET_EVENTS else "{table}.{items}"
        is_list = "{table}.{product_id} IS NULL AND {table}.{item_kind} = 'product'".format(**quoted)
        listed = f"CASE WHEN {is_list} THEN {several.format(**quoted)} ELSE '[]' END"
        totals = connection.ops.quote_name(self.model._meta.db_table)
        return COUNT_SQL.format(**quoted, totals=totals, each=each.format(list=listed), item=item)

    def before(self, day: date) -> "DailyTotalQuerySet":
        """Those of the days before this one."""
        return self.filter(date__lt=day)

    def delete_before(self, day: date) -> Iterator[int]:
        """Deletes them, the oldest first; how many went with each batch, which is a transaction of its own."""
        while batch := list(self.before(day).order_by("date").values_list("pk", flat=True)[:DELETE_BATCH_SIZE]):
            self.model.objects.filter(pk__in=batch)._raw_delete(self.db)
            yield len(batch)


class DailyTotal(models.Model):
    """How often one thing happened on one day with one product in one row."""

    date = models.DateField(pgettext_lazy("personalization", "date"))
    type = models.CharField(pgettext_lazy("personalization", "type"), max_length=16, choices=EventType.choices)
    surface = models.CharField(pgettext_lazy("personalization", "surface"), max_length=32, blank=True)
    row_key = models.CharField(pgettext_lazy("personalization", "row"), max_length=64, blank=True)
    product_id = models.BigIntegerField(pgettext_lazy("personalization", "product"), default=0)
    """Its primary key, or 0 where no product is meant."""
    event_count = models.PositiveIntegerField(pgettext_lazy("personalization", "events"))
    visitor_count = models.PositiveIntegerField(pgettext_lazy("personalization", "visitors"))
    """How many different ones stand behind the events."""

    objects = DailyTotalQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "daily total")
        verbose_name_plural = pgettext_lazy("personalization", "daily totals")
        constraints = (
            models.UniqueConstraint(
                fields=["date", "type", "surface", "row_key", "product_id"], name="personalization_one_total_a_day"
            ),
        )

    def __str__(self) -> str:
        return f"{self.type} on {self.date}"
