"""Takes in what visitors did: what may be believed of it is stored, once, whatever way and however often it came."""

import json
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from personalization import signals
from personalization.collect import impression_tokens
from personalization.collect.payload import InvalidEvent, Rejection, ReportedEvent, ReportedItem
from personalization.models import Event, Visitor
from personalization.models.events import EventData, EventType
from personalization.recommenders import DAY

CLOCK_TOLERANCE = 150.0
"""A clock that is off by fewer seconds is taken for right: so long a message may well have been under way."""
MAX_AGE_DAYS = 7


@dataclass(frozen=True)
class ReportedProducts:
    """What the shop says of the products that some reports name."""

    products: Mapping[tuple[str, str], int]
    """{(kind of key, key): primary key of the product that stands for it in a list}; what is not shown is not in it."""
    sensitive: frozenset[int]
    """Those of them of which nothing is kept."""


@dataclass(frozen=True)
class IngestionResult:
    """What became of a delivery."""

    accepted: int
    """How many are stored, now or earlier."""
    rejected: tuple[Rejection, ...]


@dataclass(frozen=True)
class Delivery:
    """Whose reports came when, and what the shop says of the products in them."""

    visitor: Visitor
    catalogue: ReportedProducts
    received: datetime
    sent: float | None = None
    """By the sender's clock, in seconds since 1970."""
    is_suspected_bot: bool = False
    """Not from a shopper, it seems."""
    device: str = ""
    """The kind of device that sends, where that is known."""
    _slates: dict[str, impression_tokens.Impression | None] = field(default_factory=dict, compare=False)

    def impression(self, token: str) -> impression_tokens.Impression:
        """The slate of a token, read once; Unusable when it is not one that we signed for this visitor."""
        if token not in self._slates:
            self._slates[token] = impression_tokens.verify_impression(token, self.visitor.pk, self.received.timestamp())
        found = self._slates[token]
        if found is None:
            raise InvalidEvent("invalid_slate")
        return found


def store_events(delivery: Delivery, reports: Iterable[ReportedEvent]) -> IngestionResult:
    """Stores what a visitor reports.

    1. what can be believed of each report, with the products and the moment corrected
    2. each id once: the first one heard of counts
    3. one statement, which stores nothing when the visitor has been forgotten meanwhile
    """
    happenings: dict[uuid.UUID, EventData] = {}
    accepted: list[int] = []
    rejected: list[Rejection] = []
    for report in reports:
        try:
            happening = to_event(report, delivery)
        except InvalidEvent as fault:
            rejected.append(Rejection(report.index, fault.code))
        else:
            happenings.setdefault(happening.event_id, happening)
            accepted.append(report.index)
    if happenings and not _store(delivery, happenings.values()):
        rejected += [Rejection(index, "no_consent") for index in accepted]
        accepted = []
    elif happenings:
        _send_event_recorded(delivery.visitor, happenings.values())
    return IngestionResult(len(accepted), tuple(rejected))


def _store(delivery: Delivery, happenings: Collection[EventData]) -> bool:
    return Event.objects.store_events(
        delivery.visitor.pk,
        happenings,
        received_at=delivery.received,
        is_suspected_bot=delivery.is_suspected_bot,
        device=delivery.device,
    )


def _send_event_recorded(visitor: Visitor, events: Iterable[EventData]) -> None:
    signals.send_on_commit(signals.event_recorded, Event, visitor_id=visitor.pk, events=tuple(events))


def to_event(report: ReportedEvent, delivery: Delivery) -> EventData:
    """The event as it is stored; Unusable when it is not.

    1. when it happened, by the shop's clock     2. which products the shop knows
    3. where they were shown, as the signed slate says, never as the sender does
    """
    at = _after_consent(corrected_time(report.at, delivery.sent, delivery.received), report, delivery)
    products = _known_items(report.items, delivery.catalogue)
    surface = row = ""
    if report.slate:
        slate = delivery.impression(report.slate)
        products = _is_on_slate(products, slate)
        surface, row = slate.surface, slate.row
    alone = len(products) == 1 and report.name != EventType.IMPRESSION
    return EventData(
        event_id=report.id or deterministic_event_id(report, delivery),
        type=report.name,
        occurred_at=at,
        product_id=products[0][0] if alone else None,
        items=[] if alone else products,
        query=report.query,
        surface=surface,
        row_key=row,
        value=report.value,
    )


def _after_consent(at: datetime, report: ReportedEvent, delivery: Delivery) -> datetime:
    """The moment, if the visitor had agreed by then. A clock that is a little slow, and is taken for right otherwise,
    does not cost them their first events: what counts is how long before the sending it happened."""
    agreed = delivery.visitor.consented_at
    if agreed is None or at >= agreed:
        return at
    if report.at is None or delivery.sent is None:
        raise InvalidEvent("before_consent")
    if delivery.received - timedelta(seconds=max(delivery.sent - report.at, 0)) < agreed:
        raise InvalidEvent("before_consent")
    return agreed


def corrected_time(at: float | None, sent: float | None, received: datetime) -> datetime:
    """When it happened by the shop's clock: the sender's clock is as wrong as its time of sending.

    Never later than it was received. Unusable when it is too long ago. Both times in seconds since 1970.
    """
    now = received.timestamp()
    sent = now if sent is None else sent
    at = sent if at is None else at
    skewed = abs(now - sent) >= CLOCK_TOLERANCE
    age = sent - at if skewed else now - at
    if age > MAX_AGE_DAYS * DAY:
        raise InvalidEvent("too_old")
    if age <= 0:
        return received
    return received - timedelta(seconds=age) if skewed else datetime.fromtimestamp(at, UTC)


def deterministic_event_id(report: ReportedEvent, delivery: Delivery) -> uuid.UUID:
    """The id of an event that came without one: the same again when it is sent again."""
    moments = [moment for moment in (report.at, delivery.sent) if moment is not None]
    at = moments[0] if moments else delivery.received.timestamp()
    items = [[item.key, item.index] for item in report.items]
    return uuid.uuid5(delivery.visitor.pk, json.dumps([report.name, at, items, report.query, report.value]))


def _known_items(items: tuple[ReportedItem, ...], catalogue: ReportedProducts) -> list[list[int]]:
    """[[product, position], ...], each once: those that the shop shows and that are not sensitive. Unusable when some
    were named and none is left."""
    found: dict[int, int] = {}
    for item in items:
        key = catalogue.products.get((item.id_type, item.key))
        if key is not None:
            found.setdefault(key, item.index)
    if items and not found:
        raise InvalidEvent("unknown_product")
    kept = [[key, index] for key, index in found.items() if key not in catalogue.sensitive]
    if found and not kept:
        raise InvalidEvent("sensitive_product")
    return kept


def _is_on_slate(products: list[list[int]], slate: impression_tokens.Impression) -> list[list[int]]:
    """The products with their position on the slate; Unusable when one was not shown there."""
    places = {key: place for place, key in enumerate(slate.products)}
    if any(key not in places for key, _ in products):
        raise InvalidEvent("not_on_slate")
    return [[key, places[key]] for key, _ in products]


def record_server_event(
    visitor: Visitor, name: str, product: int, now: datetime, *, suspect: bool = False, device: str = ""
) -> bool:
    """Stores what the shop itself saw happen with one product; whether the visitor was still there."""
    happening = EventData(event_id=uuid.uuid4(), type=name, occurred_at=now, product_id=product, value=1.0)
    stored = Event.objects.store_events(
        visitor.pk, [happening], received_at=now, is_suspected_bot=suspect, device=device
    )
    if stored:
        _send_event_recorded(visitor, [happening])
    return stored
