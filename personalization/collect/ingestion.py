"""Ingestion: verifies reported events and stores each of them once, however often it is delivered."""

import json
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from personalization import signals
from personalization.collect import exposure_tokens, impression_tokens
from personalization.collect.event_rules import EXPOSURE
from personalization.collect.impression_tokens import Impression, ShownItem
from personalization.collect.payload import InvalidEvent, Rejection, ReportedEvent, ReportedItem
from personalization.models import Event, Exposure, Visitor
from personalization.models.events import EventData, EventType, ItemKind
from personalization.recommenders import DAY

CLOCK_TOLERANCE = 150.0
"""Seconds by which a sender's clock may be off before it is corrected: a message may take that long."""
MAX_AGE_DAYS = 7
MAX_POSITION = 32_767
"""The largest position that the column holds; positions further down are stored as this one."""


@dataclass(frozen=True)
class ReportedProducts:
    """The catalogue's answer about the products that some reports name."""

    products: Mapping[tuple[str, str], int]
    """{(kind of key, key): primary key of the product that stands for it in a list}; what is not shown is not in it."""
    sensitive: frozenset[int]
    """Those of them that are sensitive: nothing about them is stored."""
    sensitive_categories: Callable[[], Collection[int]] = frozenset
    """Returns the keys of the sensitive categories; called only when a menu is reported."""


@dataclass(frozen=True)
class IngestionResult:
    """The outcome of a delivery."""

    accepted: int
    """The number of events that are stored, now or earlier."""
    rejected: tuple[Rejection, ...]


@dataclass(frozen=True)
class Delivery:
    """One delivery: its visitor, its time, and the products that its reports name."""

    visitor: Visitor
    catalogue: ReportedProducts
    received: datetime
    sent: float | None = None
    """By the sender's clock, in seconds since 1970."""
    is_suspected_bot: bool = False
    """Not from a shopper, it seems."""
    device: str = ""
    """The kind of device that sends, where that is known."""
    browser_key: str = ""
    """What the sending browser holds, see `Requester.browser_key`."""
    network: str = ""
    """Where it was sent from, see `Requester.network`; not stored itself."""
    _slates: dict[str, Impression | None] = field(default_factory=dict, compare=False)

    def impression(self, token: str) -> Impression:
        """The slate of a token, read once; InvalidEvent when it is not one that we signed for this visitor."""
        if token not in self._slates:
            self._slates[token] = impression_tokens.verify_impression(
                token, self.visitor.pk, self.received.timestamp(), self.browser_key
            )
        found = self._slates[token]
        if found is None:
            raise InvalidEvent("invalid_slate")
        return found


def store_events(delivery: Delivery, reports: Iterable[ReportedEvent]) -> IngestionResult:
    """Stores what a visitor reports.

    1. what can be believed of each report, with the products and the moment corrected
    2. each id once: the first one counts
    3. one statement, which stores nothing when the visitor has been forgotten meanwhile
    """
    events: dict[uuid.UUID, EventData] = {}
    accepted: list[int] = []
    rejected: list[Rejection] = []
    for report in reports:
        try:
            if report.name == EXPOSURE:
                _record_exposures(report, delivery)
                continue
            event = to_event(report, delivery)
        except InvalidEvent as fault:
            rejected.append(Rejection(report.index, fault.code))
        else:
            events.setdefault(event.event_id, event)
            accepted.append(report.index)
    if events and not _store(delivery, events.values()):
        rejected += [Rejection(index, "no_consent") for index in accepted]
        accepted = []
    elif events:
        _send_event_recorded(delivery.visitor, events.values())
    return IngestionResult(len(accepted), tuple(rejected))


def _record_exposures(report: ReportedEvent, delivery: Delivery) -> None:
    """Stores that the visitor was shown arms of experiments; InvalidEvent when we did not sign that for them."""
    visitor, received = delivery.visitor, delivery.received
    shown = exposure_tokens.verify_exposures(report.slate, visitor.pk, received.timestamp())
    if shown is None:
        raise InvalidEvent("invalid_slate")
    if not delivery.is_suspected_bot:
        is_customer = visitor.user_id is not None
        first = {"device": delivery.device, "is_customer": is_customer, "page_milliseconds": shown.page_milliseconds}
        Exposure.objects.record(visitor.pk, shown.arms, received, first)


def _store(delivery: Delivery, events: Collection[EventData]) -> bool:
    return Event.objects.store_events(
        delivery.visitor.pk,
        events,
        received_at=delivery.received,
        is_suspected_bot=delivery.is_suspected_bot,
        device=delivery.device,
        network=delivery.network,
    )


def _send_event_recorded(visitor: Visitor, events: Iterable[EventData]) -> None:
    signals.send_on_commit(signals.event_recorded, Event, visitor_id=visitor.pk, events=tuple(events))


def to_event(report: ReportedEvent, delivery: Delivery) -> EventData:
    """The event as it is stored; InvalidEvent when it is not.

    1. when it happened, by the shop's clock     2. which products the shop knows
    3. where they were shown and why, as the signed slate says, never as the sender does
    """
    occurred_at = _after_consent(corrected_time(report.at, delivery.sent, delivery.received), report, delivery)
    if report.slate:
        slate = delivery.impression(report.slate)
        items, columns = _slate_items(report.items, slate, delivery.catalogue), _slate_columns(slate)
    else:
        slate, items, columns = None, _known_items(report.items, delivery.catalogue), {}
    if len(items) == 1 and report.name != EventType.IMPRESSION:
        columns |= _single_item_columns(items[0], slate)
        items = [] if columns["product_id"] is not None else items
    return EventData(
        event_id=report.id or deterministic_event_id(report, delivery),
        type=report.name,
        occurred_at=occurred_at,
        items=items,
        query=report.query,
        value=report.value,
        **columns,
    )


def _slate_items(reported: tuple[ReportedItem, ...], slate: Impression, catalogue: ReportedProducts) -> list[list[Any]]:
    """[[primary key, position, reason, campaign, propensity, currency, team], ...] as the slate says, each without its
    empty end; InvalidEvent when one was not shown there."""
    shown = {item.item_id: item for item in slate.items}
    if slate.item_kind == ItemKind.PRODUCT:
        keys = [key for key, _ in _known_items(reported, catalogue)]
    elif slate.item_kind == ItemKind.CATEGORY:
        keys = _kept_categories(reported, catalogue)
    else:
        keys = _numbers(reported)
    if any(key not in shown for key in keys):
        raise InvalidEvent("not_on_slate")
    return [_trimmed(shown[key]) for key in keys]


def _kept_categories(reported: tuple[ReportedItem, ...], catalogue: ReportedProducts) -> list[int]:
    keys = _numbers(reported)
    sensitive = catalogue.sensitive_categories()
    kept = [key for key in keys if key not in sensitive]
    if keys and not kept:
        raise InvalidEvent("sensitive_product")
    return kept


def _numbers(reported: tuple[ReportedItem, ...]) -> list[int]:
    return [int(item.key) if item.key.isascii() and item.key.isdigit() else 0 for item in reported]


def _trimmed(item: ShownItem) -> list[Any]:
    key, position, *rest = item
    while rest and rest[-1] is None:
        rest.pop()
    return [key, min(position, MAX_POSITION), *rest]


def _slate_columns(slate: Impression) -> dict[str, Any]:
    """What a slate says of all its items."""
    return {
        "item_kind": slate.item_kind,
        "surface": slate.surface,
        "row_key": slate.row,
        "slate_id": slate.slate_id,
        "snapshot": slate.snapshot,
        "arm": _arm_names(slate),
        "segments": list(slate.segments) or None,
        "shown_at": datetime.fromtimestamp(slate.shown_at, UTC),
    }


def _single_item_columns(item: list[Any], slate: Impression | None) -> dict[str, Any]:
    """What is said of an event's only item. A category stays in the list, too: it is no product."""
    if slate is None:
        return {"product_id": item[0]}
    key, position, reason, campaign, propensity, currency, team = (*item, None, None, None, None)[:7]
    product_id = key if slate.item_kind == ItemKind.PRODUCT else None
    of_item = {"position": position, "reason": reason, "campaign": campaign, "propensity": propensity}
    arms = {"arm": _arm_names(slate, team)} if team else {}
    return {"product_id": product_id, "currency": currency or "", **of_item, **arms}


def _arm_names(slate: Impression, team: str | None = None) -> str | None:
    """The arms in which an item stood, as events name them."""
    names = [f"{experiment}={arm}" for experiment, arm in slate.arms.items()]
    return ",".join(sorted([*names, team] if team else names)) or None


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

    Never later than it was received. InvalidEvent when it is too long ago. Both times in seconds since 1970.
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
    """The id of an event that came without one; equal when it is sent again."""
    moments = [moment for moment in (report.at, delivery.sent) if moment is not None]
    at = moments[0] if moments else delivery.received.timestamp()
    items = [[item.key, item.index] for item in report.items]
    return uuid.uuid5(delivery.visitor.pk, json.dumps([report.name, at, items, report.query, report.value]))


def _known_items(items: tuple[ReportedItem, ...], catalogue: ReportedProducts) -> list[list[Any]]:
    """[[product, position], ...], each once, without products that are hidden or sensitive. InvalidEvent when none of
    those that were named is left."""
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


def record_server_event(
    visitor: Visitor,
    name: str,
    product: int,
    now: datetime,
    *,
    suspect: bool = False,
    device: str = "",
    network: str = "",
) -> bool:
    """Stores an event that the server itself observed; False when the visitor no longer exists."""
    event = EventData(event_id=uuid.uuid4(), type=name, occurred_at=now, product_id=product, value=1.0)
    stored = Event.objects.store_events(
        visitor.pk, [event], received_at=now, is_suspected_bot=suspect, device=device, network=network
    )
    if stored:
        _send_event_recorded(visitor, [event])
    return stored
