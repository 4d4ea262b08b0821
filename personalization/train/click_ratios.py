"""Clicks over expected clicks: how much more, or less, a product is clicked on than others in the same places.

Cards further down, in other rows and on phones are clicked on less whatever they show. So clicks are compared with
those that any product would have had there: the sum of the click rates of its places. The ratio is steadier than
weights by inverse propensities, which are worse than none where the propensities are off.

References
----------
W. V. Zhang, R. Jones: Comparing click logs and editorial labels for training query rewriting. Query Log Analysis, WWW
2007 (clicks over expected clicks).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from personalization.models.shown_events import CardCount

MIN_CARDS_SEEN = 5_000
"""With fewer cards seen nothing is worked out."""
PRIOR_CLICKS = 20.0
"""A product of which nothing is known counts as one with so many clicks, all of them expected."""
PRIOR_CARDS = 200.0
"""The click rate of a whole surface counts like so many cards in each of its places."""
MAX_RATIO = 5.0
"""A ratio is at most this, and at least one divided by it."""


@dataclass
class _Place:
    """One position of one surface on one kind of device."""

    seen: int = 0
    clicks: int = 0


@dataclass(frozen=True)
class ClickRatios:
    """What was worked out, of products by their keys."""

    ratio: dict[int, float] = field(default_factory=dict)
    """1 for a product that is clicked on as often as any other in its places."""
    cards_seen: int = 0
    clicks: int = 0

    @property
    def has_enough(self) -> bool:
        """Whether there was enough to work it out of."""
        return self.cards_seen >= MIN_CARDS_SEEN and self.clicks > 0

    def of_products(self, product_ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """The ratio of each of these products."""
        return np.array([self.ratio.get(key, 1.0) for key in product_ids.tolist()], np.float64)


def click_ratios(seen: Iterable[CardCount], clicked: Iterable[CardCount]) -> ClickRatios:
    """The ratios, from how often each product was seen in each place, and clicked on there."""
    seen, clicked = list(seen), list(clicked)
    places: dict[tuple[str, str, int], _Place] = {}
    surfaces: dict[str, _Place] = {}
    for counts, name in ((seen, "seen"), (clicked, "clicks")):
        for one in counts:
            for place in (
                places.setdefault((one.surface, one.device, one.position), _Place()),
                surfaces.setdefault(one.surface, _Place()),
            ):
                setattr(place, name, getattr(place, name) + one.cards)
    expected: dict[int, float] = {}
    clicks: dict[int, int] = {}
    for one in seen:
        rate = _click_rate(places[one.surface, one.device, one.position], surfaces[one.surface])
        expected[one.product_id] = expected.get(one.product_id, 0.0) + one.cards * rate
    for one in clicked:
        clicks[one.product_id] = clicks.get(one.product_id, 0) + one.cards
    total = ClickRatios(cards_seen=sum(one.cards for one in seen), clicks=sum(clicks.values()))
    if not total.has_enough:
        return total
    ratio = {
        key: float(np.clip((clicks.get(key, 0) + PRIOR_CLICKS) / (some + PRIOR_CLICKS), 1 / MAX_RATIO, MAX_RATIO))
        for key, some in expected.items()
    }
    return ClickRatios(ratio, total.cards_seen, total.clicks)


def _click_rate(place: _Place, surface: _Place) -> float:
    """The share of cards in this place that are clicked on, with that of its surface where few were seen there."""
    usual = surface.clicks / surface.seen
    return (place.clicks + PRIOR_CARDS * usual) / (place.seen + PRIOR_CARDS)
