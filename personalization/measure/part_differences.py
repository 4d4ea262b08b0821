"""What an experiment came to for parts of its visitors, such as those on phones: for questions, not for answers.

Whoever looks for a difference in many places finds one. So nothing is said before the end, each range is wide enough
for all of them together (Bonferroni), and none of them is a verdict.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from personalization.measure.comparison import Interval, absolute_difference, estimate_share
from personalization.measure.experiment_plan import ALPHA, MIN_ORDERS
from personalization.measure.sums import NO_UNITS, MetricSums
from personalization.models import Exposure, Season


class VisitorPart(StrEnum):
    """A part of the visitors, by what they were at their first page."""

    PHONES = "phones"
    LARGER_SCREENS = "larger_screens"
    CUSTOMERS = "customers"
    NO_ACCOUNT = "without_account"

    def has(self, exposure: Exposure) -> bool:
        """Whether a visitor is of this part."""
        return {
            VisitorPart.PHONES: exposure.device == "phone",
            VisitorPart.LARGER_SCREENS: exposure.device in ("tablet", "computer"),
            VisitorPart.CUSTOMERS: exposure.is_customer,
            VisitorPart.NO_ACCOUNT: not exposure.is_customer,
        }[self]


class PartDifference(NamedTuple):
    """An arm less the control within one part."""

    part: VisitorPart
    arm: str
    """Its key."""
    units: int
    """In both arms together."""
    interval: Interval | None
    """Of the difference of the shares of visitors who buy; None where too few do."""


def sum_parts(units: Iterable[Exposure]) -> dict[str, list[int]]:
    """{part: [visitors, those of them who bought]} of an arm, as looks keep it."""
    found = {part.value: [0, 0] for part in VisitorPart}
    for one in units:
        for part in VisitorPart:
            if part.has(one):
                found[part][0] += 1
                found[part][1] += one.orders > 0
    return found


def compare_parts(season: Season) -> list[PartDifference]:
    """All differences of a season that is over; none of one that runs, or was counted before there were any."""
    numbers: Mapping[str, Any] = season.looks[-1] if season.looks else season.newest
    by_arm = numbers.get("arms", {})
    control, *others = [arm["key"] for arm in season.document["arms"]]
    if season.ended_at is None or not by_arm.get(control, {}).get("parts"):
        return []
    alpha = ALPHA / (len(VisitorPart) * len(others))
    return [
        _compare(part, arm, [by_arm[key]["parts"][part] for key in (control, arm)], alpha)
        for part in VisitorPart
        for arm in others
    ]


def _compare(part: VisitorPart, arm: str, counts: list[list[int]], alpha: float) -> PartDifference:
    units = sum(count for count, _bought in counts)
    if min(bought for _count, bought in counts) < MIN_ORDERS:
        return PartDifference(part, arm, units, None)
    difference = absolute_difference(*(estimate_share(_shares(*one)) for one in counts))
    return PartDifference(part, arm, units, difference.interval(alpha) if difference else None)


def _shares(units: int, bought: int) -> MetricSums:
    return MetricSums(units, bought, bought) if units else NO_UNITS
