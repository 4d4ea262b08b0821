"""How often the cards of each product were seen, clicked on, and expected to be: what `click_ratio` learns from."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from personalization.models import Event
from personalization.models.events import EventType
from personalization.models.shown_events import CardCount
from personalization.recommenders import ShownArrays
from personalization.shop import purchases

WEEKS = 12
"""So many weeks are read: those that count for a run, and before its evaluation weeks."""
PRIOR_CARDS = 200.0
"""The click rate of a whole surface counts like so many cards in each of its places."""


@dataclass(frozen=True)
class CardWeek:
    """What customers who bought something saw and clicked on in a week."""

    ended: float
    """In seconds since 1970."""
    seen: list[CardCount]
    clicked: list[CardCount]


def read_card_weeks(now: float) -> Iterator[CardWeek]:
    """The weeks before `now` (seconds since 1970) since the first card was seen, the latest first. Only of buyers, as
    an identity costs nothing, and an order does."""
    until = datetime.fromtimestamp(now, UTC)
    oldest = Event.objects.filter(type=EventType.IMPRESSION).oldest_time()
    for _ in range(WEEKS):
        if oldest is None or oldest >= until:
            return
        since = until - timedelta(weeks=1)
        seen = Event.objects.cards_seen(since, until, purchases.buyers())
        yield CardWeek(until.timestamp(), seen, Event.objects.cards_clicked(since, until, purchases.buyers()))
        until = since


def shown_arrays(weeks: Iterable[CardWeek], product_id: NDArray[np.int64]) -> ShownArrays:
    """What was seen of the products with these keys, ascending; of others it only tells how places are clicked on.

    What a place is worth is worked out from all weeks: it is of the page, and not of what it shows.
    """
    weeks = list(weeks)
    rates = _click_rates(weeks)
    number = {key: index for index, key in enumerate(product_id.tolist())}
    rows = []
    for week in weeks:
        of_week: dict[int, list[float]] = {}  # by product: cards, viewers, clicks, expected clicks
        for one in week.seen:
            cell = of_week.setdefault(one.product_id, [0, 0, 0, 0])
            cell[0] += one.cards
            cell[1] = max(cell[1], one.cards)  # of one place, where each visitor counts once
            cell[3] += one.cards * rates[one.surface, one.device, one.position]
        for one in week.clicked:
            of_week.setdefault(one.product_id, [0, 0, 0, 0])[2] += one.cards
        rows += [(number[key], week.ended, *cell) for key, cell in of_week.items() if key in number]
    return ShownArrays.from_rows(rows)


def _click_rates(weeks: Iterable[CardWeek]) -> dict[tuple[str, str, int], float]:
    """The share of the cards in each place (surface, device, position) that are clicked on, with that of its surface
    where few were seen there."""
    seen: Counter[tuple[str, str, int]] = Counter()
    clicks: Counter[tuple[str, str, int]] = Counter()
    for week in weeks:
        for counts, total in ((week.seen, seen), (week.clicked, clicks)):
            for one in counts:
                total[one.surface, one.device, one.position] += one.cards
    usual = {
        surface: sum(clicks[place] for place in seen if place[0] == surface)
        / sum(cards for place, cards in seen.items() if place[0] == surface)
        for surface in {place[0] for place in seen}
    }
    return {
        place: (clicks[place] + PRIOR_CARDS * usual[place[0]]) / (cards + PRIOR_CARDS) for place, cards in seen.items()
    }
