"""What visitors did, from the rows of three tables to arrays. Each table is read once, whoever learns from it: views,
searches, and whose voice counts."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from personalization.models import Event
from personalization.models.events import EventType
from personalization.rank.search_queries import normalize_query
from personalization.rank.snapshot_arrays import DEVICES
from personalization.shop import product_views, search_log

VIEW_WEIGHT, WISHLIST_WEIGHT, BASKET_WEIGHT, PURCHASE_WEIGHT = 1.0, 2.0, 3.0, 4.0
"""The weight of a choice, by how far it went."""
EVENT_WEIGHTS = {
    EventType.CLICK: VIEW_WEIGHT,
    EventType.PRODUCT_VIEW: VIEW_WEIGHT,
    EventType.ADD_TO_WISHLIST: WISHLIST_WEIGHT,
    EventType.ADD_TO_BASKET: BASKET_WEIGHT,
}
SEARCH = 0.0
"""The weight that marks a search."""
NO_DEVICE = -1
DEVICE_NUMBERS = {name: number for number, name in enumerate(DEVICES)}
VISITOR_ACTION = np.dtype(
    [
        ("visitor", "i8"),
        ("at", "f8"),
        ("query", "i4"),
        ("product", "i8"),
        ("weight", "f4"),
        ("is_echo", "?"),
        ("is_view", "?"),
        ("device", "i1"),
    ]
)
"""Seconds since 1970; the number of the query of a search, or -1; the product's key, or -1; whether it is a view of a
product's page; the number in `DEVICES` of the type of device that reported it, or NO_DEVICE."""


@dataclass(frozen=True)
class VisitorActions:
    """All that may be learned from, one VISITOR_ACTION each, in any sequence. A customer's number is their index among
    those who bought something, or a higher one; a browser's is negative."""

    reported: NDArray[Any]
    """Our own events."""
    searched: NDArray[Any]
    """Oscar's records of buyers' searches."""
    viewed: NDArray[Any]
    """Oscar's records of buyers' product views."""
    queries: Sequence[str]
    """The different queries, normalised, by number."""
    lasting: NDArray[np.int64]
    """The visitors who were here for long enough to be heard, see `models.voices`."""
    buyers: int
    """The numbers below are those of customers who bought something."""

    @property
    def views(self) -> NDArray[Any]:
        """The views of product pages by customers who bought something: they are known to be one person each, accounts
        that only look may be a hundred of one person's."""
        reported = self.reported[self.reported["is_view"]]
        return np.concatenate([self.viewed, reported[self.is_buyer(reported["visitor"])]])

    def is_buyer(self, visitors: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each of these numbers is that of a customer who bought something."""
        return (visitors >= 0) & (visitors < self.buyers)


def read_visitor_actions(
    buyers: Sequence[Any],
    opted_out_until: Mapping[Any, float],
    progress: Callable[[Iterable[Any], str, int | None], Iterable[Any]],
) -> VisitorActions:
    """All that visitors did and allow learning from.

    Parameters
    ----------
    buyers : the keys of the customers who bought something, ascending.
    opted_out_until : by customer, the moment up to which nothing of theirs is used.
    """
    numbering = _Numbering(buyers, opted_out_until)
    tables = (
        ("Reading events", numbering.from_events(Event.objects.allowed_actions())),
        ("Reading searches", numbering.from_searches(search_log.search_values(search_log.all_searches()))),
        ("Reading views", numbering.from_views(product_views.view_values(product_views.all_product_views()))),
    )
    reported, searched, viewed = (np.fromiter(progress(rows, label, None), VISITOR_ACTION) for label, rows in tables)
    lasting = numbering.numbers_of(Event.objects.lasting_visitors())
    return VisitorActions(reported, searched, viewed, list(numbering.queries), lasting, len(buyers))


def browser_number(visitor: UUID) -> int:
    """The number of a browser without an account."""
    return -1 - (visitor.int & 2**62 - 1)  # of its 122 random bits, enough to tell millions apart


class _Numbering:
    """Turns rows of tables into VISITOR_ACTIONs, and numbers customers and queries as they come."""

    def __init__(self, buyers: Sequence[Any], opted_out_until: Mapping[Any, float]) -> None:
        self.customers = {user: number for number, user in enumerate(buyers)}
        self.buyers = len(buyers)
        self.opted_out_until = opted_out_until
        self.queries: dict[str, int] = {}
        self.normalize = lru_cache(100_000)(normalize_query)

    def from_events(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        """Our own events, of visitors who agreed."""
        for visitor, user, event_type, product, query, at, is_echo, device in rows:
            if user is None or at > self.opted_out_until.get(user, -inf):
                searched = self._query_number(query) if event_type == EventType.SEARCH else -1
                weight, is_view = EVENT_WEIGHTS.get(event_type, SEARCH), event_type == EventType.PRODUCT_VIEW
                number, key = self._number(visitor, user), -1 if product is None else product
                yield number, at, searched, key, weight, is_echo, is_view, DEVICE_NUMBERS.get(device, NO_DEVICE)

    def from_searches(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        """Oscar's records of buyers' searches."""
        for user, query, at in rows:
            if (number := self._buyer(user, at)) >= 0:
                yield number, at, self._query_number(query), -1, SEARCH, False, False, NO_DEVICE

    def from_views(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        """Oscar's records of buyers' product views."""
        for user, product, at in rows:
            if (number := self._buyer(user, at)) >= 0:
                yield number, at, -1, product, VIEW_WEIGHT, False, True, NO_DEVICE

    def numbers_of(self, visitors: Iterable[tuple[UUID, Any]]) -> NDArray[np.int64]:
        """The numbers of these visitors: (visitor's id, customer's key or None) of each."""
        return np.fromiter((self._number(visitor, user) for visitor, user in visitors), np.int64)

    def _number(self, visitor: UUID, user: Any) -> int:
        """Customers who bought nothing are numbered after those who did."""
        return browser_number(visitor) if user is None else self.customers.setdefault(user, len(self.customers))

    def _buyer(self, user: Any, at: float) -> int:
        """The number of a customer who bought something and may be learned from at that moment, else -1."""
        number = self.customers.get(user, -1)
        return number if number < self.buyers and at > self.opted_out_until.get(user, -inf) else -1

    def _query_number(self, query: str) -> int:
        return self.queries.setdefault(self.normalize(query), len(self.queries))
