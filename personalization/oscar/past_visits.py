"""Visits of the past, without a request: customers as they were just before an order of theirs."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from personalization import conf
from personalization.decide.policy import policy_from_settings
from personalization.decide.visit import Visit
from personalization.models import CustomerFacts, Event, Genome, Visitor
from personalization.models.events import INTENT_EVENTS, MAX_RECENT_EVENTS
from personalization.models.recent_activity import RecentEvent
from personalization.oscar.visits import strategies_for_customers
from personalization.profile.genome import PurchaseHistory, read_history
from personalization.shop.past_orders import PastOrder, past_orders

MAX_EVENTS = 10_000
"""Of what all customers of a batch did, so much is read, the newest."""

MAX_PURCHASES = 5_000
"""Customers who bought more often are left out: all that they bought would have to be read."""
SECOND = 1.0
"""So long before an order its customer is looked at: databases round moments."""


@dataclass(frozen=True)
class PastVisit:
    """A customer who is about to order."""

    order: PastOrder
    visit: Visit
    """Under no rules, with an empty basket."""
    bought: tuple[int, ...]
    """The keys of the products of the order, without sensitive ones and what was cancelled or came back."""


@dataclass(frozen=True)
class PastVisits:
    """Visits before some orders, and the categories of all that these customers bought."""

    visits: tuple[PastVisit, ...]
    history: PurchaseHistory
    """All that these customers bought."""

    def categories_of(self, product: int) -> list[int]:
        """The browsable categories of a product that one of them bought, and those above."""
        return self._categories.get(product, [])

    @cached_property
    def _categories(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        members = self.history.members
        for category, product in zip(members.category.tolist(), members.product.tolist(), strict=True):
            found.setdefault(product, []).append(category)
        return found


def read_past_visits(order_ids: Sequence[int]) -> PastVisits:
    """The visits before these orders, those of them of which something may be used and was kept. So many queries,
    however many orders.

    What a customer had bought is as it was then. What was learned of products, what similar customers buy, and the
    numbers and dates by which segments go, are today's.
    """
    placed = past_orders(order_ids)
    customers = {order.user_id for order in placed.values()}
    visitors = Visitor.objects.consented_customers(customers - Genome.objects.heavy_buyers(customers, MAX_PURCHASES))
    history = read_history(Visitor.objects.consented(visitors), time.time())
    strategies = strategies_for_customers(history.since)
    near = Genome.objects.neighbour_products(history.since)
    facts = CustomerFacts.objects.of_customers(history.since)
    events = _events_by_visitor([visitors[user] for user in history.since], placed.values())
    policy = policy_from_settings(conf.get_settings())
    found = []
    for order in (placed[key] for key in order_ids if key in placed):
        bought = history.bought_in(order.id)
        if not bought or order.user_id not in history.since:
            continue
        visitor, user_id = visitors[order.user_id], order.user_id
        moment = order.placed_at - SECOND
        genome = history.genome_before(user_id, moment)
        genome.neighbour_products = near.get(user_id, [])
        visit = Visit(
            timestamp=moment,
            strategy=strategies[user_id],
            user_id=user_id,
            country=order.country,
            genome=genome,
            facts=facts.get(user_id),
            recent_events=_events_before(events.get(visitor.pk, []), moment),
            preferences=tuple(one for one in visitor.get_preferences() if one.recorded_at < moment),
            visitor_id=visitor.pk,
            tracking_allowed=True,
            policy=policy,
        )
        found.append(PastVisit(order, visit, bought))
    return PastVisits(tuple(found), history)


def _events_by_visitor(visitors: Iterable[Visitor], orders: Iterable[PastOrder]) -> dict[Any, list[RecentEvent]]:
    """What these visitors did up to their orders, the newest first."""
    moments = [order.placed_at for order in orders]
    if not moments:
        return {}
    since = datetime.fromtimestamp(min(moments), UTC) - timedelta(days=conf.get_settings().EVENT_RETENTION_DAYS)
    until = datetime.fromtimestamp(max(moments), UTC)
    rows = Event.objects.done_by([one.pk for one in visitors], INTENT_EVENTS, since, until, MAX_EVENTS)
    found: dict[Any, list[RecentEvent]] = {}
    for visitor_id, event_type, product, query, at in rows:
        found.setdefault(visitor_id, []).append(RecentEvent(event_type, product, query, at.timestamp()))
    return found


def _events_before(events: list[RecentEvent], moment: float) -> tuple[RecentEvent, ...]:
    return tuple(event for event in events if event.timestamp < moment)[:MAX_RECENT_EVENTS]
