"""How facts about visitors come in, as plain functions that the shop's pages and the API both call."""

import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from django.db import Error

from personalization import rate_limits
from personalization.collect import crawlers, feedback, impression_tokens, ingestion, request_traits
from personalization.collect.day_limit import take_back_day_events, within_day_limit
from personalization.collect.payload import ERROR_MESSAGES, EventPayload, Rejection, ReportedEvent, ReportedItem
from personalization.metrics import count_accepted
from personalization.models import OrderVisitor, Visitor
from personalization.models.events import EventType
from personalization.models.fail_open import fail_open
from personalization.privacy import flows, identity
from personalization.privacy.requester import ClientType, Requester
from personalization.shop import catalogue


class DeliveryOutcome(NamedTuple):
    """What became of the events of one request."""

    accepted: int
    """How many are stored, now or by an earlier request."""
    rejected: tuple[Rejection, ...]
    """In the order of the request."""
    visitor: Visitor | None = None
    """Whose they are, whom the door makes the browser recognisable by; None when nothing was stored."""

    def as_json(self) -> dict[str, Any]:
        """The body of the response."""
        messages = {code: str(ERROR_MESSAGES[code]) for code in {one.code for one in self.rejected}}
        rejected = [{"index": one.index, "code": one.code, "message": messages[one.code]} for one in self.rejected]
        return {"accepted": self.accepted, "rejected": rejected}


def report_events(requester: Requester, body: EventPayload, now: datetime) -> DeliveryOutcome:
    """Stores the events that a client reports, as far as they can be believed and their visitor has consented. The door
    has taken a slot for it, see `rate_limits.delivery_slot`, or calls `turn_away`.

    No failure in here reaches the client as an error: it may send again what was not stored. A server is neither
    limited by its address nor taken for a bot.
    """
    rejected, visitor = _store_reported(requester, body, now)
    return _counted(body.count, rejected, visitor)


def turn_away(count: int) -> DeliveryOutcome:
    """Stores none of so many events, for which there was no slot, and counts them as dropped."""
    return _counted(count, (Rejection(index, "server_busy") for index in range(count)), None)


def _counted(count: int, rejected: Iterable[Rejection], visitor: Visitor | None) -> DeliveryOutcome:
    rejected = tuple(sorted(rejected, key=lambda rejection: rejection.index))
    rate_limits.drop_log.record(rejection.code for rejection in rejected)
    count_accepted(count - len(rejected))
    return DeliveryOutcome(count - len(rejected), rejected, visitor)


def _store_reported(
    requester: Requester, body: EventPayload, now: datetime
) -> tuple[tuple[Rejection, ...], Visitor | None]:
    with fail_open("Taking in events", whole_page=True):
        try:
            return _store_within_limits(requester, body, now)
        except rate_limits.RateLimited:
            return _reject_all(body, "rate_limited"), None
    return _reject_all(body, "not_stored"), None


def _store_within_limits(
    requester: Requester, body: EventPayload, now: datetime
) -> tuple[tuple[Rejection, ...], Visitor | None]:
    pace = _count_events(requester, body.count, now)
    if pace.address_limited:
        raise rate_limits.RateLimited
    with _undone_on_failure(partial(_count_events, requester, -body.count, now)):
        return _store_consented(requester, body, now, too_fast=pace.visitor_limited)


def _store_consented(
    requester: Requester, body: EventPayload, now: datetime, *, too_fast: bool
) -> tuple[tuple[Rejection, ...], Visitor | None]:
    if body.reports:
        identity.load_visitor(requester)  # here, where it may take as long as the delivery, not as a part of a page
    visitor = identity.get_or_create_consented(requester, now) if body.reports else None
    if visitor is None:
        return _reject_all(body, "no_consent"), None
    if requester.client == ClientType.SERVER_KEY:
        return _store_verified(requester, body, visitor, now, suspect=too_fast), visitor
    if not within_day_limit(visitor, len(body.reports), now):
        return _reject_all(body, "daily_limit"), None
    suspect = too_fast or crawlers.is_crawler(requester.user_agent)
    with _undone_on_failure(partial(take_back_day_events, visitor, len(body.reports), now)):
        return _store_verified(requester, body, visitor, now, suspect=suspect), visitor


def _store_verified(
    requester: Requester, body: EventPayload, visitor: Visitor, now: datetime, *, suspect: bool
) -> tuple[Rejection, ...]:
    products, device = _reported_products(body.reports), request_traits.device_type(requester)
    key, network = requester.browser_key(), requester.network
    delivery = ingestion.Delivery(visitor, products, now, body.sent, suspect, device, key, network)
    rejected = ingestion.store_events(delivery, body.reports).rejected
    rate_limits.drop_log.record(["suspect"] * body.count if suspect else [])
    return body.rejected + rejected


@contextmanager
def _undone_on_failure(undo: Callable[[], object]) -> Iterator[None]:
    """Takes back a count when the database fails: what was not stored is sent again, and counted then."""
    try:
        yield
    except Error:
        undo()
        raise


def _count_events(requester: Requester, count: int, now: datetime) -> rate_limits.Pace:
    if requester.client == ClientType.SERVER_KEY:
        return rate_limits.Pace(address_limited=False, visitor_limited=False)
    return rate_limits.count_events(requester.address, requester.limit_key, count, now.timestamp())


def _reject_all(body: EventPayload, code: str) -> tuple[Rejection, ...]:
    return (*body.rejected, *(Rejection(report.index, code) for report in body.reports))


def _reported_products(reports: Iterable[ReportedEvent]) -> ingestion.ReportedProducts:
    keys = {(item.id_type, item.key) for report in reports for item in report.items}
    products = catalogue.resolve_product_ids(keys)
    sensitive = frozenset(catalogue.sensitive_products(set(products.values())))
    return ingestion.ReportedProducts(products, sensitive, catalogue.sensitive_categories)


def give_feedback(requester: Requester, kind: str, key: int | str, sign: int, now: datetime) -> Visitor | None:
    """Stores that a visitor is not interested in a product, a category or a row, or takes that back.

    Returns the visitor, or None where they were erased at this very moment. Raises `privacy.flows.Refused` with
    `no_consent`.
    """
    change = partial(feedback.record_feedback, kind=kind, key=key, sign=sign, now=now)
    return flows.change_visitor(requester, now, change)


def record_basket_addition(requester: Requester, product_id: int, now: datetime) -> None:
    """Stores that a visitor who consented put a product into their basket, within the limits of all events. A browser
    does not become recognisable by it: that takes a report of its own."""
    visitor = _known_consented(requester, now)
    if visitor is None or catalogue.sensitive_products([product_id]):
        return
    suspect = _heard_within_limits(requester, visitor, 1, now)
    if suspect is None:
        return
    ingestion.record_server_event(
        visitor,
        str(EventType.ADD_TO_BASKET),
        product_id,
        now,
        suspect=suspect,
        device=request_traits.device_type(requester),
        network=requester.network,
    )


def record_followed_link(requester: Requester, token: str, product_id: int | None, now: datetime) -> None:
    """Stores that a visitor who consented followed a link of a message to a product, or (None) to the basket with all
    that the message is about: a click on each, once, however often they follow it. Whose browser it is does not matter:
    who holds the link has read the message. A browser does not become recognisable by it.

    Parameters: `token`, of the link, see `report_tokens.message_token`; without one that is ours nothing is stored.
    """
    visitor = _known_consented(requester, now)
    if visitor is None:
        return
    reader = impression_tokens.MESSAGE_READER
    shown = impression_tokens.verify_impression(token, visitor.pk, now.timestamp(), reader)
    if shown is None:
        return
    is_subject = product_id is None
    keys = [one.item_id for one in shown.items if one.item_id == product_id or (is_subject and one.reason == shown.row)]
    suspect = _heard_within_limits(requester, visitor, len(keys), now) if keys else None
    if suspect is None:
        return
    reports = tuple(_link_report(visitor, token, key) for key in keys)
    products, device = _reported_products(reports), request_traits.device_type(requester)
    delivery = ingestion.Delivery(visitor, products, now, None, suspect, device, reader, requester.network)
    ingestion.store_events(delivery, reports)


def _link_report(visitor: Visitor, token: str, key: int) -> ReportedEvent:
    click = uuid.uuid5(visitor.pk, f"{token} {key}")
    return ReportedEvent(0, click, str(EventType.CLICK), None, (ReportedItem("id", str(key), 0),), token)


def _heard_within_limits(requester: Requester, visitor: Visitor, count: int, now: datetime) -> bool | None:
    """Counts events that the server itself observed. Whether they do not seem a shopper's; None when they are too many
    to be stored."""
    pace = _count_events(requester, count, now)
    if pace.address_limited or not within_day_limit(visitor, count, now):
        rate_limits.drop_log.record(["rate_limited" if pace.address_limited else "daily_limit"])
        return None
    return pace.visitor_limited or crawlers.is_crawler(requester.user_agent)


def record_order(requester: Requester, order_id: int, placed_at: datetime, now: datetime) -> None:
    """Stores which visitor placed an order, if they consented. A browser does not become recognisable by it."""
    visitor = _known_consented(requester, now)
    if visitor is not None:
        OrderVisitor.objects.record_order(order_id, visitor.pk, placed_at)


def _known_consented(requester: Requester, now: datetime) -> Visitor | None:
    """The visitor of an account or a recognised browser that consented; None for all others."""
    known = requester.is_signed_in or identity.get_visitor(requester) is not None
    return identity.get_or_create_consented(requester, now) if known else None
