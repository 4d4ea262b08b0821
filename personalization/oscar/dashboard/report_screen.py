"""The reports: what came of rows and campaigns, as a table, a chart and a file."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.formats import date_format, number_format
from django.utils.functional import lazy
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_GET
from oscar.templatetags.currency_filters import currency as format_currency

from personalization.decide.active_rules import get_active_rules
from personalization.lifecycle.kinds import registered_kinds
from personalization.measure import reports
from personalization.measure.reports import Filters, Key, Outcome, Period, Report
from personalization.merchandising.campaign_words import surface_labels
from personalization.merchandising.conflicts import products_of_campaign
from personalization.merchandising.row_keys import split_row_key
from personalization.models import DailyTotal, Definition, DefinitionKind
from personalization.models.credits import BLOCK_ROW, BLOCK_SURFACE
from personalization.oscar.dashboard.csv_files import csv_download, with_cents
from personalization.oscar.dashboard.learned_words import row_order_panel
from personalization.oscar.dashboard.message_forms import message_label
from personalization.oscar.dashboard.row_words import row_labels
from personalization.oscar.dashboard.screens import PlainSelects, show
from personalization.oscar.leave_bar import LEAVE_ROW
from personalization.oscar.offer_rows import OFFER_ROW
from personalization.rows import registered_row_types
from personalization.shop import account_records
from personalization.shop.currencies import own_currency

MAX_LINES = 200
"""A table shows as many, the best first; the file has all."""
DEFAULT_DAYS = 28
LIST_ROW = "results"
Choices = list[tuple[str, Any]]


def report_row_names() -> dict[str, str]:
    """What rows are called, the shop's own and content blocks among them, and the list of a page. One query."""
    named = Definition.objects.of_kinds([DefinitionKind.ROW, DefinitionKind.BLOCK]).only("kind", "key", "name")
    own = {f"{BLOCK_ROW}{one.pk}" if one.kind == "block" else split_row_key(one.key)[1]: one.name for one in named}
    return {**own, **built_in_row_names()}


def built_in_row_names() -> dict[str, str]:
    """What the rows that come with the app are called, the kinds of messages, the list of a page, and the bar of who is
    about to leave."""
    others = {
        LIST_ROW: pgettext("personalization", "the list"),
        OFFER_ROW: pgettext("personalization", "what completes an offer"),
        LEAVE_ROW: pgettext("personalization", "the bar before they leave"),
    }
    kinds = {name: message_label(kind) for name, kind in registered_kinds().items()}
    return {**others, **kinds, **row_labels(registered_row_types())}


def _report_surfaces() -> dict[str, str]:
    """The places that reports know."""
    return {**surface_labels(), BLOCK_SURFACE: pgettext("personalization", "Content blocks")}


def _surface_choices() -> Choices:
    return [("", pgettext("personalization", "all")), *_report_surfaces().items()]


def _campaign_choices() -> Choices:
    known = Definition.objects.of_kind(DefinitionKind.CAMPAIGN).order_by("name").values_list("pk", "name")
    return [("", pgettext("personalization", "all")), *((str(key), name) for key, name in known)]


class PeriodForm(PlainSelects):
    """Which days a report is about. They have a default."""

    days = forms.ChoiceField(
        label=pgettext_lazy("personalization", "Period"),
        required=False,
        choices=[
            ("28", pgettext_lazy("personalization", "28 days")),
            ("7", pgettext_lazy("personalization", "7 days")),
            ("91", pgettext_lazy("personalization", "13 weeks")),
            ("365", pgettext_lazy("personalization", "a year")),
            ("own", pgettext_lazy("personalization", "from … to …")),
        ],
    )
    first = forms.DateField(
        label=pgettext_lazy("personalization", "From"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "class": "no-widget-init"}),
    )
    last = forms.DateField(
        label=pgettext_lazy("personalization", "To"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "class": "no-widget-init"}),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        first, last = data.get("first"), data.get("last")
        if data.get("days") == "own" and not self.errors:
            if first is None or last is None:
                self.add_error("first" if first is None else "last", _("Choose the first and the last day."))
            elif first > last:
                self.add_error("last", _("The last day is before the first one."))
            elif (last - first).days >= reports.MAX_DAYS:
                self.add_error("last", _("A report covers at most %(days)d days.") % {"days": reports.MAX_DAYS})
        return data

    def period(self) -> Period:
        """Whole days up to yesterday, or those that were chosen."""
        data = self.cleaned_data
        if data.get("days") == "own":
            return Period(data["first"], data["last"])
        last = localdate() - timedelta(days=1)
        return Period(last - timedelta(days=int(data.get("days") or DEFAULT_DAYS) - 1), last)


class ReportForm(PeriodForm):
    """What a report is about. All of it has a default, so that the bare address is a report, too."""

    field_order = ("by",)
    by = forms.ChoiceField(
        label=pgettext_lazy("personalization", "Split by"),
        required=False,
        choices=[
            ("row", pgettext_lazy("personalization", "row")),
            ("surface", pgettext_lazy("personalization", "page")),
            ("campaign", pgettext_lazy("personalization", "campaign")),
            ("product", pgettext_lazy("personalization", "product")),
            ("segment", pgettext_lazy("personalization", "segment")),
            ("day", pgettext_lazy("personalization", "day")),
        ],
    )
    surface = forms.ChoiceField(
        label=pgettext_lazy("personalization", "Page"), required=False, choices=lazy(_surface_choices, list)
    )
    row = forms.ChoiceField(label=pgettext_lazy("personalization", "Row"), required=False)
    campaign = forms.ChoiceField(label=pgettext_lazy("personalization", "Campaign"), required=False)
    device = forms.ChoiceField(
        label=pgettext_lazy("personalization", "Device"),
        required=False,
        choices=[
            ("", pgettext_lazy("personalization", "all")),
            ("phone", pgettext_lazy("personalization", "Phone")),
            ("tablet", pgettext_lazy("personalization", "Tablet")),
            ("computer", pgettext_lazy("personalization", "Computer")),
        ],
    )
    people = forms.ChoiceField(
        label=pgettext_lazy("personalization", "People"),
        required=False,
        choices=[
            ("", pgettext_lazy("personalization", "all")),
            ("customers", pgettext_lazy("personalization", "Customers who are signed in")),
            ("visitors", pgettext_lazy("personalization", "Visitors who are not signed in")),
        ],
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.row_names = report_row_names()
        rows = sorted(self.row_names.items(), key=lambda pair: pair[1].casefold())
        self.fields["campaign"].choices = _campaign_choices()  # type: ignore[attr-defined]
        self.fields["row"].choices = [("", pgettext("personalization", "all")), *rows]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("by") in ("product", "segment") and not self.errors:
            if data.get("device") or data.get("people"):
                words = {
                    "product": _("By product there is no split by device or by people."),
                    "segment": _("By segment there is no split by device or by people."),
                }
                self.add_error("by", words[data["by"]])
            elif data["by"] == "product" and self.period().days > reports.MAX_PRODUCT_DAYS:
                too_long = _("By product a report covers at most %(days)d days.")
                self.add_error("days", too_long % {"days": reports.MAX_PRODUCT_DAYS})
        return data

    def filters(self) -> Filters:
        """Which totals are wanted."""
        data = self.cleaned_data
        return Filters(
            data["surface"],
            data["row"],
            int(data["campaign"]) if data["campaign"] else None,
            data["device"],
            {"customers": True, "visitors": False}.get(data["people"]),
        )

    @property
    def group(self) -> str:
        """By what it is split."""
        return self.cleaned_data.get("by") or "row"


@dataclass(frozen=True)
class Line:
    """A line of the table, in words."""

    name: str
    outcome: Outcome
    gross: str
    lost_amount: str
    kept_amount: str
    kept_per_thousand: str
    seen_only: str
    """"" where too little was bought to say for how much."""


@require_GET
def show_report(request: HttpRequest) -> HttpResponse:
    """The report that the address asks for; the last four weeks by row, where it says nothing."""
    form = ReportForm(request.GET or {"by": "row", "days": str(DEFAULT_DAYS)})
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        context |= _report_context(form)
        parameters = request.GET.copy()
        context["query"] = parameters.urlencode()
    return show(request, "report", context, tab="reports", status=200 if form.is_valid() else 400)


@require_GET
def download_report(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """A report as a CSV file, with all its lines."""
    form = ReportForm(request.GET or {"by": "row"})
    if not form.is_valid():
        return show(request, "report", {"form": form}, tab="reports", status=400)
    report = reports.read_report(form.group, form.period(), form.filters(), own_currency())
    names = key_names(form.group, _all_keys(report), form.row_names)
    return csv_download("report", _csv_rows(form.group, report, names))


def _csv_rows(group: str, report: Report, names: Callable[[Key], str]) -> Iterator[tuple[Any, ...]]:
    columns = ("seen", "clicks", "added", "lines", "pieces", "gross", "lost_amount", "kept_amount", "seen_only")
    yield (*reports.GROUPS[group], "name", "currency", *columns)
    for currency, lines in {own_currency(): report.lines, **report.foreign}.items():
        for key, outcome in reports.best_first(lines):
            yield (*key, names(key), currency, *(with_cents(getattr(outcome, name)) for name in columns))


def _report_context(form: ReportForm) -> dict[str, Any]:
    period, filters, currency = form.period(), form.filters(), own_currency()
    report = reports.read_report(form.group, period, filters, currency)
    both = Period(period.before().first, period.last)
    by_day = reports.read_report("day", both, filters, currency).lines
    before = sum((outcome for (day,), outcome in by_day.items() if day < period.first), Outcome())
    now = sum((outcome for (day,), outcome in by_day.items() if day >= period.first), Outcome())
    total = now if form.group == "segment" else report.total
    lines = lines_by_currency(form.group, report, currency)
    names = key_names(form.group, [key for key, _currency, _outcome in lines[:MAX_LINES]], form.row_names)
    return {
        "period": period,
        "group": form.group,
        "lines": [
            _line(_with_currency(names(key), name, currency), outcome, name) for key, name, outcome in lines[:MAX_LINES]
        ],
        "more_lines": max(0, len(lines) - MAX_LINES),
        "total": _line(_sum_label(form.group), total, currency),
        "change": change_words(total, before),
        "others": [
            _line(_with_currency(_sum_label(form.group), name, currency), one, name)
            for name, one in report.foreign_totals.items()
            if form.group != "segment"
        ],
        "too_few": report.too_few,
        "min_segment_people": reports.MIN_SEGMENT_PEOPLE,
        "chart": _chart(period, by_day, currency),
        "coverage": reports.read_coverage(period),
        "newest": DailyTotal.objects.newest_day(),
        "min_seen": reports.MIN_SEEN,
        "min_lines": reports.MIN_LINES,
        "campaign": filters.campaign,
        "row_order": row_order_panel(),
        "around": _around_campaign(filters.campaign, currency) if filters.campaign is not None else None,
    }


def lines_by_currency(group: str, report: Report, currency: str) -> list[tuple[Key, str, Outcome]]:
    """(key, currency, outcome) of all lines: by day or the best first in the shop's own currency, each followed by its
    lines in others; then what there is in others only."""
    own = sorted(report.lines.items()) if group == "day" else reports.best_first(report.lines)
    keys = dict.fromkeys([*(key for key, _outcome in own), *_all_keys(report)])
    in_order = sorted(keys) if group == "day" else keys
    currencies = {currency: report.lines, **report.foreign}
    return [(key, name, lines[key]) for key in in_order for name, lines in currencies.items() if key in lines]


def _all_keys(report: Report) -> list[Key]:
    return [key for lines in (report.lines, *report.foreign.values()) for key in lines]


def _with_currency(name: str, currency: str, own: str) -> str:
    return name if currency == own else f"{name} ({currency})"


def _sum_label(group: str) -> str:
    """Lines of segments are no sum."""
    return (
        pgettext("personalization", "All visitors") if group == "segment" else pgettext("personalization", "Together")
    )


def _around_campaign(key: int, currency: str) -> tuple[Line, Line] | None:
    """What came of a live campaign's products in as many full days before it began as since, at most seven; None where
    that is not known yet, or depends on the page. Two queries."""
    campaign = next((one for one in get_active_rules().campaigns if one.id == key), None)
    products = products_of_campaign(campaign) if campaign is not None else None
    if not products or len(products) > reports.MAX_COMPARED_PRODUCTS:
        return None
    definition = Definition.objects.get(pk=key)
    began = definition.starts_at or definition.published_at
    ended = [localdate(definition.ends_at)] if definition.ends_at else []
    last = min([localdate(), *ended]) - timedelta(days=1)
    periods = reports.periods_around(localdate(began), last) if began is not None else None
    if periods is None:
        return None
    outcomes = reports.read_products(products, periods, currency)
    before, after = (_line(_days_of(one), found, currency) for one, found in zip(periods, outcomes, strict=True))
    return before, after


def _days_of(period: Period) -> str:
    first, last = (date_format(day, "SHORT_DATE_FORMAT") for day in (period.first, period.last))
    return pgettext("personalization", "%(first)s to %(last)s") % {"first": first, "last": last}


def _line(name: str, outcome: Outcome, currency: str) -> Line:
    def amount(value: Decimal | None) -> str:
        return "" if value is None or not outcome.has_amounts else format_currency(value, currency)

    seen_only = format_currency(outcome.seen_only, currency) if outcome.seen_only else ""
    return Line(
        name,
        outcome,
        amount(outcome.gross),
        amount(outcome.lost_amount),
        amount(outcome.kept_amount),
        amount(outcome.kept_per_thousand),
        seen_only,
    )


def change_words(now: Outcome, before: Outcome) -> str:
    """How much more was kept than in as many days before, in words; "" where one of both is too little to say."""
    if not (now.has_amounts and before.has_amounts and before.kept_amount > 0):
        return ""
    percent = round(100 * (now.kept_amount / before.kept_amount - 1))
    if percent > 0:
        return _("%(percent)s %% more than in as many days before.") % {"percent": number_format(percent)}
    if percent < 0:
        return _("%(percent)s %% less than in as many days before.") % {"percent": number_format(-percent)}
    return _("As much as in as many days before.")


def _chart(period: Period, lines: Mapping[Key, Outcome], currency: str) -> dict[str, Any]:
    """What was kept each day, as bars with the same as text."""
    days = [period.first + timedelta(days=number) for number in range(period.days)]
    amounts = [max(lines[(day,)].kept_amount, Decimal(0)) if (day,) in lines else Decimal(0) for day in days]
    most = max(amounts)
    return {
        "bars": [float(100 * amount / most) if most else 0.0 for amount in amounts],
        "most": format_currency(most, currency),
        "has_any": bool(most),
        "days": [(day, format_currency(amount, currency)) for day, amount in zip(days, amounts, strict=True) if amount],
    }


def key_names(group: str, lines: Iterable[Key], row_names: Mapping[str, str]) -> Callable[[Key], str]:
    """What to call the key of a line; at most one query. Parameters: `row_names`, of `report_row_names`."""
    if group == "day":
        return lambda key: date_format(key[0], "SHORT_DATE_FORMAT")
    if group in ("row", "surface"):
        surfaces = _report_surfaces()
        return lambda key: " · ".join(
            [str(surfaces.get(key[0], key[0])), *(row_names.get(code, code) for code in key[1:])]
        )
    keys = [key[0] for key in lines]
    gone = pgettext("personalization", "something deleted")
    names: Mapping[int, str] = (
        dict(Definition.objects.filter(pk__in=keys).values_list("pk", "name"))
        if group in ("campaign", "segment")
        else account_records.product_titles(keys)
    )
    return lambda key: names.get(key[0], gone)
