"""Live campaigns as a decision reads them: keys of products and moments, without a query, a setting or a text to parse.

`merchandising.compile` makes them from the versions that are published; `decide.merchandising` obeys them.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

import numpy as np
from django.utils.functional import Promise
from numpy.typing import NDArray

from personalization.merchandising.compiled_numbers import ProductGroups
from personalization.merchandising.compiled_objectives import NO_OBJECTIVES, Objectives
from personalization.merchandising.experiments import Choice, RunningExperiment
from personalization.merchandising.search_rules import NO_SEARCH_RULES, SearchRules
from personalization.merchandising.search_words import WordList, WordMatch
from personalization.models import Band
from personalization.models.newcomers import NewcomerChance
from personalization.models.row_draws import RowAudience

if TYPE_CHECKING:
    from personalization.merchandising.compiled_blocks import Block
    from personalization.merchandising.compiled_rows import RowSettings

UTC = ZoneInfo("UTC")


class Do(StrEnum):
    """What an action does with the products of its target."""

    PIN = "pin"
    SLOT = "slot"
    BOOST = "boost"
    BURY = "bury"
    EXCLUDE = "exclude"
    ONLY = "only"


class People(StrEnum):
    """Whom a campaign is for, before its segments are asked."""

    ALL = "all"
    CUSTOMERS = "customers"
    VISITORS = "visitors"
    """Those who are not signed in."""


class Target(Protocol):
    """Which products an action means."""

    def matching(self, product_ids: Iterable[int], seen: int | None) -> set[int]:
        """Those of these products that it means while the product `seen` is in view (None: no product is)."""

    def all_products(self, limit: int) -> frozenset[int] | None:
        """All products that it means while none is in view; None where there may be more than `limit`."""


@dataclass(frozen=True)
class FixedTarget:
    """Products that are the same on every page."""

    product_ids: frozenset[int]

    def matching(self, product_ids: Iterable[int], seen: int | None) -> set[int]:
        """Those of these products that it holds."""
        keys = product_ids if isinstance(product_ids, set | frozenset) else set(product_ids)
        return set(self.product_ids & keys)  # goes through the smaller one

    def all_products(self, limit: int) -> frozenset[int] | None:
        """All that it holds, as far as they are within the limit."""
        return self.product_ids if len(self.product_ids) <= limit else None


@dataclass(frozen=True)
class LargeTarget:
    """Products that are the same on every page, too many for a set in each process."""

    product_ids: NDArray[np.int64]
    """Sorted."""

    def matching(self, product_ids: Iterable[int], seen: int | None) -> set[int]:
        """Those of these products that it holds."""
        if not len(self.product_ids):
            return set()
        wanted = np.fromiter(product_ids, np.int64)
        index = np.minimum(np.searchsorted(self.product_ids, wanted), len(self.product_ids) - 1)
        return set(wanted[self.product_ids[index] == wanted].tolist())

    def all_products(self, limit: int) -> frozenset[int] | None:
        """All that it holds, as far as they are within the limit."""
        return frozenset(self.product_ids.tolist()) if len(self.product_ids) <= limit else None


@dataclass(frozen=True)
class RelativeTarget:
    """Products that are like the one in view: of one of its groups, or within a band of its price."""

    groups: ProductGroups
    price_band: tuple[float, float] | None = None
    """As multiples of the price of the product in view; None where the groups are compared."""

    def matching(self, product_ids: Iterable[int], seen: int | None) -> set[int]:
        """Those of these products that are like the one in view; none where nothing is in view."""
        own = self.groups.of_product(seen) if seen is not None else set()
        if not own:
            return set()
        if self.price_band is None:
            return {key for key in product_ids if not own.isdisjoint(self.groups.of_product(key))}
        low, high = (min(own) * factor for factor in self.price_band)
        return {key for key in product_ids if any(low <= price <= high for price in self.groups.of_product(key))}

    def all_products(self, limit: int) -> frozenset[int] | None:
        """None of the shop's: nothing is like no product."""
        return frozenset()


@dataclass(frozen=True)
class AllOf:
    """Products that all of several targets mean."""

    parts: tuple[Target, ...]

    def matching(self, product_ids: Iterable[int], seen: int | None) -> set[int]:
        """Those of these products that each part means."""
        found = set(product_ids)
        for part in self.parts:
            found &= part.matching(found, seen)
        return found

    def all_products(self, limit: int) -> frozenset[int] | None:
        """Those that all parts mean, where the products of one part are within the limit."""
        known = next((found for part in self.parts if (found := part.all_products(limit)) is not None), None)
        return None if known is None else frozenset(self.matching(known, None))


@dataclass(frozen=True)
class Action:
    """One thing that a campaign does."""

    do: Do
    target: Target
    product_ids: tuple[int, ...] = ()
    """Of a pin: the products in the order in which they are pinned, to `place`, the place after it and so on."""
    place: int = 0
    """Of a pin and of a slot: the first place, from 1."""
    last_place: int = 0
    """Of a slot: the last place."""
    strength: int = 2
    """Of a boost and of a burial: 1 a little, 2 clearly, 3 to the top or to the end."""
    soft: bool = False
    """Of a pin: only where the product does not stand higher by itself."""
    sold_out: bool = False
    """Of a pin: also while the product is sold out."""
    sponsored: bool = False
    """Whether somebody pays for it; then the card says so."""


@dataclass(frozen=True)
class Place:
    """Where in the shop a campaign acts."""

    surface: str
    row_codes: frozenset[str] | None = None
    """The codes of the row types; None for all rows, and for lists."""
    categories: frozenset[int] | None = None
    """The keys of the categories, with those below where they are meant, too; None for all."""
    searches: tuple[WordList, ...] = ()
    """One of them has to match the search; none for all searches."""
    seen: Target | None = None
    """Which product has to be in view, or in the basket; None for any."""


@dataclass(frozen=True)
class Schedule:
    """When a campaign acts."""

    starts: float = float("-inf")
    """Seconds since 1970."""
    ends: float = float("inf")
    """Seconds since 1970; at that moment it acts no more."""
    zone: ZoneInfo = UTC
    """Whose days and hours are meant."""
    days: frozenset[int] = frozenset()
    """1 for Monday to 7 for Sunday; none for every day. A night belongs to the day on which it began."""
    hours: tuple[int, int] | None = None
    """From the first hour until the second one begins, over midnight where it is the smaller one; None for all day."""


@dataclass(frozen=True)
class Audience:
    """For whom a campaign acts."""

    people: People = People.ALL
    in_segments: tuple[int, ...] = ()
    """The keys of segments; at least one has to hold."""
    out_segments: tuple[int, ...] = ()
    """The keys of segments; none may hold."""
    countries: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()
    campaign: int = 0
    """The key of the campaign whose holdout is left out; 0 for none."""
    hold_back: float = 0.0
    """The part of the people, 0 to 1, who are left out, to compare the others with."""

    @property
    def names_segments(self) -> bool:
        """Whether it is for segments, and so off for those who are held back from personalisation."""
        return bool(self.in_segments or self.out_segments)


@dataclass(frozen=True)
class Campaign:
    """A live campaign."""

    id: int
    """The key of its definition."""
    version: int
    """The number of the version that is live."""
    name: str
    where: tuple[Place, ...]
    actions: tuple[Action, ...]
    audience: Audience = Audience()
    schedule: Schedule = Schedule()
    band: Band = Band.CAMPAIGN

    @cached_property
    def numbered(self) -> Mapping[Do, tuple[tuple[int, Action], ...]]:
        """(number, action), by what they do."""
        found: dict[Do, list[tuple[int, Action]]] = {}
        for number, action in enumerate(self.actions):
            found.setdefault(action.do, []).append((number, action))
        return {do: tuple(some) for do, some in found.items()}

    @cached_property
    def pinned(self) -> frozenset[int]:
        """All products that it pins."""
        return frozenset(key for _number, action in self.numbered.get(Do.PIN, ()) for key in action.product_ids)


class SegmentTest(Protocol):
    """A segment as a decision asks it."""

    def holds(self, subject: Any, now: float) -> bool:
        """Whether this visitor (a `decide.visit.Visit`) is in it."""


PlaceKey = tuple[str, int | str]
"""Under what a place is found: ("category", its key), ("word", a folded word), ("product", its key) or `ANYWHERE`."""
MAX_INDEXED_PRODUCTS = 1_000
"""A place that names more products in view is found under `ANYWHERE`."""
ANYWHERE: PlaceKey = ("", 0)
"""The key of places that name no category, no word and no product, or cannot be found by them."""


@dataclass(frozen=True)
class IndexedPlace:
    """A place, with the campaign that acts there."""

    order: int
    """The campaign's position in the list of campaigns, from 0."""
    campaign: Campaign
    place: Place


@dataclass(frozen=True)
class CompiledRules:
    """All live campaigns and settings of rows, the segments that they name, and what searches obey."""

    number: int = 0
    """The number of changes up to which they are."""
    campaigns: tuple[Campaign, ...] = ()
    """In the order in which they count: by band, then by place."""
    segments: Mapping[int, SegmentTest] = field(default_factory=dict)
    problems: Mapping[int, tuple[str | Promise, ...]] = field(default_factory=dict)
    """By the key of a definition, in words: what it names and the shop has no more."""
    rows: Mapping[str, Mapping[str, "RowSettings"]] = field(default_factory=dict)
    """The settings of rows, by surface and by code."""
    blocks: Mapping[str, tuple["Block", ...]] = field(default_factory=dict)
    """Content blocks by slot, those of each in their order."""
    search: SearchRules = NO_SEARCH_RULES
    experiments: tuple[RunningExperiment, ...] = ()
    """Those that run, the holdout first."""
    variants: Mapping[Choice, "Campaign | RowSettings | Block | Objectives"] = field(default_factory=dict)
    """The versions that an arm of one of them has instead of the live ones."""
    row_rates: Mapping[RowAudience, Mapping[str, float]] = field(default_factory=dict)
    """By audience, what the rows of a surface were drawn to be worth today, by their codes; learned, and set by nobody.
    """
    newcomers: tuple[NewcomerChance, ...] = ()
    """New products that get a chance in rows that show what sells."""
    objectives: Objectives = NO_OBJECTIVES
    _of_arms: dict[frozenset[Choice], "CompiledRules"] = field(
        init=False, default_factory=dict, compare=False, repr=False
    )

    def is_campaign(self, key: int) -> bool:
        """Whether this definition, live or shown by an arm, is a campaign."""
        variants = (one for choice, one in self.variants.items() if choice[0] == key)
        return any(one.id == key for one in self.campaigns) or any(isinstance(one, Campaign) for one in variants)

    def row_codes(self, surface: str, keys: Collection[int]) -> set[str]:
        """The codes of the rows of a surface whose settings, live or shown by an arm, these definitions are."""
        variants: list[Any] = [one for one in self.variants.values() if getattr(one, "surface", "") == surface]
        return {one.code for one in (*self.rows.get(surface, {}).values(), *variants) if one.id in keys}

    def in_arms(self, choices: frozenset[Choice]) -> "CompiledRules":
        """The rules for visitors whose arms have these versions instead of the live ones. Made once for each set."""
        if not choices:
            return self
        if choices not in self._of_arms:
            self._of_arms[choices] = self._replaced(dict(choices))
        return self._of_arms[choices]

    def _replaced(self, numbers: Mapping[int, int | None]) -> "CompiledRules":
        chosen: list[Any] = [self.variants[choice] for choice in numbers.items() if choice in self.variants]
        campaigns = {one.id: one for one in chosen if isinstance(one, Campaign)}
        stay = [campaigns.pop(one.id, one) for one in self.campaigns if numbers.get(one.id, 0) is not None]
        for one in campaigns.values():  # not live yet: at the top of its band, where publishing would put it
            stay.insert(sum(other.band < one.band for other in stay), one)
        rows = {
            surface: {code: one for code, one in by_code.items() if numbers.get(one.id, 0) is not None}
            for surface, by_code in self.rows.items()
        }
        for settings in chosen:
            if not isinstance(settings, Campaign) and hasattr(settings, "surface"):
                rows.setdefault(settings.surface, {})[settings.code] = settings
        counting = next((one for one in chosen if isinstance(one, Objectives)), self.objectives)
        if numbers.get(self.objectives.id, 0) is None:
            counting = NO_OBJECTIVES
        blocks = self._replaced_blocks(numbers)
        return replace(self, campaigns=tuple(stay), rows=rows, blocks=blocks, objectives=counting)

    def _replaced_blocks(self, numbers: Mapping[int, int | None]) -> Mapping[str, tuple["Block", ...]]:
        """The blocks of each slot, with the chosen versions in the places of the live ones."""
        chosen: list[Any] = [one for choice in numbers.items() if (one := self.variants.get(choice))]
        others = [one for some in self.blocks.values() for one in some if one.id not in numbers]
        found: dict[str, list[Block]] = {}
        for block in sorted((*others, *(one for one in chosen if hasattr(one, "slot"))), key=lambda one: one.place):
            found.setdefault(block.slot, []).append(block)
        return {slot: tuple(some) for slot, some in found.items()}

    @property
    def is_empty(self) -> bool:
        """Whether nothing serves that names something of the shop's."""
        serving = (self.campaigns, self.rows, self.blocks, self.search.redirects, self.problems, self.experiments)
        return not any((*serving, self.objectives.id))

    @cached_property
    def places_by_surface(self) -> dict[str, dict[PlaceKey, tuple[IndexedPlace, ...]]]:
        """For each surface that any campaign names, its places by what they are found under."""
        found: dict[str, dict[PlaceKey, list[IndexedPlace]]] = {}
        for order, campaign in enumerate(self.campaigns):
            for place in campaign.where:
                for key in _place_keys(place):
                    indexed = IndexedPlace(order, campaign, place)
                    found.setdefault(place.surface, {}).setdefault(key, []).append(indexed)
        return {surface: {key: tuple(some) for key, some in keys.items()} for surface, keys in found.items()}

    def act_on_list(self, surface: str) -> bool:
        """Whether any campaign names this surface, or anything but relevance counts there, in an arm at least."""
        counting = [self.objectives, *(one for one in self.variants.values() if isinstance(one, Objectives))]
        return surface in self.places_by_surface or any(surface in one.by_surface for one in counting)

    @cached_property
    def surfaces_by_visitor(self) -> frozenset[str]:
        """The surfaces that merchants' rules leave different for different visitors."""
        everybody, rows = Audience(), self.rows.items()
        by_rows = {surface for surface, some in rows if any(one.audience != everybody for one in some.values())}
        by_campaigns = {place.surface for one in self.campaigns if one.audience != everybody for place in one.where}
        return frozenset(by_rows | by_campaigns | self.objectives.surfaces_by_visitor)


def _place_keys(place: Place) -> set[PlaceKey]:
    """What a page has to have, one of these, for the place to match it."""
    if place.categories is not None:
        return {("category", key) for key in place.categories}
    if place.searches:
        return {_word_key(one) for one in place.searches if one.terms}
    if isinstance(place.seen, FixedTarget) and len(place.seen.product_ids) <= MAX_INDEXED_PRODUCTS:
        return {("product", key) for key in place.seen.product_ids}
    return {ANYWHERE}


def _word_key(one: WordList) -> PlaceKey:
    is_prefix = one.match is WordMatch.STARTS and len(one.terms) == 1  # then it need not be a whole word
    return ANYWHERE if is_prefix else ("word", one.terms[0])


NO_RULES = CompiledRules()
"""Those of a shop whose merchants set nothing."""
