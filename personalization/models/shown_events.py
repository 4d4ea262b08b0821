"""What visitors clicked on in rows and lists, and what they saw of them: what credit is given for."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from math import sqrt
from typing import Any, NamedTuple, Self

from django.db import connections
from django.db.models import Count, ExpressionWrapper, F, FloatField, IntegerField, Min, Q, QuerySet, Sum
from django.db.models.functions import Cast, Ceil

from personalization.models.epoch import Epoch
from personalization.models.recent_activity import EACH_PRODUCT
from personalization.models.searched_events import SearchedEventQuerySet
from personalization.models.visitors import Consent


class ShownEvent(NamedTuple):
    """A click in a row or list, or what was seen of one, as credit is given for it."""

    visitor_id: uuid.UUID
    type: str
    occurred_at: datetime
    surface: str
    row_key: str
    product_id: int | None
    items: Sequence[Sequence[Any]]
    reason: str | None
    campaign: str | None
    arm: str | None
    device: str
    slate_id: uuid.UUID | None = None
    segments: Sequence[int] | None = None
    currency: str = ""


class CardCount(NamedTuple):
    """How many visitors saw a product, or clicked on it, in one place in one week."""

    week: int
    """0 for the last one, which ends at the moment that was asked for."""
    product_id: int
    position: int
    surface: str
    device: str
    cards: int


class ClickSums(NamedTuple):
    """The clicks of visitors."""

    clicks: int = 0
    squares: int = 0
    """The sum, over the visitors, of the squares of their clicks."""
    first_at: datetime | None = None
    """When the first of them was."""

    @property
    def relative_error(self) -> float:
        """The standard error of the clicks as a share of them, where visitors come by chance and each clicks as they do
        (a compound Poisson sum)."""
        return sqrt(self.squares) / self.clicks if self.clicks else 0.0


CARD_WEEK = timedelta(weeks=1)
CARDS_SQL = """
SELECT shown.week, {product}, {position}, shown.surface, shown.device, COUNT(DISTINCT shown.visitor_id)
FROM ({shown}) AS shown CROSS JOIN {each}
GROUP BY shown.week, {product}, {position}, shown.surface, shown.device
"""
POSITION = {"postgresql": "(item.pair->>1)::integer", "sqlite": "json_extract(item.value, '$[1]')"}
"""By database: the position of one of the items of a row that was seen."""


class ShownEventQuerySet(SearchedEventQuerySet):
    """The questions about what rows and lists showed."""

    def cards_seen(self, until: datetime, weeks: int, users: QuerySet[Any]) -> Iterator[CardCount]:
        """How many of these users saw each product in each place in each of the weeks before a moment, of those who
        allow learning from it and are no robots; one statement, streamed."""
        rows = self._from_slates_by_week("view_item_list", until, weeks).filter(visitor__user__in=users)
        connection = connections[rows.db]
        columns = rows.values("week", "surface", "device", "items", "visitor_id")
        shown, values = columns.query.get_compiler(rows.db).as_sql()
        each, product = EACH_PRODUCT[connection.vendor]
        position = POSITION[connection.vendor]
        statement = CARDS_SQL.format(shown=shown, each=each, product=product, position=position)
        with connection.chunked_cursor() as cursor:
            cursor.execute(statement, values)
            while found := cursor.fetchmany(20_000):
                yield from (CardCount(*row) for row in found)

    def cards_clicked(self, until: datetime, weeks: int, users: QuerySet[Any]) -> Iterator[CardCount]:
        """How many of them clicked on each in each place then."""
        rows = self._from_slates_by_week("select_item", until, weeks)
        rows = rows.filter(product_id__isnull=False, position__isnull=False, visitor__user__in=users)
        places = rows.values_list("week", "product_id", "position", "surface", "device")
        counted = places.annotate(cards=Count("visitor_id", distinct=True))
        return (CardCount(*row) for row in counted.iterator(chunk_size=20_000))

    def _from_slates_by_week(self, event_type: str, until: datetime, weeks: int) -> Self:
        """With the number of the week before that moment in which it was."""
        seconds_before = ExpressionWrapper(until.timestamp() - Epoch("occurred_at"), FloatField())
        rows = self._from_slates(event_type, until - weeks * CARD_WEEK, until)
        return rows.annotate(week=Cast(Ceil(seconds_before / CARD_WEEK.total_seconds()) - 1, IntegerField()))

    def clicks_in_arm(self, arm: str, since: datetime, until: datetime) -> ClickSums:
        """The clicks in rows that stood in an arm, "experiment=arm", between two moments."""
        rows = self._from_slates("select_item", since, until).filter(arm__contains=arm)
        of_visitor = rows.values("visitor_id").annotate(clicks=Count("pk"), first=Min("occurred_at"))
        sums = of_visitor.aggregate(total=Sum("clicks"), squares=Sum(F("clicks") * F("clicks")), first_at=Min("first"))
        return ClickSums(sums["total"] or 0, sums["squares"] or 0, sums["first_at"])

    def _from_slates(self, event_type: str, since: datetime, until: datetime) -> Self:
        """What was reported of products in rows and lists of ours."""
        rows = self.filter(type=event_type, occurred_at__gte=since, occurred_at__lt=until, is_suspected_bot=False)
        shown = rows.filter(slate_id__isnull=False, item_kind="product").exclude(visitor__consent=Consent.WITHDRAWN)
        return shown.order_by()

    def shown_to(
        self, visitor_ids: Iterable[uuid.UUID], event_type: str, since: datetime, until: datetime
    ) -> Iterator[ShownEvent]:
        """What these visitors clicked on in rows and lists, or saw of them, between two moments; streamed."""
        rows = self._shown(visitor_ids, event_type, since, until)
        found = rows.order_by().values_list(*ShownEvent._fields)
        return (ShownEvent(*row) for row in found.iterator(chunk_size=2_000))

    def block_clicks(self, visitor_ids: Iterable[uuid.UUID], since: datetime, until: datetime) -> Iterator[ShownEvent]:
        """The clicks of these visitors on content blocks between two moments; streamed."""
        rows = self.filter(
            visitor_id__in=list(visitor_ids),
            type="select_item",
            item_kind="content",
            occurred_at__gte=since,
            occurred_at__lt=until,
            is_suspected_bot=False,
        )
        found = rows.order_by().values_list(*ShownEvent._fields)
        return (ShownEvent(*row) for row in found.iterator(chunk_size=2_000))

    def of_interleaved_lists(
        self, visitor_ids: Iterable[uuid.UUID], since: datetime, until: datetime
    ) -> Iterator[ShownEvent]:
        """What these visitors saw of lists, clicked on anywhere and put into a basket between two moments; streamed."""
        lists = Q(type="view_item_list", surface__in=("search", "category"))
        clicks = Q(type__in=("select_item", "add_to_cart"), product_id__isnull=False)
        rows = self.filter(
            lists | clicks,
            visitor_id__in=list(visitor_ids),
            occurred_at__gte=since,
            occurred_at__lt=until,
            item_kind="product",
            is_suspected_bot=False,
        )
        found = rows.order_by().values_list(*ShownEvent._fields)
        return (ShownEvent(*row) for row in found.iterator(chunk_size=2_000))

    def latest_shown(
        self, visitor_ids: Iterable[uuid.UUID], event_type: str, since: datetime, until: datetime, most: int
    ) -> list[ShownEvent]:
        """As `shown_to`, the latest first, at most so many."""
        rows = self._shown(visitor_ids, event_type, since, until).order_by("-occurred_at", "-event_id")
        return [ShownEvent(*row) for row in rows.values_list(*ShownEvent._fields)[:most]]

    def _shown(
        self, visitor_ids: Iterable[uuid.UUID], event_type: str, since: datetime, until: datetime
    ) -> "ShownEventQuerySet":
        return self.filter(
            visitor_id__in=list(visitor_ids),
            type=event_type,
            occurred_at__gte=since,
            occurred_at__lt=until,
            slate_id__isnull=False,
            item_kind="product",
            is_suspected_bot=False,
        )

    def done_by(
        self, visitor_ids: Iterable[uuid.UUID], event_types: Iterable[str], since: datetime, until: datetime, most: int
    ) -> list[tuple[uuid.UUID, str, int | None, str, datetime]]:
        """(visitor's id, type, product, query, moment) of what these visitors did between two moments, the newest
        first, at most so many."""
        rows = self.filter(
            visitor_id__in=list(visitor_ids),
            type__in=list(event_types),
            occurred_at__gte=since,
            occurred_at__lt=until,
            is_suspected_bot=False,
        )
        columns = ("visitor_id", "type", "product_id", "query", "occurred_at")
        return list(rows.order_by("-occurred_at", "-event_id").values_list(*columns)[:most])
