"""Imports past events from another system: those of customers who gave consent, about products that the shop has."""

import json
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar

from django.db import transaction

from personalization import conf
from personalization.batching import batched
from personalization.exchange.event_files import FileEvent, RejectedRow, parse_row
from personalization.exchange.tabular import TableRow
from personalization.models import Event, Visitor
from personalization.models.events import EventType
from personalization.privacy import retention
from personalization.privacy.retention import ProgressBar, no_progress
from personalization.shop import catalogue, customers

ROWS_PER_BATCH = 2_000
"""Rows are looked up and stored together, each batch in one transaction: bounds the memory of an import."""
BROWSER_NAMESPACE = uuid.UUID("5f0c6d1e-6c1b-5d55-9c55-3a1c9a1f7b02")
EVENT_NAMESPACE = uuid.UUID("b0f6f3a4-0a56-5f0e-8f61-0f0d6d3b1c11")
"""The namespaces of derived ids: importing a file again gives the same ids."""
IMPORT_SOURCE = "import"

Input = TypeVar("Input")
Output = TypeVar("Output")
RejectWriter = Callable[[TableRow, str, str], Any]
"""Keeps a row that is not imported: (row, code, message)."""


@dataclass(frozen=True)
class ImportOptions:
    """How a file is to be understood."""

    items: str = "id"
    """What item ids are: id, upc or sku."""
    users: str = "id"
    """What identifies a customer: id, email or username."""
    anonymous: bool = False
    """Rows with a client and no user are imported too, as events of a browser that gave consent elsewhere."""
    dry_run: bool = False


@dataclass
class ImportResult:
    """The counts so far."""

    rows: int = 0
    stored: int = 0
    duplicates: int = 0
    rejected: int = 0
    days: set[date] = field(default_factory=set)
    """The days of the events, whose totals must be counted again."""


def import_events(
    rows: Iterable[TableRow],
    options: ImportOptions,
    reject: RejectWriter,
    now: datetime,
    progress: ProgressBar = no_progress,
) -> ImportResult:
    """1. Parses a batch of rows. 2. Looks up their customers and products. 3. Stores the new events.
    4. Counts the totals of their days again.

    A row that cannot be used is rejected alone. What was imported before is not stored twice, so an interrupted import
    is simply started again.
    """
    result = ImportResult()
    for batch in batched(rows, ROWS_PER_BATCH):
        result.rows += len(batch)
        with transaction.atomic():
            _import_batch(batch, _ImportBatch(options, now), reject, result)
            transaction.set_rollback(options.dry_run)
    if result.days and not options.dry_run:
        retention.roll_up_days(now, result.days, progress)
    return result


def _import_batch(rows: list[TableRow], batch: "_ImportBatch", reject: RejectWriter, result: ImportResult) -> None:
    parsed = [_result_or_rejection(batch.parse_current, row) for row in rows]
    batch.look_up([event for event in parsed if isinstance(event, FileEvent)])
    events = []
    for row, parsed_row in zip(rows, parsed, strict=True):
        event = _result_or_rejection(batch.build_event, parsed_row) if isinstance(parsed_row, FileEvent) else parsed_row
        if isinstance(event, RejectedRow):
            result.rejected += 1
            reject(row, *event.args)
        else:
            events.append(event)
    _store_new(events, result)


def _result_or_rejection(function: Callable[[Input], Output], argument: Input) -> Output | RejectedRow:
    try:
        return function(argument)
    except RejectedRow as rejection:
        return rejection


def _store_new(events: list[Event], result: ImportResult) -> None:
    by_id = {event.event_id: event for event in reversed(events)}  # the first of two with one id
    existing = Event.objects.existing_ids(by_id)
    Event.objects.add(event for event_id, event in by_id.items() if event_id not in existing)
    result.stored += len(by_id) - len(existing)
    result.duplicates += len(events) - len(by_id) + len(existing)
    result.days.update(retention.local_day(event.occurred_at) for event in events)


class _ImportBatch:
    """Some rows, with what the shop has of their customers and products."""

    def __init__(self, options: ImportOptions, now: datetime) -> None:
        self.options, self.now, self.cutoffs = options, now, retention.retention_cutoffs(now)

    def parse_current(self, row: TableRow) -> FileEvent:
        """The event in a row, if it is neither in the future nor older than events are kept."""
        event = parse_row(row)
        if event.occurred_at > self.now:
            raise RejectedRow("in_future", f"{event.occurred_at.isoformat()} is in the future")
        if event.occurred_at < self.cutoffs.for_event_type(event.type):
            raise RejectedRow("too_old", "older than the settings EVENT_RETENTION_DAYS and SEARCH_RETENTION_DAYS allow")
        return event

    def look_up(self, events: list[FileEvent]) -> None:
        """Reads all customers, browsers and products of these events together."""
        self.customers = customers.customers_by_field(
            {event.user for event in events if event.user}, self.options.users
        )
        keys = {key for key in self.customers.values() if key is not None}
        self.visitors = Visitor.objects.lock_for(keys)
        self.consenting = customers.exclude_children(Visitor.objects.consented(keys))
        self.withdrew = Visitor.objects.ever_withdrawn(visitor.pk for visitor in self.visitors.values())
        self.products = catalogue.resolve_product_ids(
            {(self.options.items, item) for event in events for item in event.items}
        )
        self.sensitive = catalogue.sensitive_products(set(self.products.values()))
        self.browsers = self._consenting_browsers(events) if self.options.anonymous else set()

    def _consenting_browsers(self, events: list[FileEvent]) -> set[uuid.UUID]:
        """Creates the visitors of browsers, but only of those with an event that can be stored."""
        of_browsers = (event for event in events if event.client and not event.user)
        ids = {
            browser_id(event.client)
            for event in of_browsers
            if not isinstance(_result_or_rejection(self._product_ids, event.items), RejectedRow)
        }
        version = conf.get_settings().CONSENT_VERSION
        return Visitor.objects.import_consented_browsers(ids, version=version, source=IMPORT_SOURCE, now=self.now)

    def build_event(self, event: FileEvent) -> Event:
        """The event to store. RejectedRow says why there is none."""
        visitor_id, identity = self._visitor(event)
        products = self._product_ids(event.items)
        is_list = event.type == EventType.IMPRESSION or len(products) > 1
        return Event(
            event_id=derive_event_id(event, identity),
            visitor_id=visitor_id,
            type=event.type,
            occurred_at=event.occurred_at,
            received_at=self.now,
            product_id=None if is_list or not products else products[0],
            items=[[product, position] for position, product in enumerate(products)] if is_list else [],
            query=event.query,
            value=event.quantity if len(products) == 1 else None,
        )

    def _visitor(self, event: FileEvent) -> tuple[uuid.UUID, str]:
        """(the visitor's id, a text that identifies the person in derived ids)"""
        if event.user:
            return self._customer(event)
        if not event.client or not self.options.anonymous:
            raise RejectedRow("no_user", "browsers need --anonymous" if event.client else "neither user nor client")
        visitor_id = browser_id(event.client)
        if visitor_id not in self.browsers:
            raise RejectedRow("no_consent", "the browser has withdrawn, or now belongs to an account")
        return visitor_id, f"browser {visitor_id}"

    def _customer(self, event: FileEvent) -> tuple[uuid.UUID, str]:
        if event.user not in self.customers:
            raise RejectedRow("unknown_user", f"no customer has this {self.options.users}")
        key = self.customers[event.user]
        if key is None:
            raise RejectedRow("ambiguous_user", f"several customers have this {self.options.users}")
        visitor = self.visitors.get(key)
        if visitor is None or key not in self.consenting:
            raise RejectedRow("no_consent", "the customer has given no consent, or has withdrawn it")
        if visitor.erased_at and event.occurred_at <= visitor.erased_at:
            raise RejectedRow("erased_later", "the customer has had their data deleted since")
        if visitor.pk in self.withdrew and visitor.consented_at and event.occurred_at < visitor.consented_at:
            raise RejectedRow("no_consent", "it happened before the customer gave consent again")
        return visitor.pk, f"customer {key}"

    def _product_ids(self, items: tuple[str, ...]) -> list[int]:
        """The products in the shop that may be stored, each once. RejectedRow when there are items and none is left."""
        found = (self.products.get((self.options.items, item)) for item in items)
        existing = list(dict.fromkeys(product for product in found if product is not None))
        allowed = [product for product in existing if product not in self.sensitive]
        if items and not existing:
            raise RejectedRow("unknown_product", f"no public product has this {self.options.items}")
        if items and not allowed:
            raise RejectedRow("sensitive_product", "nothing is stored about products in a sensitive category")
        return allowed


def browser_id(client: str) -> uuid.UUID:
    """The visitor's id of a browser, derived from what the other system calls it."""
    return uuid.uuid5(BROWSER_NAMESPACE, client)


def derive_event_id(event: FileEvent, identity: str) -> uuid.UUID:
    """The row's own id when it has one; else an id derived from its content, which is the same in each import."""
    if event.event_id:
        try:
            return uuid.UUID(event.event_id)
        except ValueError:
            return uuid.uuid5(EVENT_NAMESPACE, f"id {event.event_id}")
    content = [event.type, event.occurred_at.isoformat(), identity, event.items, event.query, event.quantity]
    return uuid.uuid5(EVENT_NAMESPACE, json.dumps(content))
