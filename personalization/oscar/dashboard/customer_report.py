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
