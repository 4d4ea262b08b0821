"""Credit: an order line, and the click or the impression that it is owed to."""

import secrets
import uuid
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import models, transaction
from django.db.models.functions import TruncDate
from django.utils.timezone import get_default_timezone
from django.utils.translation import pgettext_lazy

from personalization.models.batched_deletion import delete_in_batches
from personalization.models.visitors import Visitor

CREDIT_DAYS = 180
"""So long after its order a credit hears of cancellations and returns; then it is deleted, and the totals of its day
remain."""


BLOCK_SURFACE = "content"
"""The surface of all slots of content blocks."""
BLOCK_ROW = "block-"
"""Before the key of a content block, in the place of a row's key."""


class Touch(models.TextChoices):
    """What a visitor did with the product before they bought it."""

    CLICKED = "clicked", pgettext_lazy("personalization", "clicked")
    SEEN = "seen", pgettext_lazy("personalization", "only seen")


TOUCH_COLUMNS = (
    "visitor_id",
    "product_id",
    "surface",
    "row_key",
    "campaign",
    "arm",
    "segments",
    "device",
    "is_customer",
    "touch",
    "touched_at",
)
"""What a better touch replaces."""
MONEY_COLUMNS = ("ordered_at", "currency", "quantity", "gross", "lost_quantity", "lost_amount")
"""What the order line says."""


OwedLine = tuple[uuid.UUID, int, datetime, str, Decimal, Decimal]


def new_order_mark() -> int:
    """A number that says which credits are of one order, and not of which."""
    return secrets.randbelow(2**62)


class CreditQuerySet(models.QuerySet):
    """Queries about credits."""

    def of_orders(self, order_ids: Iterable[int]) -> "CreditQuerySet":
        """Those of the lines of these orders."""
        return self.filter(order_id__in=list(order_ids))

    def store(self, credits: Iterable["Credit"]) -> None:
        """Writes these, new ones and changed ones, in one statement; their days have to be counted again.

        A credit whose visitor is no more is not stored: they are locked until the transaction ends.
        """
        wanted = list(credits)
        with transaction.atomic(using=self.db):
            visitors = sorted({one.visitor_id for one in wanted if one.visitor_id})
            held = Visitor.objects.using(self.db).filter(pk__in=visitors).order_by("pk").select_for_update(no_key=True)
            known = set(held.values_list("pk", flat=True))
            rows = sorted(
                (one for one in wanted if one.visitor_id is None or one.visitor_id in known),
                key=lambda one: one.line_id or 0,
            )
            for row in rows:
                row.is_counted = False
            self.bulk_create(
                rows,
                update_conflicts=True,
                unique_fields=["line_id"],
                update_fields=[*TOUCH_COLUMNS, *MONEY_COLUMNS, "is_counted"],
                batch_size=500,
            )

    def store_losses(self, credits: Iterable["Credit"]) -> None:
        """Writes what these lost since; their days have to be counted again."""
        rows = sorted(credits, key=lambda one: one.pk)
        for row in rows:
            row.is_counted = False
        self.bulk_update(rows, ["lost_quantity", "lost_amount", "is_counted"], batch_size=500)

    def move_to(self, visitor: Visitor, from_visitor: Visitor) -> None:
        """Makes one visitor's credits another's: a browser signed in."""
        self.filter(visitor=from_visitor).update(visitor=visitor)

    def release(self, visitor: Visitor) -> None:
        """Cuts this visitor's credits off from them, as they become part of another; what is cancelled later is heard
        all the same."""
        self.filter(visitor=visitor).update(visitor=None)

    def forget_people(self, visitor_ids: Iterable[uuid.UUID]) -> None:
        """Cuts these visitors' credits off from them, from their orders and their segments. The numbers stay, and name
        nobody: what is cancelled later is not heard any more."""
        self.filter(visitor__in=list(visitor_ids)).update(visitor=None, order_id=None, line_id=None, segments=[])

    def uncounted_days(self) -> list[date]:
        """The days, in the shop's time zone, whose totals these credits have changed since they were counted."""
        at = TruncDate("ordered_at", tzinfo=get_default_timezone())
        return sorted(self.filter(is_counted=False).order_by().values_list(at, flat=True).distinct())

    def after_clicks(self, surface: str, since: datetime) -> Iterator[OwedLine]:
        """(visitor, product, moment of the click, currency, gross, lost) of what was owed to clicks on a surface since
        a moment, streamed."""
        rows = self.filter(surface=surface, touch=Touch.CLICKED, touched_at__gte=since, visitor__isnull=False)
        columns = ("visitor_id", "product_id", "touched_at", "currency", "gross", "lost_amount")
        return rows.order_by().values_list(*columns).iterator(chunk_size=2_000)

    def order_ids(self) -> Iterator[int]:
        """The keys of the orders of these credits, streamed, each once."""
        rows = self.filter(order_id__isnull=False).order_by("order_id").values_list("order_id", flat=True).distinct()
        return rows.iterator(chunk_size=2_000)

    def before(self, moment: datetime) -> "CreditQuerySet":
        """Those of orders placed before a moment, as far as they are counted."""
        return self.filter(ordered_at__lt=moment, is_counted=True)

    def delete_before(self, moment: datetime) -> Iterator[int]:
        """Deletes them, the oldest first; how many went with each batch."""
        return delete_in_batches(self.before(moment).order_by("ordered_at"))


class Credit(models.Model):
    """An order line that was owed to a row of ours: one credit a line, for all of it."""

    order_id = models.BigIntegerField(pgettext_lazy("personalization", "order"), null=True, db_index=True)
    """Its primary key; None once its customer was forgotten."""
    line_id = models.BigIntegerField(pgettext_lazy("personalization", "order line"), null=True, unique=True)
    """Its primary key; None once its customer was forgotten."""
    order_mark = models.BigIntegerField(pgettext_lazy("personalization", "mark of the order"), default=new_order_mark)
    """The same for all credits of an order, also when nobody knows any more which it was."""
    visitor = models.ForeignKey(
        Visitor,
        null=True,
        on_delete=models.DO_NOTHING,
        related_name="+",
        verbose_name=pgettext_lazy("personalization", "visitor"),
    )
    """None once they were forgotten."""
    product_id = models.BigIntegerField(pgettext_lazy("personalization", "product"))
    """Its primary key, a child's parent."""
    surface = models.CharField(pgettext_lazy("personalization", "surface"), max_length=32)
    row_key = models.CharField(pgettext_lazy("personalization", "row"), max_length=64, blank=True)
    campaign = models.CharField(pgettext_lazy("personalization", "campaign"), max_length=64, blank=True)
    """The campaign that had placed the product, and its version; "" for none."""
    arm = models.CharField(pgettext_lazy("personalization", "arm"), max_length=128, blank=True)
    """experiment=arm of each experiment that took part in the decision."""
    segments = models.JSONField(pgettext_lazy("personalization", "segments"), default=list, blank=True)
    """The keys of the live segments that the visitor was in when they saw it; empty once they were forgotten."""
    device = models.CharField(pgettext_lazy("personalization", "device"), max_length=8, blank=True)
    is_customer = models.BooleanField(pgettext_lazy("personalization", "customer"), default=False)
    """Whether the order is of an account."""
    touch = models.CharField(pgettext_lazy("personalization", "touch"), max_length=8, choices=Touch.choices)
    touched_at = models.DateTimeField(pgettext_lazy("personalization", "touched at"))
    ordered_at = models.DateTimeField(pgettext_lazy("personalization", "ordered at"), db_index=True)
    currency = models.CharField(pgettext_lazy("personalization", "currency"), max_length=12)
    quantity = models.PositiveIntegerField(pgettext_lazy("personalization", "pieces"))
    gross = models.DecimalField(pgettext_lazy("personalization", "gross"), max_digits=14, decimal_places=2)
    """The price of the line after discounts, without tax, without shipping."""
    lost_quantity = models.PositiveIntegerField(pgettext_lazy("personalization", "lost pieces"), default=0)
    lost_amount = models.DecimalField(
        pgettext_lazy("personalization", "lost"), max_digits=14, decimal_places=2, default=Decimal(0)
    )
    """What of it was cancelled, returned or refunded."""
    is_counted = models.BooleanField(pgettext_lazy("personalization", "counted"), default=False)
    """Whether the totals of its day have it as it is."""

    objects = CreditQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "credit")
        verbose_name_plural = pgettext_lazy("personalization", "credits")
        indexes = (
            models.Index(
                fields=["ordered_at"], name="personalization_credit_uncount", condition=models.Q(is_counted=False)
            ),
        )

    def __str__(self) -> str:
        return f"{self.touch} in {self.row_key or self.surface}"

    @property
    def kept_amount(self) -> Decimal:
        """What the shop kept of the line."""
        return self.gross - self.lost_amount

    @property
    def strength(self) -> tuple[bool, datetime, str, str]:
        """Sorts the touches of a line, the one that gets the credit last: a click before what was only seen, then the
        later one, then the row that sorts later."""
        return self.touch == Touch.CLICKED, self.touched_at, self.surface, self.row_key


def oldest_credited(now: datetime) -> datetime:
    """Before when orders are too old for cancellations to be heard."""
    return now - timedelta(days=CREDIT_DAYS)
