"""Reads Oscar's table of searches, which records customers who are signed in and nobody else."""

from collections.abc import Iterator
from typing import Any

from django.db.models import F, QuerySet
from oscar.core.loading import get_model

from personalization.models.epoch import Epoch

UserSearch = get_model("analytics", "UserSearch")
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
