"""What a scheduled run does: gives credit for new orders, corrects it, and counts the days that changed."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils.timezone import now as current_time

from personalization import conf
from personalization.measure import credit
from personalization.measure.campaign_outcomes import count_campaign_outcomes
from personalization.measure.experiments import ExperimentsResult, measure_experiments
from personalization.measure.message_effect import count_message_outcomes
from personalization.measure.newcomers import list_newcomers
from personalization.measure.row_order import OrderComparison, compare_row_orders, draw_row_order, store_comparison
from personalization.measure.search_outcomes import count_searches
from personalization.models import Credit, DailyTotal, RowDraw
from personalization.privacy.retention import ONE_DAY, day_bounds

RECENT = timedelta(hours=26)
"""An hourly run looks at the orders of so long."""


@dataclass(frozen=True)
class MeasureResult:
    """What a run did."""

    credited: int
    """How many order lines got credit, or a better one."""
    corrected: int
    """How many lost or regained money since."""
    days: int
    """How many days were counted anew."""
    experiments: ExperimentsResult = field(default_factory=ExperimentsResult)
    row_orders: OrderComparison | None = None
    """What the learned order of rows came to; None where there is none."""

    def __str__(self) -> str:
        text = f"{self.credited} order lines credited; {self.corrected} corrected; {self.days} days counted"
        parts = [text, self.experiments if self.experiments.seasons else None, self.row_orders]
        return "; ".join(str(part) for part in parts if part is not None)


def measure_outcomes(now: datetime | None = None, *, thorough: bool = True) -> MeasureResult:
    """Gives credit for orders and counts it.

    It may be killed at any point, repeated, and run twice at once.

    Parameters
    ----------
    thorough
        whether the orders of all days are looked at for which late events may have come, all that was credited in the
        last half year is compared with what became of it, searches, experiments and what messages earn are counted, the
        order of rows is learned: once a day. Else the orders of the last day are looked at: every hour.
    """
    moment = now or current_time()
    credited = credit.credit_recent_orders(moment, credit.LATE if thorough else RECENT)
    corrected = credit.sweep_losses(moment) if thorough else 0
    days = count_purchases()
    if not thorough:
        return MeasureResult(credited, corrected, days)
    list_newcomers(moment)
    count_searches(moment)
    count_message_outcomes(moment)
    count_campaign_outcomes(moment)
    return MeasureResult(credited, corrected, days, measure_experiments(moment), _learn_row_order(moment))


def _learn_row_order(moment: datetime) -> OrderComparison | None:
    if not conf.get_settings().ROW_ORDER_MAX_SHIFT:
        return None
    draw_row_order(moment)
    if not RowDraw.objects.exists():
        return None
    comparison = compare_row_orders(moment)
    store_comparison(comparison, moment)
    return comparison


def count_purchases() -> int:
    """Counts the days whose credits changed; returns how many."""
    days = Credit.objects.uncounted_days()
    for day in days:
        DailyTotal.objects.replace_purchases(day, day_bounds(day), day_bounds(day + ONE_DAY))
    return len(days)
