"""How much of the shop a campaign reaches: its products, its pages and the customers whom it is for."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from personalization.merchandising import segment_counts
from personalization.merchandising.compiled import Audience, Campaign, People, Place, SegmentTest
from personalization.merchandising.conflicts import touched_products
from personalization.merchandising.segment_counts import SegmentCount
from personalization.merchandising.segments import CompiledSegment
from personalization.shop import named_objects

SMALL_AUDIENCE = 50
"""With fewer customers than this, hardly anybody will see it."""
MOST_IN_VIEW = 20_000
"""A place that names more products in view counts as all product pages."""


@dataclass(frozen=True)
class CampaignReach:
    """How much of the shop a campaign reaches now."""

    products: int | None
    """How many it moves, shows or hides; None where that depends on the page."""
    pages: int
    for_customers: bool
    """Whether it is for anybody who is signed in."""
    customers: SegmentCount | None
    """None where nobody is counted, or counting took too long."""
    is_narrowed: bool = False
    """Whether it is for some of them only: in a country, or on a device."""

    @property
    def percent(self) -> float:
        """The part of all customers, in percent."""
        return 100 * self.customers.share if self.customers else 0.0

    @property
    def is_small(self) -> bool:
        """Whether so few customers are meant that hardly anybody will see it."""
        return self.customers is not None and self.customers.members < SMALL_AUDIENCE


class PageCounter:
    """Counts the pages on which campaigns act. What the shop has of each kind is counted once."""

    def count_pages(self, campaign: Campaign) -> int:
        """How many pages the campaign acts on; all searches are one."""
        return sum(self._pages_of(place) for place in campaign.where)

    def _pages_of(self, place: Place) -> int:
        if place.surface == "category":
            return self._shop["category"] if place.categories is None else len(place.categories)
        if place.surface == "product":
            seen = place.seen.all_products(MOST_IN_VIEW) if place.seen else None
            return self._shop["product"] if seen is None else len(seen)
        return max(len(place.searches), 1)

    @cached_property
    def _shop(self) -> dict[str, int]:
        return named_objects.count_pages()


def campaign_reach(
    campaign: Campaign, segments: Mapping[int, SegmentTest], timeout_ms: int = segment_counts.TIMEOUT_MS
) -> CampaignReach:
    """What the campaign reaches; customers are counted for at most this long."""
    audience = campaign.audience
    return CampaignReach(
        touched_products(campaign),
        PageCounter().count_pages(campaign),
        audience.people is not People.VISITORS,
        count_customers_of(audience, segments, timeout_ms),
        bool(audience.countries or audience.devices),
    )


def count_customers_of(
    audience: Audience, segments: Mapping[int, SegmentTest], timeout_ms: int = segment_counts.TIMEOUT_MS
) -> SegmentCount | None:
    """The customers whom a campaign is for; None for a campaign for none of them, and where it took too long.

    Parameters: `segments`, the live ones. One that is not there has no members.
    """
    if audience.people is People.VISITORS:
        return None
    included, excluded = (
        [one for key in keys if isinstance(one := segments.get(key), CompiledSegment)]
        for keys in (audience.in_segments, audience.out_segments)
    )
    count = segment_counts.count_audience(included, excluded, time.time(), timeout_ms)
    if count is not None and audience.in_segments and not included:
        return SegmentCount(0, count.customers, True)
    return count
