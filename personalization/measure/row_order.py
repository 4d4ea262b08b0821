"""What rows are worth, learned from totals: Thompson sampling, one draw a day for each row in front of each audience.

A row of which little is known is drawn now high, now low, and so gets its chance; one that is known well is drawn close
to what it is. Once a day, not at each request: pages stay as they are while somebody shops, and a run can be repeated.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from math import hypot

import numpy as np

from personalization.merchandising.assignment import (
    BUCKETS,
    CONTROL_BUCKETS,
    DRAWN_ORDER,
    ROW_ORDER,
    SHOP_ORDER,
)
from personalization.models import DailyTotal, Event, RowDraw, RowOrderResult
from personalization.models.events import EventType
from personalization.models.row_draws import RowAudience
from personalization.models.shown_events import ClickSums
from personalization.privacy.retention import ONE_DAY, local_day

HALF_LIFE_DAYS = 28
"""After so long a day counts half."""
MAX_AGE_DAYS = 6 * HALF_LIFE_DAYS
"""Older days count next to nothing."""
MIN_AUDIENCE_SEEN = 1_000
"""Cards, fading, that an audience must have seen on a surface before anything moves there."""
PHONE = "phone"
MIN_CLICKS = 100
"""No comparison is said of fewer clicks of the control."""
DRAWN_TO_SHOP = (BUCKETS - CONTROL_BUCKETS) / CONTROL_BUCKETS
"""So many times as many visitors see the drawn order."""
CONFIDENCE = 1.96


@dataclass
class RowCounts:
    """How often the cards of a row were seen and put into a basket, fading with age."""

    seen: float = 0.0
    added: float = 0.0


Counts = Mapping[RowAudience, Mapping[str, RowCounts]]
"""By audience and by the code of the row."""


def draw_row_order(moment: datetime) -> int:
    """Draws what each row is worth today, once a day; how many were drawn. What happened within a day is not counted
    yet, as baskets are still being filled, and reports still on their way."""
    today = local_day(moment)
    if RowDraw.objects.is_drawn(today):
        return 0
    last = today - 2 * ONE_DAY
    totals = DailyTotal.objects.cards_by_row(last - timedelta(days=MAX_AGE_DAYS), last)
    draws = list(draw_rows(count_cards(totals, last), today))
    if draws or RowDraw.objects.exists():
        RowDraw.objects.replace(draws, moment)
    return len(draws)


def count_cards(totals: Iterable[tuple[str, str, bool, str, date, str, int]], last: date) -> Counts:
    """The counts as of a day. Parameters: `totals`, as `DailyTotal.objects.cards_by_row` gives them."""
    counts: dict[RowAudience, dict[str, RowCounts]] = defaultdict(lambda: defaultdict(RowCounts))
    for surface, code, is_customer, device, day, event_type, cards in totals:
        row = counts[RowAudience(surface, is_customer, device == PHONE)][code]
        weight = 0.5 ** ((last - day).days / HALF_LIFE_DAYS)
        if event_type == EventType.IMPRESSION:
            row.seen += weight * cards
        else:
            row.added += weight * cards
    return counts


def draw_rows(counts: Counts, day: date) -> Iterator[RowDraw]:
    """What each row is drawn to be worth on a day, for the audiences that have seen enough."""
    for audience, rows in sorted(counts.items()):
        seen, added = sum(row.seen for row in rows.values()), sum(row.added for row in rows.values())
        if seen < MIN_AUDIENCE_SEEN or not added or len(rows) < 2:
            continue
        for code, row in sorted(rows.items()):
            rate = draw_rate(row, added / seen, f"{day}:{':'.join(map(str, audience))}:{code}")
            yield RowDraw(
                **audience._asdict(), row_code=code, date=day, seen=row.seen, added=row.added, drawn_rate=rate
            )


def draw_rate(row: RowCounts, prior_rate: float, seed: str) -> float:
    """One draw of Beta(adds + 1, seen - adds + 1 / prior rate - 1): before anything is known of a row, it counts like
    one add at the rate of all rows of the audience. With a prior rate of 1 % that is Beta(1, 99).

    Parameters: `seed`, of which the draw is a function, as it is of the counts.
    """
    generator = np.random.default_rng(int.from_bytes(sha256(seed.encode()).digest()[:8], "big"))
    added = min(row.added, row.seen)
    return float(generator.beta(added + 1, row.seen - added + max(1 / prior_rate - 1, 1.0)))


@dataclass(frozen=True)
class OrderComparison:
    """Clicks in rows by those who saw the drawn order, nine tenths of the visitors, and by those who saw the shop's. By
    visitors, not by cards seen: another order changes which cards are seen."""

    drawn: ClickSums
    shop: ClickSums

    @property
    def change(self) -> float | None:
        """How many more clicks the drawn order brought, as a share; None where there are too few."""
        if self.shop.clicks < MIN_CLICKS or not self.drawn.clicks:
            return None
        return self.drawn.clicks / DRAWN_TO_SHOP / self.shop.clicks - 1

    @property
    def margin(self) -> float:
        """How far chance alone would carry the change, in 95 of 100 cases."""
        error = (1 + (self.change or 0.0)) * hypot(self.drawn.relative_error, self.shop.relative_error)
        return CONFIDENCE * error

    def __str__(self) -> str:
        if self.change is None:
            return f"rows in the drawn order: too few yet (fewer than {MIN_CLICKS} clicks)"
        return (
            f"{self.change:+.0%} clicks (± {self.margin:.0%} by chance) with rows in the drawn order, compared with "
            "the tenth of the visitors who saw the shop's order"
        )


def store_comparison(comparison: OrderComparison, moment: datetime) -> None:
    """Makes it the result that the reports show."""
    drawn, shop = comparison.drawn, comparison.shop
    first = min((one.first_at for one in (drawn, shop) if one.first_at is not None), default=None)
    RowOrderResult.objects.store(
        local_day(moment),
        counted_since=None if first is None else local_day(first),
        drawn_clicks=drawn.clicks,
        drawn_squares=drawn.squares,
        shop_clicks=shop.clicks,
        shop_squares=shop.squares,
    )


def compare_row_orders(moment: datetime, days: int = HALF_LIFE_DAYS) -> OrderComparison:
    """The comparison over so many days up to a moment. Two queries over the clicks of these days."""
    since = moment - timedelta(days=days)
    arms = (f"{ROW_ORDER}={arm}" for arm in (DRAWN_ORDER, SHOP_ORDER))
    return OrderComparison(*(Event.objects.clicks_in_arm(arm, since, moment) for arm in arms))
