"""The report about searches: what came of what was searched for, as a table and a file."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_GET
from oscar.templatetags.currency_filters import currency as format_currency

from personalization import conf
from personalization.decide.active_rules import get_active_rules
from personalization.measure import reports, search_outcomes, search_report
from personalization.measure.search_report import Money, SearchKind, SearchOutcome
from personalization.merchandising.search_rules import SearchRedirect, SearchRules, SynonymGroup
from personalization.oscar.dashboard.csv_files import csv_download, with_cents
from personalization.oscar.dashboard.report_screen import DEFAULT_DAYS, MAX_LINES, PeriodForm
from personalization.oscar.dashboard.screens import show


class SearchReportForm(PeriodForm):
    """Which days a report is about, and which words."""

    show = forms.ChoiceField(
        label=pgettext_lazy("personalization", "Searches"),
        required=False,
        choices=[
            (SearchKind.ALL, pgettext_lazy("personalization", "all")),
            (SearchKind.FINDS_NOTHING, pgettext_lazy("personalization", "finds nothing")),
            (SearchKind.NOT_CLICKED, pgettext_lazy("personalization", "is searched and not clicked")),
        ],
    )

    @property
    def kind(self) -> SearchKind:
        """Which words."""
        return SearchKind(self.cleaned_data.get("show") or "")


@dataclass(frozen=True)
class SearchOutcomeLine:
    """A line of the table: words, and what was kept in one currency."""

    outcome: SearchOutcome
    money: Money
    kept_amount: str
    """"" where too little was bought to say for how much."""
    is_more: bool = False
    """Whether it only says what was kept in one more currency."""
    synonym_address: str = ""
    """Where the synonyms of the words are changed; "" where they have none."""
    redirect_address: str = ""


@require_GET
def show_search_report(request: HttpRequest) -> HttpResponse:
    """The report that the address asks for; of the last four weeks, where it says nothing."""
    form = SearchReportForm(request.GET or {"days": str(DEFAULT_DAYS)})
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        period = form.period()
        found = search_report.read_search_rows(period, form.kind)
        listed = search_report.with_places(found[:MAX_LINES], period)
        context |= {
            "period": period,
            "lines": list(search_lines(listed, get_active_rules().search)),
            "more_lines": max(0, len(found) - MAX_LINES),
            "is_filtered": form.kind != SearchKind.ALL,
            "coverage": reports.read_coverage(period),
            "query": request.GET.urlencode(),
            "min_searches": search_report.MIN_SEARCHES,
            "min_clicks": search_report.MIN_PLACE_CLICKS,
            "min_lines": reports.MIN_LINES,
            "min_people": search_outcomes.MIN_PEOPLE,
            "most_words": search_outcomes.MOST_WORDS,
            "rarely": search_report.RARELY,
            "kept_days": conf.get_settings().SEARCH_RETENTION_DAYS,
        }
    return show(request, "search_report", context, tab="reports", status=200 if form.is_valid() else 400)


@require_GET
def download_search_report(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The report as a CSV file, with all its lines."""
    form = SearchReportForm(request.GET or {"days": str(DEFAULT_DAYS)})
    if not form.is_valid():
        return show(request, "search_report", {"form": form}, tab="reports", status=400)
    period = form.period()
    found = search_report.with_places(search_report.read_search_rows(period, form.kind), period)
    return csv_download("searches", _search_rows(found))


def _search_rows(found: Iterable[SearchOutcome]) -> Iterator[tuple[Any, ...]]:
    columns = ("query", "searches", "known_hits", "without_hits", "clicked", "added", "place")
    yield (*columns, "currency", "lines", "gross", "lost_amount", "kept_amount")
    for outcome in found:
        for number, (currency, money) in enumerate(_money_lines(outcome.money)):
            counts = SearchOutcome(outcome.query) if number else outcome
            amounts = map(with_cents, (money.gross, money.lost_amount, money.kept_amount))
            yield (*(getattr(counts, name) for name in columns), currency, money.lines, *amounts)


def search_lines(found: Iterable[SearchOutcome], rules: SearchRules) -> Iterator[SearchOutcomeLine]:
    """The lines of these words: one for each currency in which something was bought, the shop's own first."""
    for outcome in found:
        for currency, money in _money_lines(outcome.money):
            amount = format_currency(money.kept_amount, currency) if money.has_amounts else ""
            line = SearchOutcomeLine(outcome, money, amount, currency != settings.OSCAR_DEFAULT_CURRENCY)
            yield line if line.is_more else _with_addresses(line, rules)


def _money_lines(money: Mapping[str, Money]) -> list[tuple[str, Money]]:
    own = settings.OSCAR_DEFAULT_CURRENCY
    others = sorted((currency, one) for currency, one in money.items() if currency != own)
    return [(own, money.get(own, Money())), *others]


def _with_addresses(line: SearchOutcomeLine, rules: SearchRules) -> SearchOutcomeLine:
    query = line.outcome.query
    synonyms, redirect = rules.synonyms_of(query), rules.redirect(query)
    return replace(line, synonym_address=_address("synonym", synonyms), redirect_address=_address("redirect", redirect))


def _address(kind: str, rule: SynonymGroup | SearchRedirect | None) -> str:
    return reverse(f"personalization:personalization-{kind}", args=[rule.definition_id]) if rule else ""
