"""How much of something arrives a day, from the newest rows of a table, whatever its size."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import CharField, Count, F, Max, QuerySet, Value
from django.db.models.functions import TruncDate

MAX_COUNTED_ROWS = 50_000
"""Of a table as many rows are counted, the newest; of a larger one it is said that there are more."""


@dataclass(frozen=True)
class Arrivals:
    """What arrived of one thing."""

    rows: int = 0
    """Not more than MAX_COUNTED_ROWS."""
    newest: datetime | None = None
    by_day: Mapping[date, int] = field(default_factory=dict)
    """Of the days that were counted as a whole, by the shop's calendar; a day without any is left out."""

    @property
    def has_more(self) -> bool:
        """Whether there are more rows than were counted."""
        return self.rows >= MAX_COUNTED_ROWS

    def last_days(self, today: date, days: int) -> list[int | None]:
        """How many arrived on each of the last days, the oldest first; None for days that were not counted."""
        first = min(self.by_day, default=today) if self.has_more else date.min
        wanted = [today - timedelta(days=days - 1 - number) for number in range(days)]
        return [self.by_day.get(day, 0) if day >= first else None for day in wanted]


def count_arrivals(sources: Mapping[str, tuple[QuerySet[Any], str]]) -> dict[str, Arrivals]:
    """The arrivals of each source, given as rows and the field that says when: one query for all of them."""
    parts = [_days_of(name, rows, moment) for name, (rows, moment) in sources.items()]
    first, *others = parts
    found: dict[str, list[tuple[date, int, datetime]]] = {name: [] for name in sources}
    for name, day, count, newest in first.union(*others, all=True) if others else first:
        found[name].append((day, count, newest))
    return {name: _summed(days) for name, days in found.items()}


def _days_of(name: str, rows: QuerySet[Any], moment: str) -> QuerySet[Any]:
    newest = rows.model._base_manager.filter(pk__in=rows.order_by("-pk").values("pk")[:MAX_COUNTED_ROWS])
    days = newest.order_by().annotate(
        source=Value(name, output_field=CharField()), day=TruncDate(F(moment)), at=F(moment)
    )
    return (
        days.values("source", "day")
        .annotate(rows=Count("pk"), newest=Max("at"))
        .values_list("source", "day", "rows", "newest")
    )


def _summed(days: list[tuple[date, int, datetime]]) -> Arrivals:
    rows = sum(count for _day, count, _newest in days)
    by_day = {day: count for day, count, _newest in days}
    if rows >= MAX_COUNTED_ROWS:
        by_day.pop(min(by_day), None)
    return Arrivals(rows, max((newest for _day, _count, newest in days), default=None), by_day)
