"""What a surface shows to many customers, as rows: the same decisions as on the pages."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from personalization.oscar import orders
from personalization.oscar.visits import of_customers
from personalization.serve import serve


class Shown(NamedTuple):
    """One product that one customer would be shown."""

    customer: Any
    """The customer's primary key."""
    rank: int
    """From 0, in the order in which the page is read: row by row."""
    product: int
    """The product's primary key."""
    score: float
    """Comparable within one row of one customer only."""
    row: str
    reason: str
    """In the language that is active."""


def shown(surface: str, user_ids: Iterable[Any], now: float, top: int, new_only: bool = False) -> Iterator[Shown]:
    """What each of these customers would be shown at this moment, the first `top` products of each.

    With `new_only` products that the customer bought before are left out.
    """
    user_ids = list(user_ids)
    bought = orders.bought_by(user_ids) if new_only else {}
    for visit in of_customers(user_ids, now):
        items = [(row, item) for row in serve(surface, visit).rows for item in row.items]
        kept = [(row, item) for row, item in items if item.product_id not in bought.get(visit.user_id, ())]
        for rank, (row, item) in enumerate(kept[:top]):
            yield Shown(visit.user_id, rank, item.product_id, round(item.score, 6), row.code, item.words)
