"""The report about customers: new, returning, won back, lost, and what each tenth is worth."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET
from oscar.templatetags.currency_filters import currency as format_currency

from personalization.measure import customer_report
from personalization.measure.customer_report import CustomerGroup, CustomerReport, GroupSums
from personalization.measure.number_words import format_percent
from personalization.measure.value_words import back_test_sentences, season_warning
from personalization.models import ValueRun
from personalization.models.fail_open import fail_open
from personalization.oscar.dashboard.expected_value import tier_names
from personalization.oscar.dashboard.report_screen import DEFAULT_DAYS, PeriodForm
from personalization.oscar.dashboard.screens import show

TOO_FEW = "\N{EN DASH}"


@require_GET
def show_customers(request: HttpRequest) -> HttpResponse:
    """The report of the period that the address asks for; of the last four weeks, where it says nothing."""
    form = PeriodForm(request.GET or {"days": str(DEFAULT_DAYS)})
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        period = form.period()
        context |= {"period": period, **_context(customer_report.read_customers(period))}
        with fail_open("Reading the forecast of customers for the dashboard", whole_page=True):
            context |= _expected_context(ValueRun.objects.latest_run())
        context["before"] = _context(customer_report.read_customers(period.before()))
    return show(request, "customer_report", context, tab="reports", status=200 if form.is_valid() else 400)


def _context(report: CustomerReport) -> dict[str, Any]:
    return {
        "groups": [(label, _describe(report.groups[group])) for group, label in group_labels().items()],
        "buyers": _describe(report.buyers),
        "tiers": list(zip(tier_labels(), map(_describe, report.tiers), strict=True)),
        "guest_orders": report.guest_orders,
        "guest_kept": _money(report.guest_kept) if report.guest_orders >= customer_report.MIN_CUSTOMERS else TOO_FEW,
        "lapsed_days": customer_report.LAPSED.days,
        "min_customers": customer_report.MIN_CUSTOMERS,
    }


def _expected_context(run: ValueRun | None) -> dict[str, Any]:
    """What is expected of all customers by tier, and how good such a forecast was on the last 90 days."""
    if run is None:
        return {}
    lines = []
    for tier, label in tier_names().items() if run.has_enough_history else ():
        customers, spend = run.expected.get(str(tier), [0, 0.0])
        shown = customers >= customer_report.MIN_CUSTOMERS
        amounts = (
            (_money(Decimal(str(spend))), _money(Decimal(str(spend)) / customers)) if shown else (TOO_FEW, TOO_FEW)
        )
        share = run.expected_share(tier)
        percent = TOO_FEW if not shown or share is None else f"{format_percent(share)} %"
        lines.append((label, customers, *amounts, percent))
    sentences = [*back_test_sentences(run.back_test), *([season_warning()] if run.back_test else [])]
    return {"expected_tiers": lines, "back_test": sentences, "value_run": run}


def group_labels() -> dict[CustomerGroup, str]:
    """What each group is called."""
    return {
        CustomerGroup.NEW: pgettext("personalization", "New: their first order"),
        CustomerGroup.RETURNING: pgettext("personalization", "Returning"),
        CustomerGroup.WON_BACK: pgettext("personalization", "Won back"),
        CustomerGroup.LAPSED: pgettext("personalization", "Lost"),
    }


def tier_labels() -> list[str]:
    """What each tier is called."""
    labels, before = [], 0
    for share in customer_report.TIERS:
        words = (
            pgettext("personalization", "the best %(share)d %%")
            if not before
            else pgettext("personalization", "the next %(share)d %%")
        )
        labels.append(words % {"share": share})
        before += share
    return labels


def _describe(sums: GroupSums) -> dict[str, Any]:
    each = sums.kept_each
    return {
        "customers": sums.customers,
        "orders": sums.orders,
        "kept": _money(sums.kept_amount) if sums.is_shown else TOO_FEW,
        "kept_each": TOO_FEW if each is None else _money(each),
    }


def _money(amount: Decimal) -> str:
    return str(format_currency(amount, settings.OSCAR_DEFAULT_CURRENCY))
