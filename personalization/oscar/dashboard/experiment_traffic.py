"""What an experiment can find with the traffic of the shop, in words: before it begins."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from personalization.measure.experiments import planned_choosers, planned_visitors
from personalization.measure.number_words import format_count, format_percent
from personalization.measure.sample_size import MAX_WEEKS_PLANNED, MIN_WEEKS
from personalization.measure.traffic import Traffic, read_choosers, read_traffic
from personalization.merchandising.assignment import HOLDOUT_SHARE, HOLDOUT_WEEKS, SOONER_SHARE
from personalization.merchandising.experiments import holdout_document, is_interleaved

HOLDOUT_LIFT = 0.2
"""The difference by which the two sizes of a holdout are compared."""
DOUBLE = 1.0


def possibilities_of(document: Mapping[str, Any], moment: datetime) -> list[str]:
    """What the plan of a document takes with the traffic of the weeks before a moment. One to three queries."""
    if is_interleaved(document):
        return describe_choosers(document, read_choosers(document["surfaces"], moment))
    return describe_possibilities(document, read_traffic(moment))


def describe_choosers(document: Mapping[str, Any], a_week: float) -> list[str]:
    """What the plan of two interleaved orders takes. Parameters: `a_week`, how many visitors choose from such lists."""
    needed, lead = planned_choosers(document), 50 + 100 * document["smallest_lift"]
    params = {"lead": format_count(lead), "visitors": format_count(needed)}
    words = _("To tell %(lead)s of 100 from half takes %(visitors)s visitors who choose more from one order.")
    found = [words % params]
    if a_week <= 0:
        return [*found, _("Nobody chose from these lists in the last four weeks, so how long it takes is unknown.")]
    weeks = max(math.ceil(needed / a_week), MIN_WEEKS)
    params = {"visitors": format_count(a_week), "weeks": format_count(min(weeks, MAX_WEEKS_PLANNED))}
    if weeks <= MAX_WEEKS_PLANNED:
        found.append(_("About %(visitors)s a week click in these lists: about %(weeks)s weeks.") % params)
    else:
        words = _("About %(visitors)s a week click in these lists: more than the %(weeks)s weeks that are possible.")
        found.append(words % params)
    if document["weeks"] < weeks:
        shown = 50 + 100 * document["smallest_lift"] * math.sqrt(needed / a_week / document["weeks"])
        words = _("In %(weeks)s weeks %(lead)s of 100 would show.")
        if shown < 100:  # else nothing would
            found.append(words % {"weeks": document["weeks"], "lead": format_count(math.ceil(shown))})
    return found


def describe_possibilities(document: Mapping[str, Any], usual: Traffic) -> list[str]:
    """What the plan of a document takes, and what it can show."""
    needed, lift = planned_visitors(document, usual), document["smallest_lift"]
    if document["primary"] == "conversion" and _is_beyond_all(lift, usual):
        return [_describe_beyond_all(lift, usual)]
    a_week = usual.visitors_a_week * sum(arm["share"] for arm in document["arms"])
    found = [
        _("A difference of %(lift)s %% takes %(visitors)s visitors in all groups together.")
        % {"lift": format_percent(lift), "visitors": format_count(needed)}
    ]
    if a_week <= 0:
        return [*found, _("Nobody who allows measuring came in the last four weeks, so how long it takes is unknown.")]
    weeks = max(math.ceil(needed / a_week), MIN_WEEKS)
    if weeks <= MAX_WEEKS_PLANNED:
        words = _("You have about %(visitors)s a week: about %(weeks)s weeks.")
        found.append(words % {"visitors": format_count(a_week), "weeks": format_count(weeks)})
    else:
        words = _("You have about %(visitors)s a week: more than the %(weeks)s weeks that are possible.")
        found.append(words % {"visitors": format_count(a_week), "weeks": MAX_WEEKS_PLANNED})
    if document["weeks"] < weeks:
        found.append(_describe_detectable(lift_shown(document, usual, document["weeks"]), document["weeks"]))
    found.append(
        _("Reckoned with %(percent)s %% of visitors who buy, and as if all of them came to these pages.")
        % {"percent": format_percent(usual.conversion, 1)}
    )
    return found


def describe_holdout_possibilities(usual: Traffic) -> list[str]:
    """What a holdout of either size can show, a sentence each."""
    if usual.visitors_a_week <= 0:
        return [_("Nobody who allows measuring came in the last four weeks: what it can show is unknown.")]
    words = _("You have about %(visitors)s visitors a week.") % {"visitors": format_count(usual.visitors_a_week)}
    if _is_beyond_all(HOLDOUT_LIFT, usual):
        return [words, _describe_beyond_all(HOLDOUT_LIFT, usual)]
    return [words, *(_describe_holdout_share(share, usual) for share in (HOLDOUT_SHARE, SOONER_SHARE))]


def _is_beyond_all(lift: float, usual: Traffic) -> bool:
    """Whether more visitors would have to buy than there are."""
    return usual.conversion * (1 + lift) > 1


def _describe_beyond_all(lift: float, usual: Traffic) -> str:
    params = {"percent": format_percent(usual.conversion, 1), "lift": format_percent(lift)}
    return _("%(percent)s %% of the visitors buy already: %(lift)s %% more are not possible.") % params


def lift_shown(document: Mapping[str, Any], usual: Traffic, weeks: int) -> float:
    """The smallest lift that so many weeks show: the visitors that it takes fall with the square of the lift."""
    visitors = usual.visitors_a_week * sum(arm["share"] for arm in document["arms"]) * weeks
    return float(document["smallest_lift"]) * math.sqrt(planned_visitors(document, usual) / visitors)


def _describe_holdout_share(share: float, usual: Traffic) -> str:
    document = {**holdout_document(share), "smallest_lift": HOLDOUT_LIFT}
    weeks = max(math.ceil(planned_visitors(document, usual) / usual.visitors_a_week), 1)
    params = {"share": format_percent(share), "season": HOLDOUT_WEEKS}
    if weeks <= HOLDOUT_WEEKS:
        words = ngettext(
            "%(share)s %% held back: %(lift)s %% more buyers would show after about %(weeks)s week.",
            "%(share)s %% held back: %(lift)s %% more buyers would show after about %(weeks)s weeks.",
            weeks,
        )
        return words % {**params, "weeks": weeks, "lift": format_percent(HOLDOUT_LIFT)}
    lift = lift_shown(document, usual, HOLDOUT_WEEKS)
    if lift > DOUBLE:
        words = _("%(share)s %% held back: a season of %(season)s weeks would not even show twice as many buyers.")
        return words % params
    words = _("%(share)s %% held back: a season of %(season)s weeks shows a difference of %(lift)s %% or more.")
    return words % {**params, "lift": format_percent(lift)}


def _describe_detectable(lift: float, weeks: int) -> str:
    if lift > DOUBLE:
        return _("In %(weeks)s weeks not even twice as much would show.") % {"weeks": weeks}
    return _("In %(weeks)s weeks a difference of %(lift)s %% would show.") % {
        "weeks": weeks,
        "lift": format_percent(lift),
    }
