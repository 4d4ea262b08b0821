"""What people came to who were due for a message: those who were to get it, and those who were held back."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db import models
from django.db.models import Count, F, Q, Sum
from django.utils.translation import pgettext_lazy

from personalization.models.batched_deletion import delete_in_batches
from personalization.models.deliveries import Arm


class ArmSums(NamedTuple):
    """All people of a kind of message, an arm and a part that is held back."""

    kind: str
    share: float
    arm: str
    people: int
    orders: int
    kept_amount: float
    kept_squares: float
    withdrew: int


class MessageOutcomeQuerySet(models.QuerySet):
    """Queries about them."""

    def record(self, kind: str, user_id: Any, arm: str, share: float, now: datetime) -> None:
        """Stores which arm of a kind a customer was drawn into. The first draw counts. A guest leaves nothing, as
        nobody knows their orders, nor does who could not have been drawn into the other arm."""
        if user_id is not None and 0 < share < 1:
            row = self.model(kind=kind, user_id=user_id, arm=arm, share=share, decided_at=now)
            self.bulk_create([row], ignore_conflicts=True)

    def in_open_batches(self, size: int) -> "Iterator[list[MessageOutcome]]":
        """Those that may still change, by key."""
        last = 0
        while batch := list(self.filter(user__isnull=False, is_settled=False, pk__gt=last).order_by("pk")[:size]):
            yield batch
            last = batch[-1].pk

    def store_counts(self, rows: "Iterable[MessageOutcome]") -> None:
        """Writes what these came to. Who was forgotten meanwhile keeps the count before."""
        self.filter(user__isnull=False).bulk_update(
            rows, ["orders", "kept_amount", "withdrew", "is_settled"], batch_size=500
        )

    def sums_before(self, moment: datetime) -> list[ArmSums]:
        """The sums of those about whom it was decided before a moment, by kind, part and arm. One query."""
        rows = self.filter(decided_at__lt=moment).order_by().values("kind", "share", "arm")
        sums = rows.annotate(
            people=Count("pk"),
            all_orders=Sum("orders"),
            all_kept=Sum("kept_amount"),
            squares=Sum(F("kept_amount") * F("kept_amount")),
            all_withdrew=Count("pk", filter=Q(withdrew=True)),
        )
        columns = ("kind", "share", "arm", "people", "all_orders", "all_kept", "squares", "all_withdrew")
        return [ArmSums(*row) for row in sums.values_list(*columns)]

    def forget_customer(self, user_id: Any) -> None:
        """Cuts what a customer came to off from them. It is kept as it is, and names nobody."""
        self.filter(user_id=user_id).update(user=None)

    def before(self, moment: datetime) -> "MessageOutcomeQuerySet":
        """Those about whom it was decided before a moment."""
        return self.filter(decided_at__lt=moment)

    def delete_before(self, moment: datetime) -> Iterator[int]:
        """Deletes them, the oldest first; how many went with each batch."""
        return delete_in_batches(self.before(moment).order_by("decided_at"))


class MessageOutcome(models.Model):
    """A customer who was due for a message of a kind, from the decision whether they are held back on."""

    kind = models.CharField(max_length=32)
    """The name of a `lifecycle.kinds.MessageKind`."""
    arm = models.CharField(max_length=9, choices=Arm.choices)
    """Of the first decision, whatever became of the mail."""
    share = models.FloatField()
    """The part of the people, between 0 and 1, that was held back then: who stood another chance is compared apart."""
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    """None once they were forgotten; then nothing of the row changes any more."""
    decided_at = models.DateTimeField()
    orders = models.PositiveIntegerField(default=0)
    """Kept ones, within `measure.message_effect.WINDOW`, ..."""
    kept_amount = models.FloatField(default=0)
    """... and what the shop kept of the money, in its own currency."""
    withdrew = models.BooleanField(default=False)
    """Whether they ended messages in this time."""
    is_settled = models.BooleanField(default=False)
    """Whether the time is over, its orders are too old to come back, and it was counted since."""

    objects = MessageOutcomeQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "outcome of a message")
        verbose_name_plural = pgettext_lazy("personalization", "outcomes of messages")
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["kind", "user"], name="personalization_one_message_outcome"),)
        indexes = (models.Index(fields=["decided_at"], name="personalization_outcome_age"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.arm}"
