"""Reads what customers searched for. All SQL over Oscar's table of searches is here.

Oscar records searches of customers who are signed in, and nobody else's.
"""

from collections.abc import Iterator

from django.db.models import F, QuerySet
from oscar.core.loading import get_model

from personalization.models.epoch import Epoch

UserSearch = get_model("analytics", "UserSearch")


def all_searches() -> QuerySet:
    """The searches of everyone."""
    return UserSearch.objects.order_by()


def search_values(searches: QuerySet) -> Iterator[tuple]:
    """(customer's key, query, seconds since 1970) of each search, streamed."""
    rows = searches.annotate(searched=Epoch(F("date_created"))).values_list("user_id", "query", "searched")
    return rows.iterator(chunk_size=20_000)
