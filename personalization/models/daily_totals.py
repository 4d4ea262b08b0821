"""Daily totals of events: they remain when the events are deleted."""

from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connections, models, transaction
from django.db.models import Case, CharField, F, Max, Min, Q, Sum, Value, When
from django.db.models.functions import Coalesce, TruncDate
from django.utils.translation import pgettext_lazy

from personalization.models.audit import AuditEntry
from personalization.models.batched_deletion import delete_in_batches
from personalization.models.counting_turns import wait_for_turn
from personalization.models.credits import BLOCK_SURFACE, Credit, Touch
from personalization.models.daily_total_sql import (
    COUNT_SQL,
    EACH_PRODUCT,
    EACH_SEGMENT,
    LAST_CLICK_SQL,
    MONEY_SQL,
    ROW_CODES,
)
from personalization.models.events import Event, EventType
from personalization.models.product_weeks import WEEK, ProductWeek, week_of
from personalization.models.visitors import Visitor


class PurchaseType(models.TextChoices):
    """Order lines, by what they are owed to."""

    CLICKED = "purchase", pgettext_lazy("personalization", "purchase after a click")
    SEEN = "purchase_seen", pgettext_lazy("personalization", "purchase of what was only seen")


CLICK_BEFORE = timedelta(days=1)
"""A click counts for what was put into a basket that day or the day before."""
SHOWN_EVENTS = (EventType.IMPRESSION, EventType.CLICK, EventType.ADD_TO_BASKET, *PurchaseType.values)
"""What came of rows: it may be of segments."""
BASKET_EVENTS = (EventType.VIEW_BASKET, EventType.CHECKOUT)
"""Happen to all products of a basket at once, and count once."""

_NUMBERS: dict[str, models.Field] = {
    "event_count": models.IntegerField(),
    "units": models.IntegerField(),
    "gross": models.DecimalField(max_digits=20, decimal_places=2),
    "lost_amount": models.DecimalField(max_digits=20, decimal_places=2),
}
SUMS = {
    "seen": ("event_count", EventType.IMPRESSION),
    "clicks": ("event_count", EventType.CLICK),
    "added": ("event_count", EventType.ADD_TO_BASKET),
    "lines": ("event_count", PurchaseType.CLICKED),
    "pieces": ("units", PurchaseType.CLICKED),
    "gross_sum": ("gross", PurchaseType.CLICKED),
    "lost_sum": ("lost_amount", PurchaseType.CLICKED),
    "seen_gross": ("gross", PurchaseType.SEEN),
    "seen_lost": ("lost_amount", PurchaseType.SEEN),
}
"""By the name of a sum: the column that is added up, and of which type."""
PURCHASES = {PurchaseType.CLICKED: Touch.CLICKED, PurchaseType.SEEN: Touch.SEEN}


class _Fewer(Exception):
    """A day counts less than it once did."""


class DailyTotalQuerySet(models.QuerySet):
    """The questions about daily totals."""

    def newest_day(self) -> date | None:
        """The last day of which events were counted."""
        return self.filter(type__in=EventType.values).aggregate(newest=Max("date"))["newest"]

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
            wait_for_turn(self.db)
            rows = self.filter(date=day).order_by()
            before = dict(rows.values_list("type").annotate(Sum("event_count")))
            for name in EventType.values:
                if name not in before:
                    self._count(day, name, start, end)
                elif name not in dropped:
                    with suppress(_Fewer):
                        self._recount(day, name, start, end, at_least=before[name] if over else 0)
            self.replace_week_of(day)

    def _recount(self, day: date, name: str, start: datetime, end: datetime, at_least: int) -> None:
        rows = self.filter(date=day, type=name)
        with transaction.atomic(using=self.db):
            rows._raw_delete(self.db)  # without signals, see Event.objects.delete_before
            self._count(day, name, start, end)
            if at_least and (rows.aggregate(events=Sum("event_count"))["events"] or 0) < at_least:
                raise _Fewer

    def replace_purchases(self, day: date, start: datetime, end: datetime) -> None:
        """Counts the credits of the orders of a day anew, from its first moment to that of the next day, in one
        transaction; what changes meanwhile waits for it and is counted by the next run."""
        with transaction.atomic(using=self.db):
            wait_for_turn(self.db)
            Credit.objects.using(self.db).filter(ordered_at__gte=start, ordered_at__lt=end, is_counted=False).update(
                is_counted=True
            )
            self.filter(date=day, type__in=PurchaseType.values)._raw_delete(self.db)
            for name, touch in PURCHASES.items():
                self._insert_counted(MONEY_SQL, [day, name, touch, start, end], self._names())
            self.replace_week_of(day)

    def replace_week_of(self, day: date) -> None:
        """Counts the week of a day anew from its days, for reports by product."""
        week = week_of(day)
        days = self.of_our_rows(week, week + WEEK - timedelta(days=1)).filter(product_id__gt=0)
        sums = days.summed_by("product_id", "surface", "row_code", "campaign")
        ProductWeek.objects.using(self.db).replace_week(week, sums)

    def _count(self, day: date, name: str, start: datetime, end: datetime) -> None:
        clicks = [start - CLICK_BEFORE] if name == EventType.ADD_TO_BASKET else []
        self._insert_counted(
            COUNT_SQL, [day, name, *clicks, name, start, end], self._names() | self._shown_columns(name)
        )

    def _insert_counted(self, sql: str, values: list[date | str], names: dict[str, str]) -> None:
        """A statement for each level: a row for all products together, one for each product, one for each segment."""
        connection = connections[self.db]
        parameters = [
            connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value
            for value in values
        ]
        nobodys = "'', '', {no}"
        levels = [
            # (arm, device and kind of visitor; product; segment; what it is grouped by; of which rows)
            ("{arm}, {device}, {is_customer}", "0", "0", "{arm}, {device}, {is_customer}", ""),
            (nobodys, "{product_id}", "0", "{product_id}", "{with_product}"),
            (nobodys, "0", "{segment}", "{segment}", "{each_segment}"),
        ]
        slots = ("of_summary", "of_products", "of_segments", "grouped", "each_group")
        with connection.cursor() as cursor:
            for level in levels[: 3 if values[1] in SHOWN_EVENTS else 2]:
                parts = {slot: text.format(**names) for slot, text in zip(slots, level, strict=True)}
                cursor.execute(sql.format(**names, **parts), parameters)

    def _names(self) -> dict[str, str]:
        """The quoted names of tables and columns."""
        connection = connections[self.db]
        quote, vendor = connection.ops.quote_name, connection.vendor
        tables: dict[str, type[models.Model]] = {
            "visitors": Visitor,
            "credits": Credit,
            "events": Event,
            "totals": self.model,
        }
        fields = [field for model in tables.values() for field in model._meta.local_concrete_fields]
        quoted = {field.name: quote(field.column) for field in fields} | {
            name: quote(model._meta.db_table) for name, model in tables.items()
        }
        truth = {"yes": "TRUE", "no": "FALSE"} if vendor == "postgresql" else {"yes": "1", "no": "0"}
        each_segment, segment = EACH_SEGMENT[vendor]
        return {
            **quoted,
            **truth,
            "pk": quote("id"),
            "code": self._row_code(quoted["row_key"]),
            "segment": segment,
            "each_segment": each_segment.format(**quoted),
            "with_product": f"WHERE {quoted['product_id']} > 0",
        }

    def _row_code(self, key: str) -> str:
        return ROW_CODES[connections[self.db].vendor].format(key=key)

    def _shown_columns(self, name: str) -> dict[str, str]:
        """Where the row, the campaign and the products of an event are read."""
        names = self._names()
        each, items = EACH_PRODUCT[connections[self.db].vendor]
        several = "'[]'" if name in BASKET_EVENTS else "{events}.{items}"
        is_list = "{events}.{product_id} IS NULL AND {events}.{item_kind} = 'product'"
        listed = f"CASE WHEN {is_list} THEN {several} ELSE '[]' END".format(**names)
        shown, click = names["events"], ""
        if name == EventType.ADD_TO_BASKET:
            shown, click = "click", LAST_CLICK_SQL.format(**names)
        return {
            "shown": shown,
            "click": click,
            "each": each.format(list=listed),
            "code": self._row_code(f"COALESCE({shown}.{names['row_key']}, '')"),
            **dict(zip(("item_product", "item_reason", "item_campaign", "item_currency"), items, strict=True)),
        }

    def of_our_rows(self, first: date, last: date) -> "DailyTotalQuerySet":
        """Those of rows and lists that we ordered, of these days and those between, for all visitors together."""
        return self._of_our_rows(first, last).filter(segment_id=0)

    def of_segments(self, first: date, last: date) -> "DailyTotalQuerySet":
        """Those of single segments in them. Who was in several is in the totals of each."""
        return self._of_our_rows(first, last).filter(product_id=0, segment_id__gt=0)

    def _of_our_rows(self, first: date, last: date) -> "DailyTotalQuerySet":
        return self.filter(date__gte=first, date__lte=last).exclude(row_code="").exclude(surface="")

    def by_column(self, sign: int = 1) -> "models.QuerySet[Any, Any]":
        """(product, currency, what `summed_by` adds up) of each total, each type in its own column. Parameters: `sign`,
        -1 for what is to be taken off."""
        none = Value(0)
        columns = {
            name: Case(When(type=kind, then=sign * F(column)), default=none, output_field=_NUMBERS[column])
            for name, (column, kind) in SUMS.items()
        }
        return self.order_by().values_list("product_id", "currency").annotate(**columns)

    def sums_by(self, *keys: str) -> Iterator[dict[str, Any]]:
        """What `summed_by` finds, streamed, in one query."""
        return self.summed_by(*keys).iterator(chunk_size=2_000)

    def summed_by(self, *keys: str) -> "models.QuerySet[Any, dict[str, Any]]":
        """What was seen, clicked on, put into baskets and bought, by these columns and the currency."""
        return (
            self.order_by()
            .values(*keys, "currency")
            .annotate(
                **{name: _sum_of(column, kind) for name, (column, kind) in SUMS.items()},
                most_visitors=Coalesce(Max("visitor_count", filter=Q(type=EventType.IMPRESSION)), 0),
            )
        )

    def cards_by_row(self, first: date, last: date) -> Iterator[tuple[str, str, bool, str, date, str, int]]:
        """(surface, code of the row, whether of a customer, device, day, type, cards) of what was seen in rows and put
        into a basket from them, in one query."""
        rows = (
            self.of_our_rows(first, last)
            .filter(product_id=0, type__in=[EventType.IMPRESSION, EventType.ADD_TO_BASKET])
            .exclude(surface=BLOCK_SURFACE)
        )
        keys = ("surface", "row_code", "is_customer", "device", "date", "type")
        return rows.order_by(*keys).values_list(*keys).annotate(cards=Sum("event_count")).iterator(chunk_size=2_000)

    def cards_seen_since(self, day: date) -> dict[int, int]:
        """{product: how often its card was seen} since a day, in one query."""
        rows = self.filter(date__gte=day, product_id__gt=0, type=EventType.IMPRESSION).order_by()
        return dict(rows.values_list("product_id").annotate(Sum("event_count")))

    def before(self, day: date) -> "DailyTotalQuerySet":
        """Those of the days before this one."""
        return self.filter(date__lt=day)

    def delete_before(self, day: date) -> Iterator[int]:
        """Deletes them, the oldest first; how many went with each batch, which is a transaction of its own."""
        return delete_in_batches(self.before(day).order_by("date"))


def _sum_of(column: str, kind: str) -> Coalesce:
    return Coalesce(Sum(column, filter=Q(type=kind)), Value(0, output_field=_NUMBERS[column]))


class DailyTotal(models.Model):
    """How often one thing happened on one day in one row: with all products together, and with each of them."""

    date = models.DateField(pgettext_lazy("personalization", "date"))
    type = models.CharField(
        pgettext_lazy("personalization", "type"),
        max_length=16,
        choices=[*EventType.choices, *PurchaseType.choices],
    )
    surface = models.CharField(pgettext_lazy("personalization", "surface"), max_length=32, blank=True)
    """Where it was; for what was put into a basket, where it was clicked on before; "" where no row led to it."""
    row_code = models.CharField(pgettext_lazy("personalization", "row"), max_length=64, blank=True)
    """The code of the row's type; "results" for a list; "" where the shop's own order showed it."""
    campaign = models.CharField(pgettext_lazy("personalization", "campaign"), max_length=64, blank=True)
    """The campaign that had placed it, and its version."""
    arm = models.CharField(pgettext_lazy("personalization", "arm"), max_length=128, blank=True)
    """The arms of experiments; as the next two, in the rows of all products only."""
    device = models.CharField(pgettext_lazy("personalization", "device"), max_length=8, blank=True)
    is_customer = models.BooleanField(pgettext_lazy("personalization", "customer"), default=False)
    product_id = models.BigIntegerField(pgettext_lazy("personalization", "product"), default=0)
    """Its primary key, or 0 for all together, and what is about none."""
    segment_id = models.BigIntegerField(pgettext_lazy("personalization", "segment"), default=0)
    """The key of a segment, of what those did who were in it when it was shown; 0 for all visitors together."""
    event_count = models.PositiveIntegerField(pgettext_lazy("personalization", "events"))
    """Of what was seen: cards, not rows. Of purchases: order lines."""
    visitor_count = models.PositiveIntegerField(pgettext_lazy("personalization", "visitors"))
    """How many different ones stand behind the events; of purchases, how many orders."""
    units = models.PositiveIntegerField(pgettext_lazy("personalization", "pieces"), default=0)
    gross = models.DecimalField(
        pgettext_lazy("personalization", "gross"), max_digits=16, decimal_places=2, default=Decimal(0)
    )
    """Of purchases: the prices of the lines after discounts, without tax and shipping."""
    lost_amount = models.DecimalField(
        pgettext_lazy("personalization", "lost"), max_digits=16, decimal_places=2, default=Decimal(0)
    )
    """What of it was cancelled, returned or refunded, on the day of the order."""
    currency = models.CharField(pgettext_lazy("personalization", "currency"), max_length=12, blank=True)
    """Of the money; of what was seen and clicked on, that of the prices, "" for the shop's own."""

    objects = DailyTotalQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "daily total")
        verbose_name_plural = pgettext_lazy("personalization", "daily totals")
        constraints = (
            models.UniqueConstraint(
                fields=[
                    "date",
                    "type",
                    "product_id",
                    "segment_id",
                    "surface",
                    "row_code",
                    "campaign",
                    "arm",
                    "device",
                    "is_customer",
                    "currency",
                ],
                name="personalization_one_total_a_day",
            ),
        )
        indexes = (models.Index(fields=["product_id", "date"], name="personalization_total_product"),)

    def __str__(self) -> str:
        return f"{self.type} on {self.date}"
