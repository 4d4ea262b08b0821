"""Who trains: a right that runs out unless it is renewed, by the clock of the database."""

from datetime import timedelta

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import pgettext_lazy

LEASE = timedelta(minutes=2)
"""So long the right lasts after it was taken or renewed."""
ONLY_ROW = 1


class TrainingLeaseQuerySet(models.QuerySet):
    """The questions about the one row. Each is one statement, so that nothing is held between two of them."""

    def take(self, token: str, host: str, process: int, *, abandoned: str = "") -> bool:
        """Whether it is ours now: nobody had it, or it had run out, or its holder was the `abandoned` one, or us."""
        never_taken = TrainingLease(pk=ONLY_ROW, taken_at=Now(), expires_at=Now())
        self.bulk_create([never_taken], ignore_conflicts=True)
        free = models.Q(expires_at__lte=Now()) | models.Q(token__in=[abandoned, token])
        return bool(
            self.filter(free).update(token=token, host=host, process=process, taken_at=Now(), expires_at=Now() + LEASE)
        )

    def renew(self, token: str) -> bool:
        """Whether it is still ours; if so, it lasts as if just taken, and no other takes it before the end of the
        transaction."""
        return bool(self.filter(token=token).update(expires_at=Now() + LEASE))

    def release(self, token: str) -> None:
        """Gives it back, if it is ours."""
        self.filter(token=token).update(token="", expires_at=Now())

    def current(self) -> "TrainingLease | None":
        """The one that has not run out."""
        return self.filter(expires_at__gt=Now()).first()


class TrainingLease(models.Model):
    """The right to train. There is one row at most."""

    token = models.CharField(max_length=32, default="")
    """What only the holder knows; empty when nobody has it."""
    host = models.CharField(max_length=255, default="")
    process = models.PositiveBigIntegerField(default=0)
    """The number of the holder's process on that host."""
    taken_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    objects = TrainingLeaseQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "right to train")
        verbose_name_plural = pgettext_lazy("personalization", "rights to train")
        default_permissions = ()

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}, since {self.taken_at:%Y-%m-%d %H:%M:%S %Z}"
