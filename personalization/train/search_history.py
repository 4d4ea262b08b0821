"""What visitors searched for and did afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.models import OrderVisitor
from personalization.rank.snapshot_arrays import lookup_indices
from personalization.shop.orders import PurchaseArrays
from personalization.train.visitor_actions import PURCHASE_WEIGHT, VISITOR_ACTION, VisitorActions, browser_number
from personalization.train.voices import standings


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
    actions: VisitorActions, product_id: NDArray[np.int64], bought: PurchaseArrays, now: float
) -> SearchLog:
    """All searches up to now, the actions with these products, and the purchases of the customers who did either.

    Parameters
    ----------
    product_id : the primary keys of the products that count, ascending.
    now : seconds since 1970.
    """
    parts = [_since_first_search(actions.reported), actions.searched, _views_of_searchers(actions)]
    visitors = np.unique(np.concatenate([part["visitor"] for part in parts]))
    parts.append(_purchases_of(bought, visitors))
    table = np.concatenate([part[part["at"] <= now] for part in parts])  # once: it is the largest of a shop's tables
    standing = standings(
        is_buyer=actions.is_buyer(table["visitor"]) | np.isin(table["visitor"], _buying_browsers(bought)),
        is_echo=table["is_echo"],
        is_lasting=np.isin(table["visitor"], actions.lasting),
    )
    return _build_log(table, standing, product_id, actions.queries)


def _since_first_search(reported: NDArray[Any]) -> NDArray[Any]:
    """What was done before anybody searched tells nothing of a search."""
    first = reported["at"][reported["query"] >= 0].min(initial=np.inf)
    since: NDArray[Any] = reported[reported["at"] >= first]
    return since


def _views_of_searchers(actions: VisitorActions) -> NDArray[Any]:
    """Oscar's views of the customers of whom it recorded a search."""
    return actions.viewed[np.isin(actions.viewed["visitor"], actions.searched["visitor"])]


def _buying_browsers(bought: PurchaseArrays) -> NDArray[np.int64]:
    """The numbers of the browsers that placed one of these orders."""
    table = np.fromiter(
        ((order, browser_number(visitor)) for order, visitor in OrderVisitor.objects.of_browsers()),
        np.dtype([("order", "i8"), ("visitor", "i8")]),
    )
    return table["visitor"][np.isin(table["order"], bought.order)]


def _purchases_of(bought: PurchaseArrays, visitors: NDArray[np.int64]) -> NDArray[Any]:
    """The purchases of these visitors, each once, as VISITOR_ACTIONs."""
    theirs = np.isin(bought.customer, visitors[visitors >= 0])
    rows = np.zeros(int(theirs.sum()), VISITOR_ACTION)
    rows["visitor"], rows["at"] = bought.customer[theirs], bought.ordered_at[theirs]
    rows["product"] = bought.product[theirs]
    rows["query"], rows["weight"] = -1, PURCHASE_WEIGHT
    return rows


def _build_log(
    table: NDArray[Any], standing: NDArray[np.int8], product_id: NDArray[np.int64], queries: Sequence[str]
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
