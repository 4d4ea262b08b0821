"""The verdict on two interleaved orders: from which of them visitors choose more often. Never what that is worth.

The sign test by unit of `preference`, at the weekly bounds of all experiments.
"""

import math
from dataclasses import dataclass, replace
from datetime import date
from itertools import accumulate
from typing import NamedTuple

from personalization.measure.experiment_plan import ExperimentPlan, ManualStop
from personalization.measure.preference import PreferenceSums
from personalization.measure.sample_ratio import MISMATCH_P_VALUE, chi_square_tail
from personalization.measure.sample_size import LOOKS_ALLOWANCE, choosers_needed
from personalization.measure.sequential_bounds import spending_bounds
from personalization.measure.verdict import UNKNOWN_RANGE, NumberRange, VerdictState

MIN_CHOOSERS = 100
"""No verdict with fewer visitors who chose anything: of 60 whose orders did not differ 7.5 % were called different."""
HALF = 0.5


class InterleavedReading(NamedTuple):
    """What was counted until the last look; before the first one, until today."""

    choosers: int
    """Visitors who chose anything that counts."""
    preference: PreferenceSums
    leads: PreferenceSums
    """How often a card of the second order stood first instead of one of the first."""
    information_at_looks: tuple[float, ...] = ()
    """See `PreferenceSums.information`."""
    stopped: ManualStop | None = None


@dataclass(frozen=True)
class InterleavedVerdict:
    """What can be said of two orders."""

    state: VerdictState
    """BETTER where visitors choose from the second order more often, WORSE where from the first."""
    share: NumberRange = UNKNOWN_RANGE
    """Of the weeks of visitors who chose anything, the part that chose more from the second; ties count half."""
    choosers: int = 0
    min_choosers: int = MIN_CHOOSERS
    smallest_lead: float = 0.05
    """The smallest distance from half that is worth having."""
    is_over: bool = False
    weeks_needed: int | None = None
    """UNDECIDED_AT_END: of a test that finds the smallest lead; None where not known."""
    today: date | None = None
    next_look: date | None = None
    ends: date | None = None
    stopped: ManualStop | None = None


def judge_interleaving(plan: ExperimentPlan, reading: InterleavedReading, today: date) -> InterleavedVerdict:
    """The verdict by the last look.

    1. Where both orders did not lead equally often, which a coin decides, no number can be trusted.
    2. Else the share of the second order is told with the bound of the look, if enough visitors chose.
    """
    looks = reading.information_at_looks
    has_ended = bool(looks) and (len(looks) >= plan.weeks or max(looks) >= plan.visitors)
    verdict = InterleavedVerdict(
        VerdictState.UNDECIDED,
        choosers=reading.choosers,
        smallest_lead=plan.smallest_lift,
        is_over=has_ended or reading.stopped is not None,
        today=today,
        next_look=max(plan.look_day(len(looks) + 1), today),
        ends=plan.ends,
        stopped=reading.stopped,
    )
    if _leads_are_uneven(reading.leads):
        return replace(verdict, state=VerdictState.SAMPLE_RATIO_MISMATCH)
    if not looks or reading.choosers < verdict.min_choosers:
        state = _undecided_state(verdict) if verdict.is_over else VerdictState.TOO_EARLY
        return replace(verdict, state=state)
    bound = _last_bound(plan, looks)
    verdict = replace(verdict, share=_share_within(reading.preference, bound))
    z = reading.preference.z
    if z is not None and abs(z) > bound:
        return replace(verdict, state=VerdictState.BETTER if z > 0 else VerdictState.WORSE)
    return _judge_undecided(plan, looks, verdict)


def _judge_undecided(plan: ExperimentPlan, looks: tuple[float, ...], verdict: InterleavedVerdict) -> InterleavedVerdict:
    verdict = replace(verdict, state=_undecided_state(verdict))
    if verdict.state != VerdictState.UNDECIDED_AT_END:
        return verdict
    low, _guess, high = verdict.share
    lead = plan.smallest_lift
    if low is not None and high is not None and HALF - lead < low and high < HALF + lead:
        return replace(verdict, state=VerdictState.NO_DIFFERENCE)
    needed = choosers_needed(lead) * LOOKS_ALLOWANCE
    return replace(verdict, weeks_needed=math.ceil(needed * len(looks) / max(*looks, 1.0)))


def _undecided_state(verdict: InterleavedVerdict) -> VerdictState:
    if verdict.stopped is not None:
        return VerdictState.STOPPED
    return VerdictState.UNDECIDED_AT_END if verdict.is_over else VerdictState.UNDECIDED


def _leads_are_uneven(leads: PreferenceSums) -> bool:
    z = leads.z
    return z is not None and leads.squares >= MIN_CHOOSERS and chi_square_tail(z * z, 1) < MISMATCH_P_VALUE


def _last_bound(plan: ExperimentPlan, looks: tuple[float, ...]) -> float:
    """On |z|, at the last look."""
    fractions = tuple(units / max(plan.visitors, 1) for units in accumulate(looks, max))
    return spending_bounds(fractions, plan.alpha, is_over=len(looks) >= plan.weeks)[-1]


def _share_within(preference: PreferenceSums, bound: float) -> NumberRange:
    interval = preference.interval_within(bound) if math.isfinite(bound) else None
    return UNKNOWN_RANGE if interval is None else NumberRange(interval[0], preference.share_of_b, interval[1])
