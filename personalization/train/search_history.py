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

from personalization.models import Event
from personalization.models.events import EventType
from personalization.rank.search_queries import normalize_query
from personalization.rank.snapshot_arrays import lookup_indices
from personalization.shop import product_views, search_log
from personalization.shop.orders import PurchaseArrays

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
ACTION = np.dtype([("visitor", "i8"), ("at", "f8"), ("query", "i4"), ("product", "i8"), ("weight", "f4")])


@dataclass(frozen=True)
class SearchLog:
    """Searches and what was done with products, one entry for each action, in any sequence."""

    visitor: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """A customer who bought something has a number below `buyers`, another customer a higher one, a browser a negative
    one."""
    at: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    """Seconds since 1970."""
    query: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    """The index in `texts` of the query of a search; -1 for an action with a product."""
    product: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    """0..products-1; -1 for a search."""
    weight: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    """SEARCH, or one of the weights of choices."""
    texts: Sequence[str] = ()
    """The different queries, normalised, ascending."""
    buyers: int = 0

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
        )


def read_searches(
    product_id: NDArray[np.int64],
    bought: PurchaseArrays,
    opted_out_until: Mapping[Any, float],
    now: float,
    progress: Callable[[Iterable[Any], str, int], Iterable[Any]],
) -> SearchLog:
    """All searches up to now, the actions with these products, and the purchases of the visitors who did either.

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
    return _build_log(table[table["at"] <= now], product_id, list(actions.queries), len(bought.users))


class _VisitorActions:
    """Turns rows of tables into ACTIONs, and numbers customers and queries as they come."""

    def __init__(self, buyers: Sequence[Any], opted_out_until: Mapping[Any, float]) -> None:
        self.customers = {user: number for number, user in enumerate(buyers)}
        self.opted_out_until = opted_out_until
        self.queries: dict[str, int] = {}
        self.normalize = lru_cache(100_000)(normalize_query)

    def from_events(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        """Our own events, of visitors who agreed."""
        for visitor, user, event_type, product, query, at in rows:
            if user is None or self._may_be_used(user, at):
                number = _browser_number(visitor) if user is None else self._customer_number(user)
                searched = self._query_number(query) if event_type == EventType.SEARCH else -1
                weight = EVENT_WEIGHTS.get(event_type, SEARCH)
                yield number, at, searched, -1 if product is None else product, weight

    def from_searches(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        """Oscar's records of searches."""
        for user, query, at in rows:
            if self._may_be_used(user, at):
                yield self._customer_number(user), at, self._query_number(query), -1, SEARCH

    def from_views(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        """Oscar's records of product views."""
        for user, product, at in rows:
            if self._may_be_used(user, at):
                yield self._customer_number(user), at, -1, product, VIEW_WEIGHT

    def _may_be_used(self, user: Any, at: float) -> bool:
        return at > self.opted_out_until.get(user, -inf)

    def _customer_number(self, user: Any) -> int:
        """Customers who bought nothing are numbered after those who did."""
        return self.customers.setdefault(user, len(self.customers))

    def _query_number(self, query: str) -> int:
        return self.queries.setdefault(self.normalize(query), len(self.queries))


def _browser_number(visitor: UUID) -> int:
    return -1 - (visitor.int & 2**62 - 1)  # of its 122 random bits, enough to tell millions apart


def _purchases_of(bought: PurchaseArrays, visitors: NDArray[np.int64]) -> NDArray[Any]:
    """The purchases of these visitors, as ACTIONs."""
    theirs = np.isin(bought.customer, np.unique(visitors[visitors >= 0]))
    rows = np.zeros(int(theirs.sum()), ACTION)
    rows["visitor"], rows["at"] = bought.customer[theirs], bought.ordered_at[theirs]
    rows["product"] = bought.product[theirs]
    rows["query"], rows["weight"] = -1, PURCHASE_WEIGHT
    return rows


def _build_log(table: NDArray[Any], product_id: NDArray[np.int64], queries: list[str], buyers: int) -> SearchLog:
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
        texts=[queries[number] for number in ascending],
        buyers=buyers,
    )
