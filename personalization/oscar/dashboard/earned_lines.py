"""What the last seven full days brought, for the overview."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from oscar.templatetags.currency_filters import currency as format_currency

from personalization.measure.reports import Filters, Outcome, Period, read_report, rows_by_added
from personalization.oscar.dashboard.report_screen import built_in_row_names, change_words, key_names, report_row_names
from personalization.shop import orders

DAYS = 7
BEST_ROWS, WORST_ROWS = 5, 3


@dataclass(frozen=True)
class RowLine:
    """A row, and how much of what was seen in it was put into baskets."""

    name: str
    added_share: float
    """Of a thousand cards seen."""


@dataclass(frozen=True)
class Earned:
    """Sentences and lines; "" and none where too little was bought or seen."""

    kept_after_clicks: str
    share: str
    change: str
    best: list[RowLine]
    worst: list[RowLine]


def earned_lines(today: date) -> Earned:
    """Three queries, and one more where rows of the shop's own were seen."""
    currency = settings.OSCAR_DEFAULT_CURRENCY
    period = Period(today - timedelta(days=DAYS), today - timedelta(days=1))
    report = read_report("row", period, Filters(), currency)
    before = read_report("surface", period.before(), Filters(), currency).total
    row_names = built_in_row_names()
    if any(code not in row_names for _surface, code in report.lines):
        row_names = report_row_names()
    names = key_names("row", report.lines, row_names)

    def row_lines(found: list[tuple[tuple[str, ...], Outcome]]) -> list[RowLine]:
        return [RowLine(names(key), outcome.added_share or 0.0) for key, outcome in found]

    best, worst = (row_lines(some) for some in rows_by_added(report.lines.items(), BEST_ROWS, WORST_ROWS))
    if not report.total.has_amounts:
        return Earned("", "", "", best, worst)
    shop_kept = orders.kept_value(*period.moments(), currency)
    share = ""
    if shop_kept > 0:
        percent = number_format(round(100 * report.total.kept_amount / shop_kept))
        share = _("That is %(percent)s %% of what was ordered in these days and neither cancelled nor returned.") % {
            "percent": percent
        }
    amount = format_currency(report.total.kept_amount, currency)
    return Earned(amount, share, change_words(report.total, before), best, worst)
