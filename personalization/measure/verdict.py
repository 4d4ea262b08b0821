"""The verdict on an experiment: a state, and the numbers that its sentence names. `verdict_words` tells it.

It tests the absolute difference of the primary metric against the spending bound of the look, and tells the lift by
Fieller's interval, which agrees with that test: see `comparison`.
"""

import math
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum
from typing import NamedTuple

from personalization.measure.adjustment import sharpen
from personalization.measure.comparison import (
    ArmEstimate,
    absolute_difference,
    estimate_mean,
    estimate_share,
    lift_interval,
)
from personalization.measure.experiment_plan import (
    DAYS_A_WEEK,
    MIN_ORDERS_FOR_MONEY,
    ArmReading,
    ExperimentPlan,
    ExperimentReading,
    ManualStop,
    PrimaryMetric,
)
from personalization.measure.guardrails import GuardrailBreach
from personalization.measure.sample_ratio import MISMATCH_P_VALUE, sample_ratio_p_value
from personalization.measure.sample_size import LOOKS_ALLOWANCE, visitors_needed
from personalization.measure.sequential_bounds import spending_bounds

CROSSED_WARNING, CROSSED_LIMIT = 0.02, 0.05
"""With more units in several arms than this the result is shown with a warning, and not at all."""


class VerdictState(Enum):
    """What can be said."""

    TOO_EARLY = "too_early"
    UNDECIDED = "undecided"
    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no_difference"
    """At the end: none that is worth having."""
    UNDECIDED_AT_END = "undecided_at_end"
    STOPPED = "stopped"
    """By hand, undecided."""
    GUARDRAIL_BROKEN = "guardrail_broken"
    SAMPLE_RATIO_MISMATCH = "sample_ratio_mismatch"
    TOO_MANY_CROSSED = "too_many_crossed"


class NumberRange(NamedTuple):
    """An interval and the best guess in it; an end is None where it is not known."""

    low: float | None = None
    guess: float | None = None
    high: float | None = None


UNKNOWN_RANGE = NumberRange()


@dataclass(frozen=True)
class Verdict:
    """On one arm against the control, or, where `arm` is "", on the experiment as a whole."""

    state: VerdictState
    metric: PrimaryMetric
    arm: str = ""
    """Its label; "" also where there is only one besides the control."""
    lift: NumberRange = UNKNOWN_RANGE
    """Relative: 0.1 for 10 % more than the control."""
    money: NumberRange | None = None
    """A month, in the shop's currency; None while undecided, with too few orders, or where not known."""
    is_over: bool = False
    """Whether it has ended, as planned or not."""
    today: date | None = None
    next_look: date | None = None
    ends: date | None = None
    orders: int = 0
    """Kept orders in the smaller arm, ..."""
    min_orders: int = 0
    """... of these that it takes."""
    weeks_needed: int | None = None
    """TOO_EARLY: until there are enough orders; UNDECIDED_AT_END: of a test that can find the smallest lift. None where
    not known."""
    smallest_lift: float = 0.0
    counts: tuple[float, ...] = ()
    """Exposed units of each arm."""
    crossed_share: float = 0.0
    extra_visitors: float | None = None
    """What the past of customers was worth, as a share of visitors more; None where it was not used."""
    returnable_share: float = 0.0
    breach: GuardrailBreach | None = None
    stopped: ManualStop | None = None


def judge_experiment(plan: ExperimentPlan, reading: ExperimentReading, today: date) -> tuple[Verdict, ...]:
    """One verdict for each arm but the control; a single one where something holds for all of them.

    1. Groups that are not what they should be make all numbers worthless.
    2. A broken guardrail stopped it.
    3. Each arm is compared with the control, if there are enough orders, by the bound of the last look.
    Raises ValueError when the reading has other arms than the plan.
    """
    if len(plan.arms) != len(reading.arms) or len(plan.arms) < 2:
        raise ValueError(f"The plan has {len(plan.arms)} arms, the reading {len(reading.arms)}; expected two or more.")
    verdict = _blank_verdict(plan, reading, today)
    obstacle = _find_obstacle(plan, reading)
    if obstacle is not None:
        breach = reading.breaches[0] if obstacle == VerdictState.GUARDRAIL_BROKEN else None
        return (replace(verdict, state=obstacle, breach=breach),)
    bound = _last_bound(plan, reading)
    labels = [arm.label if len(plan.arms) > 2 else "" for arm in plan.arms[1:]]
    control, *arms = reading.arms
    return tuple(
        _judge_arm(plan, reading, replace(verdict, arm=label), _Pair(control, arm), bound)
        for label, arm in zip(labels, arms, strict=True)
    )


class _Pair(NamedTuple):
    control: ArmReading
    arm: ArmReading

    @property
    def orders(self) -> int:
        return min(self.control.orders, self.arm.orders)

    @property
    def exposed(self) -> float:
        return self.control.exposed + self.arm.exposed


def _blank_verdict(plan: ExperimentPlan, reading: ExperimentReading, today: date) -> Verdict:
    weeks = len(reading.visitors_at_looks)
    return Verdict(
        VerdictState.UNDECIDED,
        plan.metric,
        is_over=_has_ended(plan, reading) or reading.stopped is not None or bool(reading.breaches),
        today=today,
        next_look=max(plan.look_day(weeks + 1), today),
        ends=plan.ends,
        min_orders=plan.min_orders,
        smallest_lift=plan.smallest_lift,
        counts=tuple(arm.exposed for arm in reading.arms),
        crossed_share=reading.crossed_share,
        returnable_share=reading.returnable_share,
        stopped=reading.stopped,
    )


def _has_ended(plan: ExperimentPlan, reading: ExperimentReading) -> bool:
    looks = reading.visitors_at_looks
    return bool(looks) and (len(looks) >= plan.weeks or (plan.ends_early and max(looks) >= plan.visitors))


def _find_obstacle(plan: ExperimentPlan, reading: ExperimentReading) -> VerdictState | None:
    counts, shares = [arm.exposed for arm in reading.arms], [arm.share for arm in plan.arms]
    p_value = sample_ratio_p_value(counts, shares)
    if p_value is not None and p_value < MISMATCH_P_VALUE:
        return VerdictState.SAMPLE_RATIO_MISMATCH
    if reading.crossed_share > CROSSED_LIMIT:
        return VerdictState.TOO_MANY_CROSSED
    return VerdictState.GUARDRAIL_BROKEN if reading.breaches else None


def _last_bound(plan: ExperimentPlan, reading: ExperimentReading) -> float:
    """On |z|, at the last look; infinity before the first."""
    fractions = tuple(visitors / max(plan.visitors, 1) for visitors in reading.visitors_at_looks)
    bounds = spending_bounds(fractions, plan.alpha, is_over=len(fractions) >= plan.weeks)
    return bounds[-1] if bounds else math.inf


def _judge_arm(
    plan: ExperimentPlan, reading: ExperimentReading, verdict: Verdict, pair: _Pair, bound: float
) -> Verdict:
    verdict = replace(verdict, orders=pair.orders)
    if not reading.visitors_at_looks or pair.orders < plan.min_orders:
        return _judge_too_few(plan, reading, verdict)
    control, arm, extra_visitors = _estimate_pair(plan.metric, pair)
    difference = absolute_difference(control, arm)
    if control is None or arm is None or difference is None:
        return replace(verdict, state=_undecided_state(verdict))
    lift = NumberRange(*lift_interval(control, arm, bound))
    if control.mean > 0:
        lift = NumberRange(lift[0], arm.mean / control.mean - 1, lift[1])
    verdict = replace(verdict, lift=lift, extra_visitors=extra_visitors)
    if abs(difference.z) > bound:
        state = VerdictState.BETTER if difference.estimate > 0 else VerdictState.WORSE
        return replace(verdict, state=state, money=_monthly_money(plan, reading, pair, bound))
    state = _undecided_state(verdict)
    if state == VerdictState.UNDECIDED_AT_END:
        return _judge_end(plan, reading, verdict, pair, control)
    return replace(verdict, state=state)


def _judge_too_few(plan: ExperimentPlan, reading: ExperimentReading, verdict: Verdict) -> Verdict:
    if verdict.is_over:
        return replace(verdict, state=_undecided_state(verdict))
    return replace(verdict, state=VerdictState.TOO_EARLY, weeks_needed=_weeks_to_floor(plan, reading, verdict))


def _weeks_to_floor(plan: ExperimentPlan, reading: ExperimentReading, verdict: Verdict) -> int | None:
    missing = plan.min_orders - verdict.orders
    if verdict.today is None or missing <= 0 or not verdict.orders:
        return None
    weeks = len(reading.visitors_at_looks) or max((verdict.today - plan.started).days, 1) / DAYS_A_WEEK
    return math.ceil(missing * weeks / verdict.orders)


def _undecided_state(verdict: Verdict) -> VerdictState:
    if verdict.stopped is not None:
        return VerdictState.STOPPED
    return VerdictState.UNDECIDED_AT_END if verdict.is_over else VerdictState.UNDECIDED


def _judge_end(
    plan: ExperimentPlan, reading: ExperimentReading, verdict: Verdict, pair: _Pair, control: ArmEstimate
) -> Verdict:
    low, _, high = verdict.lift
    if low is not None and high is not None and -plan.smallest_lift < low and high < plan.smallest_lift:
        return replace(verdict, state=VerdictState.NO_DIFFERENCE)
    weeks = None
    if control.mean > 0 and plan.smallest_lift > 0 and control.variance > 0:
        share = min(pair.control.exposed, pair.arm.exposed) / pair.exposed
        needed = visitors_needed(control.mean, control.variance, lift=plan.smallest_lift, share=share, alpha=plan.alpha)
        weeks = math.ceil(needed * LOOKS_ALLOWANCE * len(reading.visitors_at_looks) / pair.exposed)
    return replace(verdict, state=VerdictState.UNDECIDED_AT_END, weeks_needed=weeks)


def _estimate_pair(metric: PrimaryMetric, pair: _Pair) -> tuple[ArmEstimate | None, ArmEstimate | None, float | None]:
    """The estimates of both arms, sharpened where that is worth it, and then how much."""
    sharpened = sharpen(pair.control.primary, pair.arm.primary)
    if sharpened is not None and sharpened.is_worth_it:
        return sharpened.control, sharpened.arm, sharpened.extra_visitors
    estimate = estimate_share if metric == PrimaryMetric.CONVERSION else estimate_mean
    return estimate(pair.control.primary.total), estimate(pair.arm.primary.total), None


def _monthly_money(plan: ExperimentPlan, reading: ExperimentReading, pair: _Pair, bound: float) -> NumberRange | None:
    """The difference per visitor, times the visitors of a month."""
    if plan.metric == PrimaryMetric.CONVERSION:
        control, arm = estimate_mean(pair.control.revenue), estimate_mean(pair.arm.revenue)
    else:
        control, arm, _ = _estimate_pair(plan.metric, pair)
    difference = absolute_difference(control, arm)
    if difference is None or not reading.visitors_a_month or pair.orders < MIN_ORDERS_FOR_MONEY:
        return None
    low, high = difference.interval_within(bound)
    visitors = reading.visitors_a_month
    return NumberRange(low * visitors, difference.estimate * visitors, high * visitors)
