"""What an experiment must not break: watched every day, and stopped for, without waiting for its end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from math import sqrt

import numpy as np

from personalization.measure.always_valid import always_valid_minimum
from personalization.measure.comparison import ArmEstimate, absolute_difference

HARM_ALPHA = 0.01
"""How likely a harmless arm is stopped, at whatever moment, for each guardrail."""
MIN_HARM_EVENTS = 30
"""With fewer events in both arms together nothing is said: rare ones are not yet normally distributed."""
MAX_EXTRA_MILLISECONDS = 20.0
"""An arm's pages may cost this much more."""
SLOWEST, MIN_PAGES = 0.95, 1_000
"""The share of the pages that are quicker, and how many pages it takes to say so."""
BOUND_ERRORS = 3.5
"""The standard errors between a percentile and its bounds: daily looks of twelve weeks raise far fewer than one false
alarm in a hundred."""


class Guardrail(Enum):
    """What is watched; all but the first are better when lower."""

    PRIMARY = "primary"
    """The primary metric itself: "clearly worse"."""
    LOST_SHARE = "lost_share"
    NOT_INTERESTED = "not_interested"
    OPT_OUTS = "opt_outs"
    ZERO_RESULTS = "zero_results"
    SECOND_SEARCHES = "second_searches"
    PAGE_TIME = "page_time"
    UNSUBSCRIBES = "unsubscribes"
    COMPLAINTS = "complaints"


@dataclass(frozen=True)
class GuardrailBreach:
    """A guardrail that an arm broke."""

    guardrail: Guardrail
    arm: str
    """The label of the arm, or its key while it is stored; "" where there is only one besides the control."""
    ratio: float | None
    """The arm's value, in that of the control; None where the control's is 0."""
    extra_milliseconds: float = 0.0
    """Of PAGE_TIME, how much longer."""


def find_breach(
    guardrail: Guardrail,
    control: ArmEstimate | None,
    arm: ArmEstimate | None,
    *,
    label: str,
    events: float,
    tuned_for: float,
) -> GuardrailBreach | None:
    """The breach, where the arm is beyond doubt worse than the control; None where it is not, or not yet.

    Parameters: `label` of the arm; `events` that the two estimates count together, such as opt-outs or orders;
    `tuned_for`, the visitors planned for both arms.
    """
    better_when_lower = guardrail != Guardrail.PRIMARY
    worse_less_better = (control, arm) if better_when_lower else (arm, control)
    harm = absolute_difference(*worse_less_better)
    if control is None or arm is None or harm is None or events < MIN_HARM_EVENTS:
        return None
    if always_valid_minimum(harm, tuned_for=tuned_for, alpha=HARM_ALPHA) <= 0:
        return None
    return GuardrailBreach(guardrail, label, arm.mean / control.mean if control.mean > 0 else None)


def slowest_pages(milliseconds: Iterable[int | None]) -> list[float]:
    """The 95th percentile of how long pages took, with the bounds between which it lies beyond doubt, whoever looks how
    often: [pages, percentile, lower bound, upper bound]; [] for too few pages. The bounds are order statistics, so that
    nothing is supposed of how times spread."""
    taken = np.sort(np.array([one for one in milliseconds if one is not None], np.float64))
    if len(taken) < MIN_PAGES:
        return []
    spread = BOUND_ERRORS * sqrt(SLOWEST * (1 - SLOWEST) / len(taken))
    shares = np.clip([SLOWEST, SLOWEST - spread, SLOWEST + spread], 0, 1)
    return [len(taken), *np.quantile(taken, shares, method="nearest").tolist()]


def find_slow_pages(control: Sequence[float], arm: Sequence[float], *, label: str) -> GuardrailBreach | None:
    """The breach, where an arm's pages beyond doubt take too much longer. Parameters: of each, `slowest_pages`."""
    if not control or not arm or arm[2] - control[3] <= MAX_EXTRA_MILLISECONDS:
        return None
    ratio = arm[1] / control[1] if control[1] > 0 else None
    return GuardrailBreach(Guardrail.PAGE_TIME, label, ratio, arm[1] - control[1])
