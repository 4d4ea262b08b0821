"""Days whose daily totals are not what their events say: something arrived since they were counted, or went.

Rows are added beside each other, so that nobody waits for anybody; counting a day takes away its own, in one
transaction.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Self

from django.db import models, transaction
from django.db.models import Case, Q, Value, When
from django.db.models.functions import TruncDate
from django.utils.timezone import get_default_timezone
from django.utils.translation import pgettext_lazy

from personalization.batching import batched

ROWS_AT_ONCE = 2_000
"""The number of rows that one statement deletes."""


class CountedQuerySet(models.QuerySet):
    """Rows that daily totals are counted from."""

    def affected_days(self) -> set[date]:
        """The days, in the shop's time zone, whose totals these rows change: a click that of the next day, too, whose
        baskets may be owed to it."""
        day = TruncDate("occurred_at", tzinfo=get_default_timezone())
        is_click = Case(When(type="select_item", then=Value(1)), default=Value(0))
        found = self.filter(is_suspected_bot=False).order_by().values_list(day, is_click).distinct()
        return {at + timedelta(days=ahead) for at, clicks in found for ahead in range(clicks + 1)}

    def mark_days(self) -> None:
        """Notes that these rows go, or become another visitor's, in the transaction in which they do."""
        UncountedDay.objects.using(self.db).mark(self.affected_days(), is_loss=True)

    def arrived_after(self, key: int) -> Self:
        """Those that were stored after the one of this key."""
        return self.filter(id__gt=key)

    def last_arrival(self, before: datetime) -> int:
        """The key of the one that was stored last, of those that arrived before a moment; 0 for none. It looks back
        over what arrived since."""
        arrived = self.filter(received_at__lt=before).order_by("-id")
        return arrived.values_list("id", flat=True).first() or 0

    def delete_at_once(self) -> int:
        """Deletes these, without signals, in one transaction; how many went."""
        with transaction.atomic(using=self.db):
            locked = self.order_by("id").select_for_update(of=("self",))
            keys = list(locked.values_list("id", flat=True))
            for some in batched(keys, ROWS_AT_ONCE):
                rows = self.model.objects.using(self.db).filter(id__in=some)
                rows.mark_days()
                rows._raw_delete(self.db)
        return len(keys)


class UncountedDayQuerySet(models.QuerySet):
    """The questions about days that are to be counted."""

    def mark(self, days: Iterable[date], *, is_loss: bool = False) -> None:
        """Notes that these days are to be counted."""
        self.bulk_create(self.model(date=day, is_loss=is_loss) for day in sorted(days))

    def due(self, open_since: date, today: date) -> set[date]:
        """The days up to today that are to be counted; of days before `open_since`, only those that received events:
        they keep what was counted of what went since."""
        wanted = self.filter(Q(is_loss=False) | Q(date__gte=open_since), date__lte=today)
        return set(wanted.order_by().values_list("date", flat=True).distinct())

    def drop_losses(self, before: date) -> None:
        """Forgets what days before this one lost."""
        self.filter(is_loss=True, date__lt=before)._raw_delete(self.db)

    def take(self, day: date) -> bool:
        """Whether a day is still to be counted; forgets that, in the transaction of the caller, who counts it."""
        return bool(self.filter(date=day)._raw_delete(self.db))


class UncountedDay(models.Model):
    """One reason to count a day anew."""

    date = models.DateField(db_index=True)
    is_loss = models.BooleanField(default=False)
    """Whether it lost events, and not received some."""

    objects = UncountedDayQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "day to count")
        verbose_name_plural = pgettext_lazy("personalization", "days to count")
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.date)
