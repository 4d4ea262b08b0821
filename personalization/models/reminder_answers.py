"""What customers said about being reminded of one product: later, or never."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import pgettext_lazy


class ReminderAnswerQuerySet(models.QuerySet):
    """Queries about these answers."""

    def answer(self, user_id: Any, product_id: int, until: datetime | None, now: datetime) -> None:
        """Stores what a customer said about a product, over what they said before. Parameters: `until`, None for
        never."""
        row = self.model(user_id=user_id, product_id=product_id, until=until, answered_at=now)
        keys = ["user", "product_id"]
        self.bulk_create([row], update_conflicts=True, update_fields=["until", "answered_at"], unique_fields=keys)

    def by_customer(self, user_ids: Iterable[Any]) -> "dict[tuple[Any, int], ReminderAnswer]":
        """{(account, product): what they said} of these customers. One query."""
        return {(row.user_id, row.product_id): row for row in self.filter(user_id__in=list(user_ids))}

    def take_back(self, user_id: Any, product_id: int) -> bool:
        """Deletes what a customer said about a product. Whether there was anything."""
        return bool(self.filter(user_id=user_id, product_id=product_id).delete()[0])


class ReminderAnswer(models.Model):
    """That a customer wants to be reminded of a product later, or never. The product is not named otherwise."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    product_id = models.BigIntegerField()
    """A child's parent."""
    until = models.DateTimeField(null=True)
    """When they want to be reminded; None for never."""
    answered_at = models.DateTimeField()

    objects = ReminderAnswerQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "answer to a reminder")
        verbose_name_plural = pgettext_lazy("personalization", "answers to reminders")
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["user", "product_id"], name="personalization_one_answer"),)

    def __str__(self) -> str:
        return f"product {self.product_id}: {self.until or 'never'}"
