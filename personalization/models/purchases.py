"""Purchases made elsewhere, in stores and at tills: a narrow table of lines beside the shop's own orders.

They are copies of what another system holds, and no report about the shop's orders changes with them. Whoever learns
from purchases reads both through `personalization.shop.purchases`.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Count, Exists, Max, OuterRef, Q, Sum
from django.db.models.functions import Cast
from django.utils.translation import pgettext_lazy

from personalization.models.batched_deletion import delete_in_batches
from personalization.models.epoch import Epoch
from personalization.models.loyalty_cards import LoyaltyCard

RECEIPT_BITS = 62


def receipt_number(source: str, external_id: str) -> int:
    """A number that stands for a receipt among the primary keys of the shop's orders: below 0, where they have none."""
    digest = sha256(f"{source}\0{external_id}".encode()).digest()
    return -1 - (int.from_bytes(digest[:8]) >> (64 - RECEIPT_BITS))


class PurchaseQuerySet(models.QuerySet):
    """Queries about purchases made elsewhere."""

    def bought(self, user_ids: Iterable[Any] | None = None) -> "PurchaseQuerySet":
        """The lines of products that the shop has, and that did not come back: of these customers, or of all and of
        nobody."""
        lines = self.sold(user_ids).filter(product_id__isnull=False)
        return lines.exclude(was_returned())

    def sold(self, user_ids: Iterable[Any] | None = None) -> "PurchaseQuerySet":
        """All lines but returns, whatever became of them: of these customers, or of all and of nobody."""
        lines = self.order_by().filter(quantity__gte=1)
        return lines if user_ids is None else lines.filter(user_id__in=list(user_ids))

    def sums_by_receipt(self, user_ids: Iterable[Any]) -> models.QuerySet:
        """(receipt, customer's key, currency, when, pieces, what was paid, pieces and what was paid without what came
        back) of each receipt of these customers."""
        kept = ~was_returned()
        return (
            self.sold(user_ids)
            .values_list("receipt", "user_id", "currency")
            .annotate(
                placed_at=Max("at"),
                pieces=Sum("quantity"),
                paid=Sum("price"),
                kept_pieces=Sum("quantity", filter=kept, default=0),
                kept_paid=Sum("price", filter=kept, default=Decimal(0)),
            )
        )

    def paid_receipts(self, currency: str, sensitive: Collection[int]) -> models.QuerySet:
        """(receipt, customer's key, seconds since 1970, what was paid, lines) of each receipt of customers in this
        currency, as far as it stayed bought, without these products."""
        lines = self.bought().filter(user__isnull=False, currency=currency)
        if sensitive:
            lines = lines.exclude(product_id__in=sensitive)
        moment, paid = Epoch(Max("at")), Cast(Sum("price"), models.FloatField())
        return lines.values_list("receipt", "user_id").annotate(moment=moment, paid=paid, lines=Count("pk"))

    def last_by_customer(self, since: datetime) -> models.QuerySet:
        """(customer's key, when they bought something last) of the customers who did since a moment."""
        rows = self.order_by().filter(at__gte=since, user__isnull=False)
        return rows.values_list("user_id").annotate(last=Max("at"))

    def customers(self) -> models.QuerySet:
        """The keys of the customers whose lines there are."""
        return self.order_by().filter(user__isnull=False).values_list("user_id", flat=True).distinct()

    def store(self, lines: Iterable["Purchase"]) -> None:
        """Writes these lines, each over the one that has the same source, receipt and line: inside a transaction."""
        keys = ["source", "external_id", "line"]
        fields = [field.name for field in self.model._meta.concrete_fields if field.name not in (*keys, "id")]
        self.bulk_create(lines, update_conflicts=True, unique_fields=keys, update_fields=fields, batch_size=500)

    def existing_lines(self, source: str, receipts: Iterable[str]) -> set[tuple[str, int]]:
        """(receipt, line) of what is stored of these receipts of a source, in one query."""
        rows = self.order_by().filter(source=source, external_id__in=list(receipts))
        return set(rows.values_list("external_id", "line"))

    def move(self, card: LoyaltyCard, before: Any, after: Any) -> int:
        """Makes what one customer, or nobody, bought with a card another's, or nobody's; how many lines."""
        return self.filter(card=card, user_id=before).update(user_id=after)

    def lines_by_card(self, card_ids: Iterable[int]) -> dict[int, int]:
        """How many lines there are of each of these cards, in one query."""
        rows = self.order_by().filter(card__in=list(card_ids)).values_list("card_id")
        return dict(rows.annotate(lines=Count("pk")))

    def before(self, moment: datetime) -> "PurchaseQuerySet":
        """What was bought earlier."""
        return self.filter(at__lt=moment)

    def delete_before(self, moment: datetime) -> Iterator[int]:
        """Deletes what was bought earlier, in batches; how many lines went with each."""
        return delete_in_batches(self.before(moment).order_by("at"))

    def delete_lines(self) -> None:
        """Deletes these lines in one statement."""
        self.order_by()._raw_delete(self.db)


def was_returned() -> Q:
    """Whether a line came back: its source says so, or a return of as many pieces names its receipt."""
    pieces = Purchase.objects.order_by().filter(
        receipt=OuterRef("receipt"), product_id=OuterRef("product_id"), quantity__lte=-OuterRef("quantity")
    )
    return Q(returned=True) | Q(Exists(pieces))


class Purchase(models.Model):
    """One line of a receipt."""

    source = models.CharField(max_length=32)
    """The system that it comes from."""
    external_id = models.CharField(max_length=64)
    """The receipt, as its source names it."""
    line = models.PositiveIntegerField()
    """The number of the line on it."""
    receipt = models.BigIntegerField()
    """`receipt_number` of the receipt on which it was bought: of a return, of the one that it names."""
    store = models.ForeignKey("Store", on_delete=models.SET_NULL, null=True, related_name="+")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    """Whose it is, by the card or as the source says; None for nobody's."""
    card = models.ForeignKey(LoyaltyCard, on_delete=models.SET_NULL, null=True, related_name="+")
    product_id = models.PositiveBigIntegerField(null=True)
    """A child product counts as its parent; None for what the shop does not have."""
    sku = models.CharField(max_length=128)
    """What the source calls the product."""
    quantity = models.IntegerField()
    """Pieces; below 0 for a return."""
    price = models.DecimalField(max_digits=12, decimal_places=2)
    """Of the whole line, with tax; below 0 for a return."""
    currency = models.CharField(max_length=3)
    at = models.DateTimeField()
    returned = models.BooleanField(default=False)
    """Whether the source says of this line that it came back."""

    objects = PurchaseQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "purchase elsewhere")
        verbose_name_plural = pgettext_lazy("personalization", "purchases elsewhere")
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=["source", "external_id", "line"], name="personalization_one_purchase"),
        )
        indexes = (
            models.Index(fields=["user", "at"], name="personalization_purchase_user"),
            models.Index(fields=["product_id", "at"], name="personalization_purchase_item"),
            models.Index(fields=["receipt"], name="personalization_purchase_slip"),
            models.Index(fields=["at"], name="personalization_purchase_at"),
        )

    def __str__(self) -> str:
        return f"{self.source} {self.external_id}/{self.line}"
