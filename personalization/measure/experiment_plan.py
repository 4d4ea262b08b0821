"""What an experiment sets out to find, fixed before it begins, and what has been counted since."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum

from personalization.measure.guardrails import GuardrailBreach
from personalization.measure.sums import NO_UNITS, MetricSums, StrataSums

ALPHA = 0.05
"""How likely a verdict is wrong where there is no difference, for all looks and all arms of an experiment together."""
MIN_ORDERS, MIN_ORDERS_FOR_MONEY = 30, 100
"""No verdict with fewer kept orders in the smaller arm: baskets are skewed, and with uneven arms false alarms come
from few of them."""
DAYS_A_WEEK = 7


class PrimaryMetric(Enum):
    """What decides an experiment. An average order never does: more small orders would look like a loss."""

    CONVERSION = "conversion"
    """The share of visitors with a kept order."""
    REVENUE = "revenue"
    """Kept revenue per visitor."""
    MARGIN = "margin"
    """Margin per visitor."""


@dataclass(frozen=True)
class PlannedArm:
    """One of two to four."""

    key: str
    label: str
    share: float
    """Of the units; only the proportions between arms count."""


@dataclass(frozen=True)
class ExperimentPlan:
    """One season of an experiment."""

    arms: tuple[PlannedArm, ...]
    """The first is the control."""
    metric: PrimaryMetric
    started: date
    """In the shop's zone, as all days here."""
    weeks: int
    """It ends after so many full weeks, each of which has a look, ..."""
    visitors: int
    """... or at the first look with so many exposed units in all arms together, unless it runs to its last week."""
    smallest_lift: float = 0.05
    """The smallest relative difference that is worth having."""
    floor: int | None = None
    """Kept orders in the smaller arm before there is a verdict; None for the metric's usual number."""
    ends_early: bool = True
    """Whether enough units end it. They do not end a holdout, whose season is a matter of fairness."""

    @property
    def min_orders(self) -> int:
        """The floor in force."""
        if self.floor is not None:
            return self.floor
        return MIN_ORDERS if self.metric == PrimaryMetric.CONVERSION else MIN_ORDERS_FOR_MONEY

    @property
    def alpha(self) -> float:
        """Of each comparison with the control."""
        return ALPHA / max(len(self.arms) - 1, 1)

    @property
    def ends(self) -> date:
        """The day of the last look."""
        return self.look_day(self.weeks)

    def look_day(self, week: int) -> date:
        """The day on which a full week is over, counted from 1."""
        return self.started + timedelta(days=DAYS_A_WEEK * week)


@dataclass(frozen=True)
class ArmReading:
    """One arm: exposed units that did not cross, from their first exposure on, all arms cut at the same age."""

    orders: int
    """Kept ones."""
    primary: StrataSums
    revenue: MetricSums = NO_UNITS
    """Kept revenue per visitor, capped; for the money per month where the primary metric is another."""

    @property
    def exposed(self) -> float:
        """How many units."""
        return self.primary.total.n


@dataclass(frozen=True)
class ManualStop:
    """Somebody ended it before its time."""

    name: str
    week: int
    """The week in which they did, from 1."""


@dataclass(frozen=True)
class ExperimentReading:
    """What was counted until the last look; before the first one, until today."""

    arms: tuple[ArmReading, ...]
    """In the order of the plan."""
    visitors_at_looks: tuple[int, ...] = ()
    """Exposed units of all arms together at the end of each full week so far."""
    crossed: int = 0
    """Units that were exposed to several arms, and are in none of the sums."""
    breaches: tuple[GuardrailBreach, ...] = ()
    stopped: ManualStop | None = None
    visitors_a_month: float | None = None
    """Visitors whom the change would reach; for the money per month."""
    returnable_share: float = 0.0
    """The part of the money whose orders are young enough to be returned."""

    @property
    def crossed_share(self) -> float:
        """Of all exposed units."""
        exposed = sum(arm.exposed for arm in self.arms)
        return self.crossed / (exposed + self.crossed) if self.crossed else 0.0
