"""What a change of what counts would have cost, in sentences, in the active language."""

from collections.abc import Callable

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from personalization.measure.back_test import MIN_PEOPLE
from personalization.measure.number_words import format_count, format_percent
from personalization.measure.objective_cost import LikelyChange, ObjectiveCost

FEW_UNKNOWN = 0.005
"""Of fewer purchases than this part nothing is said of missing costs."""


def describe_objective_cost(cost: ObjectiveCost, format_money: Callable[[float], str]) -> str:
    """What it would have cost, and brought, and what stands there, in a few sentences."""
    more = [_shown_words(cost, format_money), _unknown_words(cost)] if cost.orders is not None else []
    return " ".join(filter(None, [describe_cost_changes(cost), *more]))


def describe_cost_changes(cost: ObjectiveCost) -> str:
    """What it would have cost, and brought, in a sentence or two."""
    if not cost.people:
        return _("Nothing of what was ordered stands on these pages, so nothing can be said.")
    if cost.is_too_small or cost.orders is None:
        params = {"people": format_count(cost.people), "floor": format_count(MIN_PEOPLE)}
        return _("Too few yet: %(people)s of at least %(floor)s customers chose anything there.") % params
    orders = pgettext("personalization", "Expected orders: %(change)s.") % {"change": change_words(cost.orders)}
    return f"{orders} {_margin_words(cost)}"


def objective_cost_limits() -> list[str]:
    """What such a back-test cannot say, a sentence or two each."""
    return [
        _(
            "Expected orders are later purchases, each counted by the place where it would have stood: the first place "
            "counts 1, the second 0.63, the ninth 0.3. That people buy less of what stands lower is assumed."
        ),
        _(
            "What would be bought because it stands higher is not in it: margin can come out better than it says, and "
            "nobody knows by how much before an experiment."
        ),
        _(
            "Costs, prices, stock and the best customers are those of today. What sold well in these weeks is "
            "scarcer today than it was: clearing and protecting stock may look worse here than they are."
        ),
    ]


def change_words(change: LikelyChange) -> str:
    """By how much, and how sure that is."""
    numbers = {"change": _signed(change.estimate), "low": _signed(change.low), "high": _signed(change.high)}
    if change.low == change.high:
        return numbers["change"]
    if change.is_clear:
        return pgettext("personalization", "%(change)s (between %(low)s and %(high)s)") % numbers
    return pgettext("personalization", "%(change)s (between %(low)s and %(high)s: too little to tell)") % numbers


def _signed(share: float) -> str:
    text = format_percent(share, 1)
    sign = "" if text == format_percent(0, 1) else "\N{MINUS SIGN}" if share < 0 else "+"
    return f"{sign}{text}\N{NO-BREAK SPACE}%"


def _margin_words(cost: ObjectiveCost) -> str:
    if not cost.with_margin:
        return _("Of nothing that was ordered it is known what it costs, so nothing can be said of margin.")
    if cost.margin is None:
        return _("Too few orders of which costs are known, or they earn nothing: nothing can be said of margin.")
    return pgettext("personalization", "Their margin: %(change)s.") % {"change": change_words(cost.margin)}


def _shown_words(cost: ObjectiveCost, format_money: Callable[[float], str]) -> str:
    if cost.shown_before is None or cost.shown_after is None:
        return ""
    before, after = format_money(cost.shown_before), format_money(cost.shown_after)
    if before == after:
        return _("What stands there would earn %(before)s a piece on average, as now.") % {"before": before}
    words = _("What stands there would earn %(after)s a piece on average instead of %(before)s.")
    return words % {"after": after, "before": before}


def _unknown_words(cost: ObjectiveCost) -> str:
    if not cost.with_margin or cost.unknown_share < FEW_UNKNOWN:
        return ""
    words = _("Of %(percent)s %% of these purchases the cost is not known: they count for orders, and not for margin.")
    return words % {"percent": format_percent(cost.unknown_share)}
