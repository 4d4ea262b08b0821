"""Reads Oscar's table of searches, which records customers who are signed in and nobody else."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F, QuerySet, TextField
from django.db.models.functions import Cast, Lower, Trim
from oscar.core.loading import get_model

from personalization.models.epoch import Epoch

UserSearch = get_model("analytics", "UserSearch")
MAX_READ_SEARCHES = 20_000
"""Of Oscar's table, which has no index by date, the newest are counted."""
SearchRow = tuple[Any, str, float]
"""(customer's key, query, seconds since 1970)"""


def all_searches() -> QuerySet[Any]:
    """The searches of all customers."""
    searches: QuerySet[Any] = UserSearch.objects.order_by()
    return searches


def search_values(searches: QuerySet[Any]) -> Iterator[SearchRow]:
    """The row of each search, streamed."""
    rows = searches.annotate(searched=Epoch(F("date_created"))).values_list("user_id", "query", "searched")
    values: Iterator[SearchRow] = rows.iterator(chunk_size=20_000)
    return values


@dataclass(frozen=True)
class SearchCount:
    """How often the same was searched for, and by how many."""

    query: str
    searches: int
    people: int


def frequent_searches(since: datetime, *, anonymous: QuerySet[Any], min_people: int, limit: int) -> list[SearchCount]:
    """What several people searched for since a moment, the most frequent first, in one query: Oscar's log of customers
    who are signed in, and the searches of visitors who are not (`anonymous`, events). What only one person typed may be
    about that person, and is left out."""
    newest = UserSearch.objects.order_by("-pk").values("pk")[:MAX_READ_SEARCHES]
    logged = UserSearch.objects.order_by().filter(pk__in=newest, date_created__gte=since)
    counted = _counted(logged, "user_id").union(_counted(anonymous.order_by(), "visitor_id"), all=True)
    totals: dict[str, list[int]] = {}
    for query, searches, people in counted:
        total = totals.setdefault(query, [0, 0])
        total[0] += searches
        total[1] += people
    found = [SearchCount(query, *total) for query, total in totals.items() if query and total[1] >= min_people]
    return sorted(found, key=lambda one: (-one.searches, one.query))[:limit]


def _counted(rows: QuerySet[Any], person: str) -> QuerySet[Any]:
    folded = rows.annotate(folded=Trim(Lower(Cast("query", TextField()))))
    counted = folded.values("folded").annotate(searches=Count("pk"), people=Count(person, distinct=True))
    columns: QuerySet[Any] = counted.values_list("folded", "searches", "people")
    return columns
