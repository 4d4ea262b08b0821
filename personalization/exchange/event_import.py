"""What visitors did before, as another system tells it: customers who agreed, and products that the shop knows."""

import json
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from typing import Any

from django.db import transaction

from personalization import conf
from personalization.exchange.event_files import FileEvent, FileLine, RejectedLine, parse_line
from personalization.models import Event, Visitor
from personalization.models.events import EventType
from personalization.privacy import retention
from personalization.privacy.retention import ProgressBar, no_progress
from personalization.shop import catalogue, customers

ROWS_AT_ONCE = 2_000
"""So many rows are looked up and stored together, in one transaction: bounds the memory of an import."""
BROWSER_NAMESPACE = uuid.UUID("5f0c6d1e-6c1b-5d55-9c55-3a1c9a1f7b02")
EVENT_NAMESPACE = uuid.UUID("b0f6f3a4-0a56-5f0e-8f61-0f0d6d3b1c11")
"""The names in which ids of browsers and events are made, so that the same file gives the same ids."""
SOURCE = "import"

RejectWriter = Callable[[FileLine, str, str], Any]
"""Keeps a row that is not taken in: (row, code, why in words)."""


@dataclass(frozen=True)
class ImportOptions:
    """How a file is to be understood."""

    items: str = "id"
    """What item ids are: id, upc or sku."""
    users: str = "id"
    """What names a customer: id, email or username."""
    anonymous: bool = False
    """Rows of a client without a user are kept, as of a browser that agreed elsewhere."""
    dry_run: bool = False


@dataclass
class ImportResult:
    """What came of it, counted as it goes on."""

    rows: int = 0
    stored: int = 0
    duplicates: int = 0
    rejected: int = 0
    days: set[date] = field(default_factory=set)
    """On which something happened: their totals are counted anew."""


def import_events(
    lines: Iterable[FileLine],
    options: ImportOptions,
    reject: RejectWriter,
    now: datetime,
    progress: ProgressBar = no_progress,
) -> ImportResult:
    """1. Understands some rows at a time. 2. Looks up their customers and products. 3. Stores what is new.
    4. Counts the days anew on which something happened.

    A row that cannot be used is rejected alone. What was imported before is stored already and changes nothing, so
    that an interrupted import is simply begun again.
    """
    done = ImportResult()
    for some in _in_batches(lines):
        done.rows += len(some)
        with transaction.atomic():
            _import_batch(some, _ImportChunk(options, now), reject, done)
            transaction.set_rollback(options.dry_run)
    if done.days and not options.dry_run:
        retention.roll_up_days(now, done.days, progress)
    return done


def _in_batches(lines: Iterable[FileLine]) -> Iterator[list[FileLine]]:
    lines = iter(lines)
    return iter(lambda: list(islice(lines, ROWS_AT_ONCE)), [])


def _import_batch(some: list[FileLine], chunk: "_ImportChunk", reject: RejectWriter, done: ImportResult) -> None:
    read = [_parse_or_reject(chunk.timely, line) for line in some]
    chunk.look_up([told for told in read if isinstance(told, FileEvent)])
    made = []
    for line, told in zip(some, read, strict=True):
        event = _parse_or_reject(chunk.event, told) if isinstance(told, FileEvent) else told
        if isinstance(event, RejectedLine):
            done.rejected += 1
            reject(line, *event.args)
        else:
            made.append(event)
    _store(made, done)


def _parse_or_reject(make: Callable[[Any], Any], given: Any) -> Any:
    """What it makes of it, or the Rejected that it raises."""
    try:
        return make(given)
    except RejectedLine as why:
        return why


def _store(made: list[Event], done: ImportResult) -> None:
    events = {event.event_id: event for event in reversed(made)}  # the first of two alike
    known = Event.objects.existing_ids(events)
    Event.objects.add(event for key, event in events.items() if key not in known)
    done.stored += len(events) - len(known)
    done.duplicates += len(made) - len(events) + len(known)
    done.days.update(retention.local_day(event.occurred_at) for event in made)


class _ImportChunk:
    """Some rows, with what the shop knows of them."""

    def __init__(self, options: ImportOptions, now: datetime) -> None:
        self.options, self.now, self.limits = options, now, retention.retention_cutoffs(now)

    def timely(self, line: FileLine) -> FileEvent:
        """The row, if it is clear and neither too old nor still to come."""
        told = parse_line(line)
        if told.at > self.now:
            raise RejectedLine("in_the_future", f"{told.at.isoformat()} is still to come")
        if told.at < self.limits.of(told.name):
            raise RejectedLine("too_old", "it would be dropped at once: see the settings event_days and search_days")
        return told

    def look_up(self, rows: list[FileEvent]) -> None:
        """Asks for all customers, browsers and products together."""
        self.customers = customers.customers_by_field({row.user for row in rows if row.user}, self.options.users)
        keys = {key for key in self.customers.values() if key is not None}
        self.visitors = Visitor.objects.lock_for(keys)
        self.agreed = customers.exclude_children(Visitor.objects.consented(keys))
        self.withdrew = Visitor.objects.ever_withdrawn(visitor.pk for visitor in self.visitors.values())
        self.products = catalogue.resolve_product_ids(
            {(self.options.items, item) for row in rows for item in row.items}
        )
        self.sensitive = catalogue.sensitive_products(set(self.products.values()))
        self.browsers = self._browsers(rows) if self.options.anonymous else set()

    def _browsers(self, rows: list[FileEvent]) -> set[uuid.UUID]:
        """Of those of which something will be stored."""
        rows = [row for row in rows if row.client and not row.user]
        kept = (row for row in rows if not isinstance(_parse_or_reject(self._products, row.items), RejectedLine))
        ids = {browser_id(row.client) for row in kept}
        version = conf.get_settings().CONSENT_VERSION
        return Visitor.objects.import_consented_browsers(ids, version=version, source=SOURCE, now=self.now)

    def event(self, told: FileEvent) -> Event:
        """The event that a row tells of; Rejected says why there is none."""
        visitor_id, who = self._visitor(told)
        products = self._products(told.items)
        several = told.name == EventType.IMPRESSION or len(products) > 1
        return Event(
            event_id=event_id(told, who),
            visitor_id=visitor_id,
            type=told.name,
            occurred_at=told.at,
            received_at=self.now,
            product_id=None if several or not products else products[0],
            items=[[product, place] for place, product in enumerate(products)] if several else [],
            query=told.query,
            value=told.quantity if len(products) == 1 else None,
        )

    def _visitor(self, told: FileEvent) -> tuple[uuid.UUID, str]:
        """(the visitor's id, who that is in words that stay the same)"""
        if told.user:
            return self._customer(told)
        if not told.client or not self.options.anonymous:
            raise RejectedLine(
                "no_user", "browsers are kept with --anonymous only" if told.client else "nobody is named"
            )
        visitor_id = browser_id(told.client)
        if visitor_id not in self.browsers:
            raise RejectedLine("no_consent", "the browser has withdrawn, or is an account's by now")
        return visitor_id, f"browser {visitor_id}"

    def _customer(self, told: FileEvent) -> tuple[uuid.UUID, str]:
        if told.user not in self.customers:
            raise RejectedLine("unknown_user", f"there is no such customer; user is taken for: {self.options.users}")
        key = self.customers[told.user]
        if key is None:
            raise RejectedLine("ambiguous_user", f"several customers have this {self.options.users}")
        visitor = self.visitors.get(key)
        if visitor is None or key not in self.agreed:
            raise RejectedLine("no_consent", "the customer has not agreed, or not any more")
        if visitor.erased_at and told.at <= visitor.erased_at:
            raise RejectedLine("forgotten", "the customer had everything forgotten later")
        if visitor.pk in self.withdrew and visitor.consented_at and told.at < visitor.consented_at:
            raise RejectedLine("no_consent", "it happened before the customer, who had withdrawn, agreed again")
        return visitor.pk, f"customer {key}"

    def _products(self, named: tuple[str, ...]) -> list[int]:
        """What the shop knows of them and may keep, each once; Rejected when that is none of some."""
        found = (self.products.get((self.options.items, item)) for item in named)
        known = list(dict.fromkeys(product for product in found if product is not None))
        kept = [product for product in known if product not in self.sensitive]
        if named and not known:
            raise RejectedLine(
                "unknown_product", f"the shop shows no such product; item_id is taken for: {self.options.items}"
            )
        if named and not kept:
            raise RejectedLine("sensitive", "of products in a sensitive category nothing is kept")
        return kept


def browser_id(client: str) -> uuid.UUID:
    """The visitor's id of a browser that another system calls so."""
    return uuid.uuid5(BROWSER_NAMESPACE, client)


def event_id(told: FileEvent, who: str) -> uuid.UUID:
    """The row's own id when it has one; else made of all that it says, so that it is the same each time."""
    if told.event_id:
        try:
            return uuid.UUID(told.event_id)
        except ValueError:
            return uuid.uuid5(EVENT_NAMESPACE, f"id {told.event_id}")
    content = [told.name, told.at.isoformat(), who, told.items, told.query, told.quantity]
    return uuid.uuid5(EVENT_NAMESPACE, json.dumps(content))
