"""What was learned from what is shown, in words: the order of rows, what it is worth, and what was seen too often."""

from dataclasses import dataclass

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from personalization import conf
from personalization.measure.row_order import MIN_CLICKS, OrderComparison
from personalization.models import RowOrderResult
from personalization.models.events import SEEN_DAYS


@dataclass(frozen=True)
class RowOrderPanel:
    """What the reports say of the learned order of rows."""

    sentence: str
    number: str = ""
    """How many more, or fewer, clicks it brought; "" where nothing is said."""
    band: str = ""
    since: str = ""
    """Since when it is counted."""


def row_order_panel() -> RowOrderPanel:
    """What the last nightly run found. One query."""
    if not conf.get_settings().ROW_ORDER_MAX_SHIFT:
        return RowOrderPanel(_("Off: rows stand in your order, as ROW_ORDER_MAX_SHIFT is 0."))
    last = RowOrderResult.objects.newest()
    if last is None or last.counted_since is None:
        return RowOrderPanel(
            _("Nothing was moved yet: it begins after 1,000 cards of rows were seen on a page, with the daily job.")
        )
    found = OrderComparison(last.drawn, last.shop)
    counted = pgettext("personalization", "Counted from %(first)s to %(last)s, at most four weeks.") % {
        "first": date_format(last.counted_since, "SHORT_DATE_FORMAT"),
        "last": date_format(last.date, "SHORT_DATE_FORMAT"),
    }
    if found.change is None:
        words = _("Too few yet: %(clicks)d of %(least)d clicks by the tenth of the visitors who see your order.")
        return RowOrderPanel(words % {"clicks": found.shop.clicks, "least": MIN_CLICKS}, since=counted)
    percent, margin = round(100 * found.change), round(100 * found.margin)
    return RowOrderPanel(
        _comparison_words(percent, margin),
        f"{percent:+d}\N{NO-BREAK SPACE}%",
        f"±\N{NO-BREAK SPACE}{margin}\N{NO-BREAK SPACE}%",
        counted,
    )


def _comparison_words(percent: int, margin: int) -> str:
    if abs(percent) <= margin:
        return _("That is within chance: it does not say yet whether the learned order is worth anything.")
    if percent > 0:
        return _("That is more than chance alone would bring: the learned order is better than yours.")
    return _("That is worse than chance alone would bring: set ROW_ORDER_MAX_SHIFT to 0, and rows stand in your order.")


def shift_words(places: int) -> str:
    """By how many places the learned order moved a row; "" where it did not."""
    if not places:
        return ""
    words = (
        ngettext(
            "The learned order has it %(places)d place higher than yours.",
            "The learned order has it %(places)d places higher than yours.",
            places,
        )
        if places > 0
        else ngettext(
            "The learned order has it %(places)d place lower than yours.",
            "The learned order has it %(places)d places lower than yours.",
            -places,
        )
    )
    return words % {"places": abs(places)}


def often_seen_words(times: int) -> str:
    """Why a product stands behind the others of its row. Parameters: `times`, from how often on it does."""
    words = _("Seen at least %(times)d times in %(days)d days, never touched: it stands behind the others of the row.")
    return words % {"times": times, "days": SEEN_DAYS}
