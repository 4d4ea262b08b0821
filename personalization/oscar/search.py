"""Asks the shop's own search engine, as its search page does."""

from oscar.core.loading import get_class, get_model

from personalization.oscar.visits import listed_as

Product = get_model("catalogue", "Product")
SearchForm = get_class("search.forms", "SearchForm")
base_sqs = get_class("search.facets", "base_sqs")


def found(query: str, limit: int) -> list[int]:
    """The keys of the first so many products that the engine finds, in its order; parents for children.

    Nothing when the engine is down: Haystack says so in the log only, unless SILENTLY_FAIL is off.
    """
    keys = _keys(query, limit)
    parents = listed_as(keys)
    return list(dict.fromkeys(parents[key] for key in keys if key in parents))


def _keys(query: str, limit: int) -> list[int]:
    form = SearchForm({"q": query}, searchqueryset=base_sqs(), load_all=False)
    return [int(result.pk) for result in form.search()[:limit] if result.model is Product]
