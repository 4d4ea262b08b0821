"""Reads long tables in pages, each by a short query of its own: no cursor and no transaction stays open meanwhile."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Model, Q, QuerySet


def pages_by_key(rows: QuerySet[Any], key: Sequence[str], size: int) -> Iterator[list[Model]]:
    """All rows, in the order of these one or two fields, which together are unique, in lists of at most `size`."""
    rows = rows.order_by(*key)
    page = list(rows[:size])
    while page:
        yield page
        page = list(rows.filter(_after(page[-1], key))[:size]) if len(page) == size else []


def newest_page(rows: QuerySet[Any], key: tuple[str, str], below: tuple[Any, Any] | None, size: int) -> list[Model]:
    """At most `size` rows in the descending order of these two fields, which together are unique: the first ones, or
    those that come after a position in it."""
    first, second = key
    if below is not None:
        smaller = Q(**{f"{first}__lt": below[0]}) | Q(**{f"{second}__lt": below[1]})
        rows = rows.filter(Q(**{f"{first}__lte": below[0]}) & smaller)
    return list(rows.order_by(f"-{first}", f"-{second}")[:size])


def _after(row: Model, key: Sequence[str]) -> Q:
    first, *rest = key
    if not rest:
        return Q(**{f"{first}__gt": getattr(row, first)})
    (second,) = rest
    later = Q(**{f"{first}__gt": getattr(row, first)}) | Q(**{f"{second}__gt": getattr(row, second)})
    return Q(**{f"{first}__gte": getattr(row, first)}) & later  # the first condition is one that an index can use
