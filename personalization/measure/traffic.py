"""How many people come to a shop and buy, as far as that is known: what an experiment is planned by."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q

from personalization.models import Event, OrderVisitor, Visitor
from personalization.models.events import EventType
from personalization.shop import order_values

DAYS = 28
MIN_VISITORS = 100
"""With fewer visitors in that time their share of buyers is a guess, and the usual one is taken."""
USUAL_CONVERSION = 0.03
USUAL_ORDER = 50.0
"""In whichever currency: what is planned by it depends on the spread of orders only."""


@dataclass(frozen=True)
class Traffic:
    """A shop's last four weeks."""

    visitors_a_week: float
    """Who allow measuring."""
    conversion: float
    """The share of them who buy within four weeks; more than 0 and less than 1."""
    average_order: float


def read_traffic(now: datetime) -> Traffic:
    """The shop's traffic of the last four weeks. Three queries, none of which looks at every event."""
    since = now - timedelta(days=DAYS)
    lately = Event.objects.filter(visitor=OuterRef("pk"), occurred_at__gte=since, occurred_at__lt=now)
    visitors = Visitor.objects.filter(Exists(lately)).count()
    buyers = (
        OrderVisitor.objects.filter(placed_at__gte=since, placed_at__lt=now).values("visitor_id").distinct().count()
    )
    amounts = order_values.buyers_revenue(since, now)
    share = buyers / visitors if visitors >= MIN_VISITORS and buyers else USUAL_CONVERSION
    average = sum(amounts) / len(amounts) if amounts else USUAL_ORDER
    return Traffic(visitors / (DAYS / 7), min(max(share, 0.001), 0.9), average or USUAL_ORDER)


LISTS = {
    "search": Q(surface="search", row_key="results"),
    "category": Q(surface="category", row_key__startswith="results:"),
    "catalogue": Q(surface="category", row_key="results"),
}
"""How clicks in the lists of a surface are found."""


def read_choosers(surfaces: Iterable[str], now: datetime) -> float:
    """How many visitors a week click on something in the lists of these surfaces; of the last four weeks. One query."""
    since, lists = now - timedelta(days=DAYS), Q()
    for surface in surfaces:
        lists |= LISTS[surface]
    clicks = Event.objects.filter(lists, type=EventType.CLICK, is_suspected_bot=False)
    found = clicks.filter(occurred_at__gte=since, occurred_at__lt=now).values("visitor_id").distinct().count()
    return found / (DAYS / 7)
