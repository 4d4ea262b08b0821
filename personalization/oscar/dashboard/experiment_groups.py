"""The numbers of the groups of a season, for its screen; what is below its floor is not shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils.formats import number_format
from django.utils.timezone import get_default_timezone, localdate
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from personalization.measure.choice_counts import ADDS, CLICKS, NO_CHOICES
from personalization.measure.experiment_readings import read_strata, read_sums
from personalization.measure.number_words import format_count, format_percent
from personalization.measure.part_differences import PartDifference, VisitorPart, compare_parts
from personalization.measure.reports import MIN_LINES, MIN_SEEN
from personalization.measure.sums import MetricSums
from personalization.merchandising.arm_words import arm_labels
from personalization.models import Season
from personalization.oscar.dashboard.experiment_words import (
    describe_effect,
    describe_order,
    format_money,
    newest_numbers,
)

Stored = Mapping[str, Any]
TOO_FEW = "\N{EN DASH}"


@dataclass(frozen=True)
class GroupLine:
    """A group in numbers; TOO_FEW for what too few people stand behind."""

    arm: str
    """Its key."""
    label: str
    effect: str
    share: str
    """Of all visitors who are measured, in percent."""
    reached: str
    orders: str
    conversion: str
    revenue: str
    """Kept revenue per visitor, up to the cap."""
    uncapped: str
    average_order: str
    lost_share: str
    not_interested: str
    """Of a thousand visitors; as are opt-outs."""
    opt_outs: str


@dataclass(frozen=True)
class LookLine:
    """What was counted at one weekly look."""

    week: int
    day: date
    reached: str
    orders: str
    """Kept ones; of interleaved orders instead how many visitors chose anything."""


def reached_units(stored: Stored) -> float:
    """How many visitors of a group saw a page on which the groups differ, without those who saw several groups'."""
    return read_strata(stored.get("conversion", {})).total.n


def season_reach(stored: Stored) -> float:
    """How many visitors of all groups saw such a page."""
    return float(stored.get("units", sum(reached_units(arm) for arm in stored.get("arms", {}).values())))


@dataclass(frozen=True)
class OrderLine:
    """One of two interleaved orders in numbers."""

    arm: str
    """Its key."""
    label: str
    origin: str
    """How it comes about."""
    chosen: str
    """In how many weeks of visitors more was chosen from it."""
    clicks: str
    adds: str
    can_be_set: bool
    """Whether a setting of the shop makes it everybody's."""


def order_lines(season: Season, *, is_misleading: bool) -> list[OrderLine]:
    """A line for each of the two orders."""
    stored, labels = newest_numbers(season), arm_labels(season.document)
    signs, totals = stored.get("signs", [0, 0, 0]), stored.get("totals", NO_CHOICES)

    def written(count: float) -> str:
        return TOO_FEW if is_misleading else format_count(count)

    return [
        OrderLine(
            arm["key"],
            labels[arm["key"]],
            describe_order(arm["does"]),
            written(signs[place]),
            written(totals[CLICKS + place]),
            written(totals[ADDS + place]),
            "policy" in arm["does"],
        )
        for place, arm in enumerate(season.document["arms"])
    ]


def group_lines(season: Season, names: Mapping[int, str], *, is_misleading: bool) -> list[GroupLine]:
    """A line for each group. Parameters: `names` of what is compared; `is_misleading`, whether only sizes may be
    shown."""
    stored, labels = newest_numbers(season).get("arms", {}), arm_labels(season.document)
    return [
        _group_line(arm, labels[arm["key"]], stored.get(arm["key"], {}), names, is_misleading=is_misleading)
        for arm in season.document["arms"]
    ]


@dataclass(frozen=True)
class PartLine:
    """A part of the visitors, such as those on phones, after the end."""

    label: str
    arm: str
    """Which group is compared with the first one; "" where there is only one besides."""
    units: str
    difference: str


def part_lines(season: Season, *, is_misleading: bool) -> list[PartLine]:
    """A line for each part of the visitors of a season that is over, and each group but the first."""
    labels, found = arm_labels(season.document), [] if is_misleading else compare_parts(season)
    several = len(labels) > 2
    return [
        PartLine(part_labels()[one.part], labels[one.arm] if several else "", format_count(one.units), _part_words(one))
        for one in found
    ]


def part_labels() -> dict[VisitorPart, str]:
    """What the parts of the visitors are called."""
    return {
        VisitorPart.PHONES: pgettext("personalization", "on phones"),
        VisitorPart.LARGER_SCREENS: pgettext("personalization", "on larger screens"),
        VisitorPart.CUSTOMERS: pgettext("personalization", "signed in"),
        VisitorPart.NO_ACCOUNT: pgettext("personalization", "not signed in"),
    }


def _part_words(one: PartDifference) -> str:
    if one.interval is None:
        return pgettext("personalization", "too few yet")
    low, high = (number_format(round(abs(100 * end), 1), 1) for end in one.interval)
    if one.interval[0] > 0:
        words = _("between %(low)s and %(high)s more of 100 visitors buy")
    elif one.interval[1] < 0:
        low, high = high, low
        words = _("between %(low)s and %(high)s fewer of 100 visitors buy")
    else:
        words = _("between %(low)s fewer and %(high)s more of 100 visitors buy")
    return words % {"low": low, "high": high}


def look_lines(season: Season) -> list[LookLine]:
    """The looks so far, the first one first. Of interleaved orders: how many visitors chose."""
    return [
        LookLine(
            week,
            localdate(datetime.fromisoformat(look["until"]), get_default_timezone()),
            format_count(season_reach(look)),
            format_count(look.get("choosers", sum(arm["orders"] for arm in look["arms"].values()))),
        )
        for week, look in enumerate(season.looks, 1)
    ]


def _group_line(arm: Stored, label: str, stored: Stored, names: Mapping[int, str], *, is_misleading: bool) -> GroupLine:
    units, orders = reached_units(stored), stored.get("orders", 0)
    is_enough = units >= MIN_SEEN and not is_misleading
    has_amounts = is_enough and orders >= MIN_LINES

    def share_of(sums: MetricSums) -> str:
        return f"{format_percent(sums.y / sums.n, 1)} %" if is_enough else TOO_FEW

    def amount_of(sums: MetricSums, count: float) -> str:
        return format_money(sums.y / count) if has_amounts and count else TOO_FEW

    def of_thousand(sums: MetricSums) -> str:
        return number_format(round(1000 * sums.y / sums.n, 1), 1) if is_enough else TOO_FEW

    def ratio_of(sums: MetricSums) -> str:
        return f"{format_percent(sums.y / sums.x, 1)} %" if has_amounts and sums.x else TOO_FEW

    revenue, uncapped = read_strata(stored.get("revenue", {})).total, read_sums(stored.get("uncapped"))
    order_value = read_sums(stored.get("order_value"))
    return GroupLine(
        arm["key"],
        label,
        describe_effect(arm["does"], names),
        f"{format_percent(arm['share'])} %",
        format_count(units),
        TOO_FEW if is_misleading else format_count(orders),
        share_of(read_strata(stored.get("conversion", {})).total),
        amount_of(revenue, revenue.n),
        amount_of(uncapped, uncapped.n),
        amount_of(order_value, order_value.x),
        ratio_of(read_sums(stored.get("lost_share"))),
        of_thousand(read_sums(stored.get("not_interested"))),
        of_thousand(read_sums(stored.get("opt_outs"))),
    )
