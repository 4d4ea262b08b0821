"""Asks the shop's own search engine, as its search page does."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from oscar.core.loading import get_class, get_classes, get_model

from personalization.decide.active_snapshot import get_active_snapshot
from personalization.oscar.visits import parent_of
from personalization.rank import search_queries

Product = get_model("catalogue", "Product")
CategoryForm, SearchForm = get_classes("search.forms", ("CategoryForm", "SearchForm"))
base_sqs = get_class("search.facets", "base_sqs")

MAX_PROBES = 3
"""So often the engine is asked for a page that found nothing."""
SLOW_SEARCH_SECONDS = 0.5
"""It is not asked again after so many seconds: an engine that is down finds nothing, too, and slowly."""


@dataclass(frozen=True)
class SearchRecovery:
    """How a search that found nothing can go on."""

    unfiltered: bool = False
    """The same words find something without filters."""
    queries: tuple[str, ...] = ()
    """What others searched for, and what finds something, the most alike first."""


def search_keys(query: str, limit: int) -> list[int]:
    """The keys of the first so many products that the engine finds, in its order; parents for children.

    Nothing when the engine is down: Haystack says so in the log only, unless SILENTLY_FAIL is off.
    """
    keys = _search_hits(query, limit)
    parents = parent_of(keys)
    return list(dict.fromkeys(parents[key] for key in keys if key in parents))


def category_keys(category: Any, limit: int) -> list[int]:
    """The keys of the first so many products that the engine lists on the page of a category, in its order."""
    below = category.get_descendants_and_self()
    form = CategoryForm(data={"q": ""}, searchqueryset=base_sqs(), load_all=False, categories=below)
    return [int(result.pk) for result in form.search()[:limit] if result.model is Product]


def recover_search(query: str, *, filtered: bool = False) -> SearchRecovery:
    """How this search can go on, which found nothing; `filtered` if filters were set."""
    if filtered and _queries_with_results([query[: search_queries.MAX_QUERY_LENGTH]]):
        return SearchRecovery(unfiltered=True)
    learned = get_active_snapshot()
    near = search_queries.similar_queries(query, learned, MAX_PROBES - filtered) if learned else []
    return SearchRecovery(queries=tuple(_queries_with_results(near)))


def _queries_with_results(asked: Iterable[str]) -> list[str]:
    """Those of these queries that the engine finds something for."""
    first: dict[str, list[int]] = {}
    begun = time.monotonic()
    for query in asked:
        if time.monotonic() - begun < SLOW_SEARCH_SECONDS:
            first[query] = _search_hits(query, 1)
    there = parent_of(key for keys in first.values() for key in keys)
    return [query for query, keys in first.items() if there.keys() & keys]


def _search_hits(query: str, limit: int) -> list[int]:
    form = SearchForm({"q": query}, searchqueryset=base_sqs(), load_all=False)
    return [int(result.pk) for result in form.search()[:limit] if result.model is Product]
