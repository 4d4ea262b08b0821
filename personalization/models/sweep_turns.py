"""How far the sweep of a kind of messages has come, for kinds that look at all customers in turn, some at a time; and
when the last sweep of genomes began."""

from datetime import datetime, timedelta

from django.db import models
from django.utils.translation import pgettext_lazy

ROUND_PAUSE = timedelta(hours=20)
"""A round begins so long after the one before began, or later where that takes longer: about once a day."""


class SweepTurnQuerySet(models.QuerySet):
    """The questions about turns."""

    def position(self, kind: str, now: datetime) -> int | None:
        """After which key a sweep goes on; None while nothing is to be done before the next round."""
        turn = self.filter(kind=kind).first()
        if turn is None:
            return 0
        return None if turn.position == 0 and now - turn.round_began < ROUND_PAUSE else turn.position

    def move(self, kind: str, start: int, end: int | None, now: datetime) -> None:
        """Stores that a sweep came from one key to another, or to the end of the round (None). Two sweeps at once may
        look at the same customers, or leave some out until the next round."""
        row, changed = self.model(kind=kind, position=end or 0, round_began=now), ["position"]
        changed += ["round_began"] if start == 0 else []
        self.bulk_create([row], update_conflicts=True, unique_fields=["kind"], update_fields=changed)

    def last_round(self, kind: str) -> "SweepTurn | None":
        """The last round, of a sweep that is done in one go."""
        return self.filter(kind=kind).first()

    def note_round(self, kind: str, began: datetime, position: int = 0) -> None:
        """Stores that a round began then."""
        row = self.model(kind=kind, position=position, round_began=began)
        self.bulk_create(
            [row], update_conflicts=True, unique_fields=["kind"], update_fields=["position", "round_began"]
        )


class SweepTurn(models.Model):
    """How far the sweep of one kind has come."""

    kind = models.CharField(max_length=32, primary_key=True)
    position = models.BigIntegerField(default=0)
    """The key of the facts of the customer who was looked at last; 0 between two rounds. Of what all genomes depend on,
    its checksum."""
    round_began = models.DateTimeField()

    objects = SweepTurnQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "turn of a sweep")
        verbose_name_plural = pgettext_lazy("personalization", "turns of sweeps")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.kind}: {self.position}"
