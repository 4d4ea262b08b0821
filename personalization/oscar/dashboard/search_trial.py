"""What a search would find with synonyms and redirects, beside what it finds without them."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from personalization.decide.active_rules import read_rules_now
from personalization.merchandising.search_rule_words import describe_page
from personalization.merchandising.search_rules import NO_SEARCH_RULES, SearchRules
from personalization.oscar import search_engine
from personalization.oscar.dashboard.screens import show
from personalization.shop import named_objects
from personalization.shop.search_targets import address_of

SHOWN_HITS = 5
MAX_TRIED = 4
"""Of a group of synonyms as many words are tried before it is published."""
MAX_QUERY = 100


@dataclass(frozen=True)
class FoundProducts:
    """What the engine finds."""

    count: int
    titles: tuple[str, ...]
    """Of the first ones."""


@dataclass(frozen=True)
class SearchTrial:
    """One search, before and after."""

    query: str
    without: FoundProducts
    within: FoundProducts
    alternatives: tuple[str, ...] = ()
    corrected: str = ""
    """What is searched for instead of a misspelt query."""
    page: str = ""
    """What it is redirected to, in words; "" where it is not redirected."""
    address: str = ""


@require_GET
def try_search(request: HttpRequest) -> HttpResponse:
    """A field, and what becomes of the search that is typed into it."""
    query = " ".join(request.GET.get("q", "").replace("\0", "").split())[:MAX_QUERY]
    trial = try_query(query, read_rules_now().search) if query else None
    return show(request, "search_trial", {"query": query, "trial": trial, "search_tab": "trial"}, tab="searches")


def try_query(query: str, rules: SearchRules) -> SearchTrial:
    """What becomes of a search. A few queries to the engine, and one for the titles of each list."""
    found = rules.redirect(query)
    address = address_of(found.target) if found else None
    without = _found_products(query, NO_SEARCH_RULES)
    corrected = "" if without.count else search_engine.correct_spelling(query, rules) or ""
    kind, key = found.target if found else ("path", "")
    names = named_objects.names_of([(kind, key)])
    return SearchTrial(
        query,
        without,
        _found_products(corrected or query, rules),
        rules.alternatives(corrected or query),
        corrected,
        describe_page({kind: key}, names) if address else "",
        address or "",
    )


def try_terms(terms: Iterable[str], before: SearchRules, after: SearchRules) -> list[SearchTrial]:
    """What searches for these words find before and after a change of the rules; the first ones of many."""
    return [
        SearchTrial(term, _found_products(term, before), _found_products(term, after), after.alternatives(term))
        for term in list(terms)[:MAX_TRIED]
    ]


def _found_products(query: str, rules: SearchRules) -> FoundProducts:
    count, keys = search_engine.count_and_first(query, SHOWN_HITS, rules)
    titles = named_objects.names_of(("product", str(key)) for key in keys)
    return FoundProducts(count, tuple(titles[pair] for key in keys if (pair := ("product", str(key))) in titles))
