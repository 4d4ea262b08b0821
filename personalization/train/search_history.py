"""What visitors searched for and did afterwards, from the rows of three tables to arrays."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain
from math import inf
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from personalization.models import Event, OrderVisitor
from personalization.models.events import EventType
from personalization.rank.search_queries import normalize_query
from personalization.rank.snapshot_arrays import lookup_indices
from personalization.shop import product_views, search_log
from personalization.shop.orders import PurchaseArrays
from personalization.train.voices import standings

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
ACTION = np.dtype(
    [("visitor", "i8"), ("at", "f8"), ("query", "i4"), ("product", "i8"), ("weight", "f4"), ("is_echo", "?")]
)


@dataclass(frozen=True)
class SearchLog:
    """Searches and what was done with products, one entry for each action, in any sequence."""

    visitor: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """A customer's number is their index among those who bought something, or a higher one; a browser's is negative."""
    at: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    """Seconds since 1970."""
    query: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    """The index in `texts` of the query of a search; -1 for an action with a product."""
    product: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    """0..products-1; -1 for a search."""
    weight: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    """SEARCH, or one of the weights of choices."""
    standing: NDArray[np.int8] = field(default_factory=lambda: np.empty(0, np.int8))
    """The `voices.Standing` of each."""
    texts: Sequence[str] = ()
    """The different queries, normalised, ascending."""

    def since(self, moment: float) -> "SearchLog":
        """The actions after this moment, in seconds since 1970."""
        return self._take(self.at > moment)

    def until(self, moment: float) -> "SearchLog":
        """The actions up to this moment, in seconds since 1970."""
        return self._take(self.at <= moment)

    def _take(self, rows: NDArray[np.bool_]) -> "SearchLog":
        return replace(
            self,
            visitor=self.visitor[rows],
            at=self.at[rows],
            query=self.query[rows],
            product=self.product[rows],
            weight=self.weight[rows],
            standing=self.standing[rows],
        )


def read_searches(
    product_id: NDArray[np.int64],
    bought: PurchaseArrays,
    opted_out_until: Mapping[Any, float],
    now: float,
    progress: Callable[[Iterable[Any], str, int], Iterable[Any]],
) -> SearchLog:
    """All searches up to now, the actions with these products, and the purchases of the customers who did either.

    Parameters
    ----------
    product_id : the primary keys of the products that count, ascending.
    opted_out_until : by customer, the moment up to which nothing of theirs is used.
    now : seconds since 1970.
    """
    actions = _VisitorActions(bought.users, opted_out_until)
    reported, searched = Event.objects.search_sessions(), search_log.all_searches()
    viewed = product_views.all_product_views().filter(user_id__in=searched.values("user_id"))
    rows = chain(
        actions.from_events(reported.by_visitor()),
        actions.from_searches(search_log.search_values(searched)),
        actions.from_views(product_views.view_values(viewed)),
    )
    length = reported.count() + searched.count() + viewed.count()
    table = np.fromiter(progress(rows, "Reading searches", length), ACTION)
    table = np.concatenate([table, _purchases_of(bought, table["visitor"])])
    table = table[table["at"] <= now]
    standing = standings(
        is_buyer=actions.is_customer_who_bought(table["visitor"]) | np.isin(table["visitor"], _buying_browsers(bought)),
        is_echo=table["is_echo"],
        is_lasting=np.isin(table["visitor"], actions.numbers_of(Event.objects.lasting_visitors())),
    )
    return _build_log(table, standing, product_id, list(actions.queries))


class _VisitorActions:
    """Turns rows of tables into ACTIONs, and numbers customers and queries as they come."""

    def __init__(self, buyers: Sequence[Any], opted_out_until: Mapping[Any, float]) -> None:
        self.customers = {user: number for number, user in enumerate(buyers)}
        self.buyers = len(buyers)
        self.opted_out_until = opted_out_until
        self.queries: dict[str, int] = {}
        self.normalize = lru_cache(100_000)(normalize_query)

    def from_events(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        """Our own events, of visitors who agreed."""
        for visitor, user, event_type, product, query, at, is_echo in rows:
            if user is None or self._may_be_used(user, at):
                searched = self._query_number(query) if event_type == EventType.SEARCH else -1
                weight = EVENT_WEIGHTS.get(event_type, SEARCH)
                yield self._number(visitor, user), at, searched, -1 if product is None else product, weight, is_echo

    def from_searches(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        """Oscar's records of buyers' searches."""
        for user, query, at in rows:
            if user in self.customers and self._may_be_used(user, at):
                yield self.customers[user], at, self._query_number(query), -1, SEARCH, False

    def from_views(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        """Oscar's records of buyers' product views."""
        for user, product, at, _device in rows:
            if user in self.customers and self._may_be_used(user, at):
                yield self.customers[user], at, -1, product, VIEW_WEIGHT, False

    def numbers_of(self, visitors: Iterable[tuple[UUID, Any]]) -> NDArray[np.int64]:
        """The numbers of these visitors: (visitor's id, customer's key or None) of each."""
        return np.fromiter((self._number(visitor, user) for visitor, user in visitors), np.int64)

    def is_customer_who_bought(self, visitors: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each of these numbers is that of a customer who bought something."""
        return (visitors >= 0) & (visitors < self.buyers)

    def _number(self, visitor: UUID, user: Any) -> int:
        """Customers who bought nothing are numbered after those who did."""
        return _browser_number(visitor) if user is None else self.customers.setdefault(user, len(self.customers))

    def _may_be_used(self, user: Any, at: float) -> bool:
        return at > self.opted_out_until.get(user, -inf)

    def _query_number(self, query: str) -> int:
        return self.queries.setdefault(self.normalize(query), len(self.queries))


def _browser_number(visitor: UUID) -> int:
    return -1 - (visitor.int & 2**62 - 1)  # of its 122 random bits, enough to tell millions apart


def _buying_browsers(bought: PurchaseArrays) -> NDArray[np.int64]:
    """The numbers of the browsers that placed one of these orders."""
    table = np.fromiter(
        ((order, _browser_number(visitor)) for order, visitor in OrderVisitor.objects.of_browsers()),
        np.dtype([("order", "i8"), ("visitor", "i8")]),
    )
    return table["visitor"][np.isin(table["order"], bought.order)]


def _purchases_of(bought: PurchaseArrays, visitors: NDArray[np.int64]) -> NDArray[Any]:
    """The purchases of these visitors, as ACTIONs."""
    theirs = np.isin(bought.customer, np.unique(visitors[visitors >= 0]))
    rows = np.zeros(int(theirs.sum()), ACTION)
    rows["visitor"], rows["at"] = bought.customer[theirs], bought.ordered_at[theirs]
    rows["product"] = bought.product[theirs]
    rows["query"], rows["weight"] = -1, PURCHASE_WEIGHT
    return rows


def _build_log(
    table: NDArray[Any], standing: NDArray[np.int8], product_id: NDArray[np.int64], queries: list[str]
) -> SearchLog:
    """Without actions with other products; queries are renumbered in ascending sequence."""
    product = lookup_indices(product_id, table["product"]).astype(np.int32)
    kept = (table["query"] >= 0) | (product >= 0)
    rank = np.empty(len(queries) + 1, np.int32)
    ascending = sorted(range(len(queries)), key=queries.__getitem__)
    rank[ascending], rank[-1] = np.arange(len(queries)), -1  # query -1 stays -1
    return SearchLog(
        visitor=table["visitor"][kept],
        at=table["at"][kept],
        query=rank[table["query"][kept]],
        product=product[kept],
        weight=table["weight"][kept],
        standing=standing[kept],
        texts=[queries[number] for number in ascending],
    )
