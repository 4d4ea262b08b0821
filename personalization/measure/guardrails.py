"""What an experiment must not break: watched every day, and stopped for, without waiting for its end."""

from dataclasses import dataclass
from enum import Enum

from personalization.measure.always_valid import always_valid_minimum
from personalization.measure.comparison import ArmEstimate, absolute_difference

HARM_ALPHA = 0.01
"""How likely a harmless arm is stopped, at whatever moment, for each guardrail."""
MIN_HARM_EVENTS = 30
"""With fewer events in both arms together nothing is said: rare ones are not yet normally distributed."""
MAX_EXTRA_MILLISECONDS = 20.0
"""An arm's pages may cost this much more."""


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


def find_slow_pages(control: float, arm: float, *, label: str) -> GuardrailBreach | None:
    """The breach, where an arm's pages take too much longer. Parameters: for each arm the 95th percentile of our time
    on a page, in milliseconds, over enough pages that it is steady."""
    extra = arm - control
    if extra <= MAX_EXTRA_MILLISECONDS:
        return None
    return GuardrailBreach(Guardrail.PAGE_TIME, label, arm / control if control > 0 else None, extra)
