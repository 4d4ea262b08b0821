"""How good the forecast of customers was on the shop's own last days, in sentences for its owner."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from personalization.measure.number_words import format_percent

DAYS = 90
"""The horizon of all forecasts."""


def back_test_sentences(back_test: Mapping[str, Any] | None) -> Iterator[str]:
    """What the shop would have known 90 days ago, from `ValueRun.back_test`."""
    if back_test is None:
        yield _(
            "There is too little history to try a forecast on: it takes 120 days of orders, and customers who return."
        )
        return
    ways = back_test["ways"]
    forecast, last, points = ways["forecast"], ways["last_window"], ways["rfm"]
    yield _(
        "Of the money that came in the last 90 days, your predicted top fifth brought %(share)s %%. By points for "
        "recency, frequency and money it would have been %(points)s %%, with perfect knowledge %(ideal)s %%."
    ) % {
        "share": format_percent(forecast["top_fifth"]),
        "points": format_percent(points["top_fifth"]),
        "ideal": format_percent(forecast["ideal_top_fifth"]),
    }
    yield _total_sentence(forecast["total_ratio"])
    yield _(
        "The forecast of the days on which a customer orders was off by %(error)s on average; “as many as in the last "
        "90 days” by %(last)s."
    ) % {"error": _one_decimal(forecast["orders_error"]), "last": _one_decimal(last["orders_error"])}
    yield _(
        "Of a customer who ordered and one who did not, the one who did had the higher chance in %(percent)s %% of all "
        "pairs."
    ) % {"percent": format_percent(forecast["active_auc"])}
    yield _("For %(percent)s %% the day of the next order lay within the days that were to hold 80 %%.") % {
        "percent": format_percent(forecast["days_coverage"])
    }


def season_warning() -> str:
    """What no forecast knows."""
    return _("Forecasts are as if the coming 90 days were like the last ones: they know no season.")


def _total_sentence(ratio: float) -> str:
    percent = format_percent(ratio - 1)
    if percent == format_percent(0):
        return _("All customers together spent as much as was expected.")
    if ratio > 1:
        return _("All customers together were expected to spend %(percent)s %% more than they did.") % {
            "percent": percent
        }
    return _("All customers together were expected to spend %(percent)s %% less than they did.") % {"percent": percent}


def _one_decimal(value: float) -> str:
    return number_format(round(value, 1), 1, force_grouping=True)
