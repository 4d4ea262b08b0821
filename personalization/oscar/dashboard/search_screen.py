"""What shoppers search for, and what they search for in vain, each with what can be done about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.timezone import now
from django.views.decorators.http import require_GET

from personalization import conf
from personalization.decide.active_rules import get_active_rules
from personalization.merchandising.search_rules import SearchRules
from personalization.models import Event
from personalization.models.fail_open import fail_open
from personalization.oscar import search_engine
from personalization.oscar.dashboard.screens import show
from personalization.shop import search_log

SEARCH_PERIODS = (7, 28, 90)
"""Days."""
LISTED_SEARCHES = 50
CHECKED_SEARCHES = 25
"""As many of the most frequent searches are put to the engine."""


@dataclass(frozen=True)
class SearchLine:
    """A search as the list shows it."""

    count: search_log.SearchCount
    finds_nothing: bool | None
    """None where the engine was not asked."""
    is_redirected: bool
    has_synonyms: bool


@require_GET
def show_searches(request: HttpRequest) -> HttpResponse:
    """The most frequent searches of a period: first those without a result, then all."""
    chosen = request.GET.get("days", "")
    days = int(chosen) if chosen in map(str, SEARCH_PERIODS) else SEARCH_PERIODS[1]
    settings = conf.get_settings()
    context: dict[str, Any] = {
        "days": days,
        "periods": SEARCH_PERIODS,
        "least": settings.MIN_CUSTOMERS,
        "kept_days": settings.SEARCH_RETENTION_DAYS if days > settings.SEARCH_RETENTION_DAYS else None,
        "lines": None,
        "search_tab": "searches",
    }
    with fail_open("Counting searches for the dashboard", whole_page=True):
        context["lines"] = _search_lines(_frequent(days, settings.MIN_CUSTOMERS), get_active_rules().search)
        context["vain"] = [line for line in context["lines"] if line.finds_nothing]
        context["all_asked"] = all(line.finds_nothing is not None for line in context["lines"][:CHECKED_SEARCHES])
    return show(request, "searches", context, tab="searches")


def _frequent(days: int, least: int) -> list[search_log.SearchCount]:
    since = now() - timedelta(days=days)
    return search_log.frequent_searches(
        since, anonymous=Event.objects.anonymous_searches(since), min_people=least, limit=LISTED_SEARCHES
    )


def _search_lines(counts: Iterable[search_log.SearchCount], rules: SearchRules) -> list[SearchLine]:
    counts = list(counts)
    queries = [one.query for one in counts[:CHECKED_SEARCHES]]
    found = search_engine.queries_with_any_result(queries, rules)
    return [
        SearchLine(
            one,
            not found[one.query] if one.query in found else None,
            rules.redirect(one.query) is not None,
            bool(rules.alternatives(one.query)),
        )
        for one in counts
    ]
