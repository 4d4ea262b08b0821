"""Queries the shop's own search engine, in the way its search page does."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, partial, reduce
from operator import or_
from typing import Any

from haystack import connections
from haystack.backends.simple_backend import SimpleSearchQuery
from haystack.inputs import AutoQuery
from haystack.query import SQ, SearchQuerySet
from oscar.core.loading import get_class, get_classes, get_model

from personalization.decide.active_snapshot import get_active_snapshot
from personalization.decide.list_campaigns import NO_FILTER, EngineFilter
from personalization.merchandising.search_rules import NO_SEARCH_RULES, SearchRules
from personalization.oscar.visits import parent_of
from personalization.rank import search_queries, spelling

Product = get_model("catalogue", "Product")
CategoryForm, SearchForm = get_classes("search.forms", ("CategoryForm", "SearchForm"))
base_sqs = get_class("search.facets", "base_sqs")

MAX_PROBES = 3
"""At most this many queries to the engine for one page without results."""
SLOW_SEARCH_SECONDS = 0.5
"""After this time no further query is sent: an engine that is down finds nothing either, and slowly."""


@dataclass(frozen=True)
class SearchRecovery:
    """Ways out of a search without results."""

    unfiltered: bool = False
    """Whether the query has results without its filters."""
    queries: tuple[str, ...] = ()
    """Known queries with results, the most similar first."""


class SynonymSearch(SearchQuerySet):
    """Mixed into the shop's own query set: a search in words looks for their synonyms, too."""

    search_rules = NO_SEARCH_RULES

    def auto_query(self, query_string: str, fieldname: str = "content") -> SearchQuerySet:
        """What the engine finds for these words, or for the same ones with synonyms in their place."""
        wordings = (*reversed(self.search_rules.alternatives(query_string)), query_string)
        if len(wordings) > 1 and isinstance(self.query, SimpleSearchQuery):
            return self._first_that_finds(reversed(wordings), fieldname)
        return self.filter(reduce(or_, (SQ(**{fieldname: AutoQuery(wording)}) for wording in wordings)))

    def _first_that_finds(self, wordings: Iterable[str], fieldname: str) -> SearchQuerySet:
        """Haystack's simple engine knows no "or": the first wording counts for which it finds anything."""
        searches = [self.filter(**{fieldname: AutoQuery(wording)}) for wording in wordings]
        return next((one for one in searches if one.count()), searches[0])

    def _clone(self, klass: Any = None) -> SearchQuerySet:
        clone = super()._clone(klass)
        clone.search_rules = self.search_rules
        return clone


def with_synonyms(found: SearchQuerySet, search_rules: SearchRules) -> SearchQuerySet:
    """The engine's query, which looks for synonyms once it is asked for words; unchanged where there are none."""
    if not search_rules.synonyms:
        return found
    wider = found._clone(_with_synonyms_mixed_in(found.__class__))
    wider.search_rules = search_rules
    return wider


@cache
def _with_synonyms_mixed_in(query_set: Any) -> Any:
    if issubclass(query_set, SynonymSearch):
        return query_set
    return SynonymSearch if query_set is SearchQuerySet else type(query_set.__name__, (SynonymSearch, query_set), {})


def search_keys(
    query: str, limit: int, wanted: EngineFilter = NO_FILTER, search_rules: SearchRules = NO_SEARCH_RULES
) -> list[int]:
    """The keys of the engine's first products, at most `limit`, in its order, as far as campaigns want them; a child
    stands for its parent.

    Empty when the engine is down: Haystack only logs that, unless SILENTLY_FAIL is off.
    """
    keys = _search_hits(query, limit, wanted, search_rules)
    parents = parent_of(keys)
    return list(dict.fromkeys(parents[key] for key in keys if key in parents))


def count_and_first(query: str, limit: int, search_rules: SearchRules) -> tuple[int, list[int]]:
    """(how many the engine finds, the keys of the first products, at most `limit`) for a search."""
    form = SearchForm({"q": query}, searchqueryset=with_synonyms(base_sqs(), search_rules), load_all=False)
    found = form.search()
    keys = [int(result.pk) for result in found[:limit] if result.model is Product]
    return found.count(), keys  # which it knows by now


def category_keys(category: Any, limit: int, wanted: EngineFilter = NO_FILTER) -> list[int]:
    """The keys of the first products, at most `limit`, that the engine lists on a category page, in its order, as far
    as campaigns want them."""
    below = category.get_descendants_and_self()
    form = CategoryForm(data={"q": ""}, searchqueryset=base_sqs(), load_all=False, categories=below)
    found = filter_for_campaigns(form.search(), wanted)
    return [int(result.pk) for result in found[:limit] if result.model is Product]


def filter_for_campaigns(found: SearchQuerySet, wanted: EngineFilter) -> SearchQuerySet:
    """The engine's query without what campaigns exclude, and with nothing but what they allow."""
    if wanted.without:
        found = found.exclude(django_id__in=list(map(str, wanted.without)))
    if wanted.only:
        found = found.filter(django_id__in=list(map(str, wanted.only)))
    return found


def recover_search(
    query: str, *, filtered: bool = False, search_rules: SearchRules = NO_SEARCH_RULES
) -> SearchRecovery:
    """Ways out of this search without results; `filtered` if it had filters."""
    if filtered and _queries_with_results([query[: search_queries.MAX_QUERY_LENGTH]], search_rules):
        return SearchRecovery(unfiltered=True)
    snapshot = get_active_snapshot()
    similar = search_queries.similar_queries(query, snapshot, MAX_PROBES - filtered) if snapshot else []
    return SearchRecovery(queries=tuple(_queries_with_results(similar, search_rules)))


def queries_without_results(queries: Iterable[str], search_rules: SearchRules = NO_SEARCH_RULES) -> list[str]:
    """Those of these queries for which the engine finds no product now, and that are not redirected; not those for
    which it was too slow."""
    return [query for query, found in queries_with_any_result(queries, search_rules).items() if not found]


def queries_with_any_result(queries: Iterable[str], search_rules: SearchRules = NO_SEARCH_RULES) -> dict[str, bool]:
    """{query: whether the engine finds a product for it now, or it is redirected} of these queries. The engine is asked
    for as long as SLOW_SEARCH_SECONDS, and what it was not asked is left out. Nothing where it finds nothing at all: it
    may be down."""
    started, found = time.monotonic(), dict[str, bool]()
    for query in queries:
        if time.monotonic() - started > SLOW_SEARCH_SECONDS:
            break
        found[query] = bool(search_rules.redirect(query) or _search_hits(query, 1, search_rules=search_rules))
    return found if any(found.values()) or not found or base_sqs().count() else {}


def correct_spelling(query: str, search_rules: SearchRules = NO_SEARCH_RULES) -> str | None:
    """What a query that the engine finds nothing for may have meant, if the engine finds something for that; else None.
    A word that has synonyms is spelt correctly.

    Without a query to the engine where the catalogue knows every word as it was typed.
    """
    snapshot, synonyms = get_active_snapshot(), search_rules.term_words
    if snapshot is None or not spelling.may_be_misspelt(query, snapshot, synonyms):
        return None
    if _search_hits(query, 1, search_rules=search_rules):
        return None
    correct = partial(spelling.corrected_queries, learned=snapshot, limit=MAX_PROBES, synonyms=synonyms)
    for suggest in (correct, _engine_suggestions):
        if found := _queries_with_results(suggest(query), search_rules, enough=1):
            return found[0]
    return None


def _engine_suggestions(query: str) -> list[str]:
    """The engine's own, where the shop has that on."""
    if not connections["default"].get_backend().include_spelling:
        return []
    suggestion = base_sqs().spelling_suggestion(query)
    return [suggestion] if suggestion and suggestion != query else []


def _queries_with_results(
    queries: Iterable[str], search_rules: SearchRules = NO_SEARCH_RULES, *, enough: int = MAX_PROBES
) -> list[str]:
    """Those of these queries that have a product among their first results; no more are looked for than `enough`."""
    first: dict[str, list[int]] = {}
    started = time.monotonic()
    for query in queries:
        found = sum(map(bool, first.values()))
        if found < enough and time.monotonic() - started < SLOW_SEARCH_SECONDS:
            first[query] = _search_hits(query, 1, search_rules=search_rules)
    existing = parent_of(key for keys in first.values() for key in keys)
    return [query for query, keys in first.items() if existing.keys() & keys]


def _search_hits(
    query: str, limit: int, wanted: EngineFilter = NO_FILTER, search_rules: SearchRules = NO_SEARCH_RULES
) -> list[int]:
    form = SearchForm({"q": query}, searchqueryset=with_synonyms(base_sqs(), search_rules), load_all=False)
    found = filter_for_campaigns(form.search(), wanted)
    return [int(result.pk) for result in found[:limit] if result.model is Product]
