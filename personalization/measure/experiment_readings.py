"""From a stored season to its verdict: the plan, the sums of the last look, and what may be said of them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django.utils.timezone import get_default_timezone, localdate

from personalization.measure.experiment_plan import (
    DAYS_A_WEEK,
    ArmReading,
    ExperimentPlan,
    ExperimentReading,
    ManualStop,
    PlannedArm,
    PrimaryMetric,
)
from personalization.measure.guardrails import Guardrail, GuardrailBreach
from personalization.measure.sums import NO_UNITS, MetricSums, StrataSums
from personalization.measure.verdict import Verdict, judge_experiment
from personalization.merchandising.arm_words import arm_labels
from personalization.merchandising.assignment import HELD_OUT
from personalization.models import Season, SeasonEnd

DAYS_A_MONTH = 30
DEFAULT_LIFT = 0.05


def read_sums(stored: Sequence[float] | None) -> MetricSums:
    """Sums as a look keeps them."""
    return MetricSums(*stored) if stored else NO_UNITS


def read_strata(stored: Mapping[str, Sequence[float]]) -> StrataSums:
    """Sums of those whose past is known, and of the others, as a look keeps them."""
    return StrataSums(read_sums(stored.get("with_past")), read_sums(stored.get("without_past")))


def plan_of(season: Season) -> ExperimentPlan:
    """What a season set out to find."""
    document = season.document
    labels = arm_labels(document)
    arms = tuple(PlannedArm(arm["key"], labels[arm["key"]], arm["share"]) for arm in document["arms"])
    return ExperimentPlan(
        arms=arms,
        metric=PrimaryMetric(document["primary"]),
        started=started_on(season),
        weeks=document["weeks"],
        visitors=season.planned_units,
        smallest_lift=document.get("smallest_lift", DEFAULT_LIFT),
        floor=document.get("floor"),
        ends_early=arms[0].key != HELD_OUT,
    )


def started_on(season: Season) -> date:
    """The first full day of a season: a week is counted from it, in the shop's time zone."""
    started = localdate(season.started_at, get_default_timezone())
    at_midnight = day_start(started) == season.started_at
    return started if at_midnight else started + timedelta(days=1)


def day_start(day: date) -> datetime:
    """The moment at which a day begins in the shop."""
    return datetime.combine(day, time.min, get_default_timezone())


def reading_of(season: Season) -> ExperimentReading:
    """What was counted at the last look; before the first one, what was counted last."""
    looks = season.looks
    numbers = looks[-1] if looks else season.newest
    primary = season.document["primary"]
    by_arm = numbers.get("arms", {})
    arms = [_arm_reading(by_arm.get(arm["key"], {}), primary) for arm in season.document["arms"]]
    money = sum(one.get("kept", 0.0) for one in by_arm.values())
    young = sum(one.get("young", 0.0) for one in by_arm.values())
    return ExperimentReading(
        arms=tuple(arms),
        visitors_at_looks=tuple(_units(look) for look in looks),
        crossed=numbers.get("crossed", 0),
        breaches=_breaches(season),
        stopped=manual_stop(season),
        visitors_a_month=_visitors_a_month(season, numbers),
        returnable_share=young / money if money > 0 else 0.0,
    )


def judge_season(season: Season, today: date | None = None) -> tuple[Verdict, ...]:
    """The verdicts on a season, by its last look."""
    return judge_experiment(plan_of(season), reading_of(season), today or localdate(timezone=get_default_timezone()))


def _arm_reading(stored: Mapping[str, Any], primary: str) -> ArmReading:
    return ArmReading(
        orders=stored.get("orders", 0),
        primary=read_strata(stored.get(primary, {})),
        revenue=read_strata(stored.get("revenue", {})).total,
    )


def _units(numbers: Mapping[str, Any]) -> int:
    arms = numbers.get("arms", {}).values()
    return int(sum(read_strata(arm["conversion"]).total.n for arm in arms))


def _visitors_a_month(season: Season, numbers: Mapping[str, Any]) -> float | None:
    """Whom the change would reach: everybody, not only those who were assigned."""
    if not numbers:
        return None
    days = (datetime.fromisoformat(numbers["until"]) - season.started_at) / timedelta(days=1)
    assigned = sum(arm["share"] for arm in season.document["arms"])
    return _units(numbers) / assigned / days * DAYS_A_MONTH if days >= DAYS_A_WEEK else None


def _breaches(season: Season) -> tuple[GuardrailBreach, ...]:
    if not season.breach:
        return ()
    label = arm_labels(season.document).get(season.breach["arm"], "")
    guardrail = Guardrail(season.breach["guardrail"])
    return (GuardrailBreach(**{**season.breach, "guardrail": guardrail, "arm": label}),)


def manual_stop(season: Season) -> ManualStop | None:
    """Who stopped it before its time, and in which week; None where nobody did."""
    if season.end != SeasonEnd.STOPPED or season.ended_at is None:
        return None
    days = (localdate(season.ended_at, get_default_timezone()) - started_on(season)).days
    return ManualStop(season.stopped_by, max(days, 0) // DAYS_A_WEEK + 1)
