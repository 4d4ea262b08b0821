"""Orders and the visitors who placed them."""

import uuid
from collections.abc import Iterator
from datetime import datetime

from django.db import models, transaction
from django.utils.translation import pgettext_lazy

from personalization.models.visitors import Visitor


class OrderVisitorQuerySet(models.QuerySet):
    """Queries about them."""

    def record_order(self, order_id: int, visitor_id: uuid.UUID, placed_at: datetime) -> bool:
        """Stores who placed an order, unless that is stored already; False when the visitor is no more.

        The visitor's row is held until the transaction ends. Their foreign key is checked at the commit, where a
        visitor who was erased meanwhile would fail all that the request did, the order included.
        """
        with transaction.atomic(using=self.db):
            held = Visitor.objects.using(self.db).select_for_update(no_key=True).filter(pk=visitor_id)
            if not held.exists():
                return False
            row = self.model(order_id=order_id, visitor_id=visitor_id, placed_at=placed_at)
            self.bulk_create([row], ignore_conflicts=True)
        return True

    def of_browsers(self) -> Iterator[tuple[int, uuid.UUID]]:
        """(order's key, visitor's id) of each order that a browser without an account placed, streamed."""
        rows = self.filter(visitor__user=None).order_by()
        return rows.values_list("order_id", "visitor_id").iterator(chunk_size=20_000)

    def placed_between(self, since: datetime, until: datetime) -> Iterator[tuple[int, uuid.UUID]]:
        """(order's key, visitor's id) of the orders that were placed between two moments, streamed."""
        rows = self.filter(placed_at__gte=since, placed_at__lte=until).order_by("order_id")
        return rows.values_list("order_id", "visitor_id").iterator(chunk_size=20_000)

    def move_to(self, visitor: Visitor, from_visitor: Visitor) -> None:
        """Makes one visitor's orders another's: a browser signed in."""
        self.filter(visitor=from_visitor).update(visitor=visitor)


class OrderVisitor(models.Model):
    """An order and the visitor who placed it, who may be a guest's browser. Goes with the visitor."""

    order_id = models.BigIntegerField(pgettext_lazy("personalization", "order"), unique=True)
    """Its primary key."""
    visitor = models.ForeignKey(
        Visitor, on_delete=models.DO_NOTHING, related_name="+", verbose_name=pgettext_lazy("personalization", "visitor")
    )
    placed_at = models.DateTimeField(pgettext_lazy("personalization", "placed at"), db_index=True)

    objects = OrderVisitorQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "order of a visitor")
        verbose_name_plural = pgettext_lazy("personalization", "orders of visitors")

    def __str__(self) -> str:
        return f"order {self.order_id}"
