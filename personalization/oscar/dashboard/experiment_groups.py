"""The numbers of the groups of a season, for its screen; what is below its floor is not shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils.formats import number_format
from django.utils.timezone import get_default_timezone, localdate

from personalization.measure.experiment_readings import read_strata, read_sums
from personalization.measure.number_words import format_count, format_percent
from personalization.measure.reports import MIN_LINES, MIN_SEEN
from personalization.measure.sums import MetricSums
from personalization.models import Season
from personalization.oscar.dashboard.experiment_words import (
    arm_label,
    describe_effect,
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


def reached_units(stored: Stored) -> float:
    """How many visitors of a group saw a page on which the groups differ, without those who saw several groups'."""
    return read_strata(stored.get("conversion", {})).total.n


def group_lines(season: Season, names: Mapping[int, str], *, is_misleading: bool) -> list[GroupLine]:
    """A line for each group. Parameters: `names` of what is compared; `is_misleading`, whether only sizes may be
    shown."""
    stored = newest_numbers(season).get("arms", {})
    return [
        _group_line(arm, stored.get(arm["key"], {}), names, is_misleading=is_misleading)
        for arm in season.document["arms"]
    ]


def look_lines(season: Season) -> list[LookLine]:
    """The looks so far, the first one first."""
    return [
        LookLine(
            week,
            localdate(datetime.fromisoformat(look["until"]), get_default_timezone()),
            format_count(sum(reached_units(arm) for arm in look["arms"].values())),
            format_count(sum(arm["orders"] for arm in look["arms"].values())),
        )
        for week, look in enumerate(season.looks, 1)
    ]


def _group_line(arm: Stored, stored: Stored, names: Mapping[int, str], *, is_misleading: bool) -> GroupLine:
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
        arm_label(arm),
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
