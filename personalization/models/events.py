"""Events: what visitors did. Rows are added, never changed."""

import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self

from django.db import connections, models, router, transaction
from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from personalization.models import event_insert_sql
from personalization.models.epoch import Epoch
from personalization.models.recent_activity import RecentActivity, read_activity
from personalization.models.shown_events import ShownEventQuerySet
from personalization.models.visitors import Consent, Visitor
from personalization.models.voices import voice_key

MAX_RECENT_EVENTS = 100
"""The number of a visitor's last events that a decision looks at."""
MAX_SEEN_ROWS = 60
"""The number of rows that they saw last in which it looks for what they saw often."""
SEEN_DAYS = 28
"""What they saw longer ago is forgotten, and so is that they did not touch it."""
NEVER = 1_000_000
"""More often than that nobody sees anything."""
ROW_SURFACES = ("home", "product")
"""Where those rows stood: what a list of a search shows again, they looked for."""
DELETE_BATCH_SIZE = 5_000
"""The number of events that are deleted in one transaction."""
MAX_VISIT_REPORTS = 2_000
"""The number of reports of one visit that are looked at for its beginning."""
BROWSER_BATCH_SIZE = 500
"""The number of visitors that are deleted in one transaction, with all that is theirs."""


class EventType(models.TextChoices):
    """What can happen. The names are those of GA4's e-commerce events."""

    IMPRESSION = "view_item_list", pgettext_lazy("personalization", "row impression")
    CLICK = "select_item", pgettext_lazy("personalization", "click in a row")
    PRODUCT_VIEW = "view_item", pgettext_lazy("personalization", "product view")
    ENGAGEMENT = "user_engagement", _("time on a product page")
    SEARCH = "search", pgettext_lazy("personalization", "site search")
    ADD_TO_BASKET = "add_to_cart", pgettext_lazy("personalization", "add to basket")
    REMOVE_FROM_BASKET = "remove_from_cart", pgettext_lazy("personalization", "remove from basket")
    VIEW_BASKET = "view_cart", pgettext_lazy("personalization", "basket view")
    CHECKOUT = "begin_checkout", pgettext_lazy("personalization", "checkout started")
    ADD_TO_WISHLIST = "add_to_wishlist", pgettext_lazy("personalization", "add to wish list")
    FEEDBACK = "item_feedback", pgettext_lazy("personalization", "feedback on a product")


INTENT_EVENTS = (
    EventType.CLICK,
    EventType.PRODUCT_VIEW,
    EventType.SEARCH,
    EventType.ADD_TO_BASKET,
    EventType.ADD_TO_WISHLIST,
)
"""The events that show what a visitor is looking for now."""
VIEW_EVENTS = (EventType.PRODUCT_VIEW, EventType.CLICK)
"""Those of them that are views of products."""


class ItemKind(models.TextChoices):
    """What the items of an event are. A category or a content block is no product: their keys mean other things."""

    PRODUCT = "product", pgettext_lazy("personalization", "product")
    CATEGORY = "category", pgettext_lazy("personalization", "category")
    CONTENT = "content", pgettext_lazy("personalization", "content block")


class EventData(NamedTuple):
    """A verified event before it is a row; the fields are those of `Event`."""

    event_id: uuid.UUID
    type: str
    occurred_at: datetime
    product_id: int | None = None
    item_kind: str = "product"
    items: Sequence[Sequence[Any]] = ()
    query: str = ""
    surface: str = ""
    row_key: str = ""
    value: float | None = None
    slate_id: uuid.UUID | None = None
    snapshot: str | None = None
    position: int | None = None
    reason: str | None = None
    campaign: str | None = None
    propensity: float | None = None
    arm: str | None = None
    segments: Sequence[int] | None = None
    currency: str = ""
    shown_at: datetime | None = None


class EventQuerySet(ShownEventQuerySet):
    """The questions about events."""

    def store_events(
        self,
        visitor_id: uuid.UUID,
        events: Collection[EventData],
        *,
        received_at: datetime,
        is_suspected_bot: bool = False,
        device: str = "",
        network: str = "",
    ) -> bool:
        """Stores a visitor's events, the new ones only, in one statement; False when the visitor no longer exists.

        Parameters: `network`, from where they were sent, see `Requester.network`; not stored itself.
        """
        connection = connections[router.db_for_write(self.model)]
        statement = event_insert_sql.STATEMENTS.get(connection.vendor)
        common: dict[str, Any] = {"received_at": received_at, "is_suspected_bot": is_suspected_bot, "device": device}
        voices = [voice_key(network, received_at, event.product_id, event.query) for event in events]
        if statement is None:
            return self._store_with_orm(visitor_id, zip(events, voices, strict=True), **common)
        with connection.cursor() as cursor:
            parameters = event_insert_sql.insert_parameters(connection, visitor_id, events, voices, **common)
            cursor.execute(statement, parameters)
            return bool(cursor.rowcount) or Visitor.objects.using(connection.alias).filter(pk=visitor_id).exists()

    @transaction.atomic
    def _store_with_orm(
        self, visitor_id: uuid.UUID, events: Iterable[tuple[EventData, int | None]], **common: Any
    ) -> bool:
        if not Visitor.objects.select_for_update().filter(pk=visitor_id).exists():
            return False
        self.add(Event(visitor_id=visitor_id, voice=voice, **event._asdict(), **common) for event, voice in events)
        return True

    def add(self, events: "Iterable[Event]") -> None:
        """Stores those that are not there yet, in one statement. The order makes two writers wait, not deadlock."""
        self.bulk_create(sorted(events, key=lambda event: event.event_id), ignore_conflicts=True)

    def views(self) -> Self:
        """The product pages that customers looked at."""
        return self.filter(
            type=EventType.PRODUCT_VIEW, is_suspected_bot=False, product_id__isnull=False, visitor__user__isnull=False
        )

    def recent(
        self, visitor_id: uuid.UUID, since: datetime, until: datetime, *, min_seen: int = NEVER
    ) -> RecentActivity:
        """The last telling things that this visitor did between two moments, newest first, and what their last rows of
        products showed at least `min_seen` times. One indexed query."""
        rows = self.filter(visitor_id=visitor_id, is_suspected_bot=False, occurred_at__lte=until)
        did = rows.filter(type__in=INTENT_EVENTS, occurred_at__gte=since).order_by("-occurred_at", "-event_id")
        shown = rows.filter(
            type=EventType.IMPRESSION,
            item_kind=ItemKind.PRODUCT,
            surface__in=ROW_SURFACES,
            occurred_at__gte=until - timedelta(days=SEEN_DAYS),
        ).order_by("-occurred_at", "-event_id")
        return read_activity(did[:MAX_RECENT_EVENTS], shown[:MAX_SEEN_ROWS], min_seen)

    def for_visitor(self, visitor_id: uuid.UUID) -> Self:
        """All that this visitor did, newest first."""
        return self.filter(visitor_id=visitor_id).order_by("-occurred_at", "-event_id")

    def with_products(self) -> Self:
        """What was done with one product, which was not only shown."""
        return self.filter(product_id__isnull=False)

    def count_since(self, moment: datetime) -> int:
        """How many happened since."""
        return self.filter(type__in=EventType.values, occurred_at__gte=moment).count()

    def allowed_actions(self) -> Iterator[tuple[uuid.UUID, Any, str, int | None, str, float, bool, str]]:
        """(visitor's id, customer's key or None, name, product's key or None, query, seconds since 1970, whether it is
        an echo, type of device) of each search and all else that tells what was done with one product, of those who
        allow learning from it; streamed."""
        heard = self.filter(type__in=INTENT_EVENTS, is_suspected_bot=False).exclude(visitor__consent=Consent.WITHDRAWN)
        about = heard.filter(Q(type=EventType.SEARCH) | Q(product_id__isnull=False))
        rows = about.order_by().annotate(at=Epoch("occurred_at"))
        columns = ("visitor_id", "visitor__user_id", "type", "product_id", "query", "at", "is_echo", "device")
        return rows.values_list(*columns).iterator(chunk_size=20_000)

    def views_and_searches(self) -> tuple[int, int]:
        """How often a product was looked at, and how often something was searched for."""
        counted = self.order_by().aggregate(
            views=Count("pk", filter=Q(type=EventType.PRODUCT_VIEW)),
            searches=Count("pk", filter=Q(type=EventType.SEARCH)),
        )
        return counted["views"], counted["searches"]

    def delete_like(self, event_id: uuid.UUID | None) -> int:
        """Deletes all events about the product, or the search, of this event; returns how many."""
        one = self.filter(event_id=event_id).first()
        if one is None:
            return 0
        alike = self.filter(pk=one.pk)
        if one.type == EventType.SEARCH:
            alike = self.searches().filter(query=one.query)
        elif one.product_id is not None:
            alike = self.filter(product_id=one.product_id)
        return alike.delete_at_once()

    def delete_searches(self) -> int:
        """Deletes all that was searched for; how many events went."""
        return self.searches().delete_at_once()

    def delete_all_but_searches(self) -> int:
        """Deletes all else that was seen and done; how many events went."""
        return self.exclude(type=EventType.SEARCH).delete_at_once()

    def existing_ids(self, event_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
        """Those of these events that are stored."""
        return set(self.filter(event_id__in=list(event_ids)).values_list("event_id", flat=True))

    def count_received(self, visitor_id: uuid.UUID, since: datetime, *, dated_since: datetime, most: int) -> int:
        """How many of this visitor's events arrived since a moment, counted up to `most`. Only those that are dated
        since another moment are looked at: there the index begins."""
        recent = self.filter(visitor_id=visitor_id, occurred_at__gte=dated_since)
        return recent.filter(received_at__gte=since)[:most].count()

    def oldest_time(self) -> datetime | None:
        """When the first of them happened. Looks at all of them."""
        return self.aggregate(at=Min("occurred_at"))["at"]

    def oldest_held(self) -> tuple[datetime | None, datetime | None]:
        """When the event that arrived first arrived, and when the first search happened: two looks into an index."""
        searched = self.model.objects.searches().order_by("occurred_at").values("occurred_at")[:1]
        rows = self.order_by("id").annotate(searched=models.Subquery(searched)).values_list("received_at", "searched")
        return rows.first() or (None, None)

    def before(self, event_type: str, moment: datetime) -> Self:
        """Those of one name that happened before a moment."""
        return self.filter(type=event_type, occurred_at__lt=moment)

    def delete_before(self, event_type: str, moment: datetime) -> Iterator[int]:
        """Deletes them, the oldest first; how many went with each batch, which is a short transaction of its own.

        Rows that another transaction has locked are skipped, not waited for.
        """
        yield from self._delete_in_order("occurred_at", self.before(event_type, moment), stays_counted=True)

    def delete_for_products(self, products: Collection[int]) -> Iterator[int]:
        """Deletes the events about these products alone; how many went with each batch. No index finds them: all
        batches together read the table once."""
        yield from self._delete_in_order("id", self.filter(product_id__in=products))

    def of_withdrawn(self) -> Self:
        """Those of visitors who withdrew: left over where deleting them was interrupted."""
        return self.filter(visitor__consent=Consent.WITHDRAWN)

    def delete_withdrawn(self) -> Iterator[int]:
        """Deletes what is left of visitors who withdrew; how many went with each batch."""
        yield from self._delete_in_order("id", self.of_withdrawn())

    def visit_start(self, visitor_id: uuid.UUID, until: datetime, pause: timedelta) -> datetime:
        """Since when this visitor has been here, without a longer pause up to a moment, by when we heard of them;
        that moment itself where nothing was heard lately."""
        heard = self.filter(visitor_id=visitor_id, received_at__lte=until).order_by("-received_at")
        start = until
        for moment in heard.values_list("received_at", flat=True).distinct()[:MAX_VISIT_REPORTS]:
            if moment < start - pause:
                break
            start = moment
        return start

    def _delete_in_order(self, column: str, rows: Self, *, stays_counted: bool = False) -> Iterator[int]:
        rows = rows.order_by(column)
        while batch := self._delete_batch(rows, stays_counted=stays_counted):
            yield len(batch)
            rows = rows.filter(**{f"{column}__gte": batch[-1][column]})  # not over what earlier batches read again

    def _delete_batch(self, rows: Self, *, stays_counted: bool) -> list[dict[str, Any]]:
        with transaction.atomic(using=self.db):
            locked = rows.select_for_update(skip_locked=True, of=("self",))[:DELETE_BATCH_SIZE]
            batch = list(locked.values("id", "occurred_at"))
            gone = self.model.objects.using(self.db).filter(id__in=[row["id"] for row in batch])
            if not stays_counted:
                gone.mark_days()
            # No signals: one listener to all models (Haystack has one) would have Django load and send every row.
            gone._raw_delete(self.db)
        return batch

    def idle_browsers(self, moment: datetime) -> QuerySet[Visitor]:
        """The visitors without an account that were made before a moment, or withdrew, and have none of these
        events."""
        old = Q(created_at__lt=moment) | Q(consent=Consent.WITHDRAWN)
        browsers = Visitor.objects.using(self.db).filter(old, user=None)
        return browsers.filter(~Exists(self.filter(visitor=OuterRef("pk"))))

    def delete_idle_browsers(self, moment: datetime) -> Iterator[int]:
        """Deletes them in batches, like the events."""
        rows = self.idle_browsers(moment).order_by("pk")
        while batch := self._delete_browser_batch(rows):
            yield len(batch)
            rows = rows.filter(pk__gt=batch[-1])

    def _delete_browser_batch(self, rows: QuerySet[Visitor]) -> list[uuid.UUID]:
        with transaction.atomic(using=self.db):
            locked = rows.select_for_update(skip_locked=True)[:BROWSER_BATCH_SIZE]
            batch = list(locked.values_list("pk", flat=True))
            Visitor.objects.using(self.db).delete_with_rows(batch)
        return batch


class Event(models.Model):
    """One thing that one visitor did. Purchases are none: they are Oscar's orders."""

    id = models.BigAutoField(primary_key=True)
    """In the order of arrival, so that the oldest go first without a search."""
    event_id = models.UUIDField(pgettext_lazy("personalization", "id"), unique=True)
    """Made where the event happened: hearing of it twice is storing it once."""
    visitor = models.ForeignKey(
        Visitor,
        on_delete=models.DO_NOTHING,  # see VisitorQuerySet.delete_rows_of
        related_name="+",
        db_index=False,
        verbose_name=pgettext_lazy("personalization", "visitor"),
    )
    type = models.CharField(pgettext_lazy("personalization", "type"), max_length=16, choices=EventType.choices)
    occurred_at = models.DateTimeField(pgettext_lazy("personalization", "occurred at"))
    """By the shop's clock, never later than `received_at`."""
    received_at = models.DateTimeField(pgettext_lazy("personalization", "received at"))
    product_id = models.BigIntegerField(pgettext_lazy("personalization", "product"), null=True)
    """The primary key of the product in question, a child's parent; None where there is none or there are several."""
    item_kind = models.CharField(
        pgettext_lazy("personalization", "kind of items"),
        max_length=8,
        choices=ItemKind.choices,
        default=ItemKind.PRODUCT,
        db_default=ItemKind.PRODUCT,
    )
    """What `items` are; categories for the menu."""
    items = models.JSONField(pgettext_lazy("personalization", "items"), default=list)
    """[[primary key, position, reason, campaign, propensity, currency, team (of a list of two orders)], ...] of a row
    that was seen, of several products, or of a category that was clicked on. Empty elements at the end are left out."""
    query = models.CharField(pgettext_lazy("personalization", "search term"), max_length=256, blank=True)
    surface = models.CharField(pgettext_lazy("personalization", "surface"), max_length=32, blank=True)
    row_key = models.CharField(pgettext_lazy("personalization", "row"), max_length=64, blank=True)
    """The row that was seen or clicked on, as the signed slate says."""
    value = models.FloatField(pgettext_lazy("personalization", "value"), null=True)
    """Seconds on the page, a quantity, a grade, or how many hits a search had, by the event's name."""
    is_suspected_bot = models.BooleanField(pgettext_lazy("personalization", "suspected bot"), default=False)
    """Probably not a shopper: stored, but not learned from."""
    voice = models.BigIntegerField(pgettext_lazy("personalization", "voice"), null=True)
    """For a day a hash of the network, the day and what the event says, see `models.voices`; then None, as where there
    is no such thing."""
    is_echo = models.BooleanField(pgettext_lazy("personalization", "echo"), default=False, db_default=False)
    """Another visitor of the same network had said the same that day."""
    device = models.CharField(
        pgettext_lazy("personalization", "device"), max_length=8, blank=True, default="", db_default=""
    )
    """The kind of device that reported it; "" when it is not known."""
    slate_id = models.UUIDField(pgettext_lazy("personalization", "slate"), null=True)
    """The decision that showed it: one for all rows of a page's surface. This and what follows is what the signed slate
    said; None for what did not come from a slate."""
    snapshot = models.CharField(pgettext_lazy("personalization", "snapshot"), max_length=64, null=True)
    """The name of the snapshot that decided; "" when none did."""
    position = models.PositiveSmallIntegerField(pgettext_lazy("personalization", "position"), null=True)
    """From 0, within the row, or within the whole result of a search. Of several items it is in `items`, as are the
    next three."""
    reason = models.CharField(pgettext_lazy("personalization", "reason"), max_length=64, null=True)
    """The code of the reason; "" where the shop's own order put it there."""
    campaign = models.CharField(pgettext_lazy("personalization", "campaign"), max_length=64, null=True)
    """The campaign that placed it."""
    propensity = models.FloatField(pgettext_lazy("personalization", "propensity"), null=True)
    """The chance with which it was placed there; None where no chance took part."""
    arm = models.CharField(pgettext_lazy("personalization", "arm"), max_length=128, null=True)
    """experiment=arm of each experiment that took part in the decision, sorted, with commas between them; of a list of
    two orders the one whose choice the event's only item was."""
    segments = models.JSONField(pgettext_lazy("personalization", "segments"), null=True)
    """The keys of the live segments that the visitor was in when the slate was made; None for none."""
    currency = models.CharField(
        pgettext_lazy("personalization", "currency"), max_length=12, blank=True, default="", db_default=""
    )
    """Of the price that was shown; "" for the shop's own. Of several items it is in `items`."""
    shown_at = models.DateTimeField(pgettext_lazy("personalization", "shown at"), null=True)
    """When the slate was made, in whole seconds."""

    objects = EventQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "event")
        verbose_name_plural = pgettext_lazy("personalization", "events")
        indexes = (
            models.Index(fields=["visitor", "-occurred_at"], name="personalization_event_recent"),
            models.Index(fields=["type", "occurred_at"], name="personalization_event_type_at"),
        )

    def __str__(self) -> str:
        return f"{self.type} at {self.occurred_at:%Y-%m-%d %H:%M}"
