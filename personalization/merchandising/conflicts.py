"""Where campaigns get in each other's way: found before anything is saved, from what is compiled.

Two campaigns meet where their places, their times and their audiences may. Whether they do for one visitor is for the
decision to tell; here it is enough that they can.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import combinations

from personalization.merchandising.compiled import (
    Action,
    AllOf,
    Audience,
    Campaign,
    Do,
    FixedTarget,
    LargeTarget,
    People,
    Place,
    Schedule,
    Target,
)
from personalization.merchandising.schemas import MAX_PLACES

FEWEST_LEFT = 3
"""Fewer products than this are too few for a row."""


class ConflictKind(StrEnum):
    """What happens to a campaign because of another one."""

    PLACE_TAKEN = "place_taken"
    PINNED_ALREADY = "pinned_already"
    EXCLUDED = "excluded"
    NOT_IN_ONLY = "not_in_only"
    CANCELLED = "cancelled"
    TOO_FEW_LEFT = "too_few_left"


@dataclass(frozen=True)
class Conflict:
    """What happens to a campaign because of another one."""

    kind: ConflictKind
    campaign: int
    """The key of the campaign that does not get what it wants."""
    other: int
    """The key of the campaign because of which."""
    surface: str
    product: int | None = None
    """The product that is pinned, where it is about one."""
    place: int = 0
    count: int = 0
    """How many products it is about."""


@dataclass(frozen=True)
class _Claims:
    """What a campaign wants, read once however many others it meets."""

    campaign: Campaign

    @cached_property
    def pins(self) -> list[tuple[int, int]]:
        """(product, place) of each product that the campaign pins."""
        return [
            (product, action.place + index)
            for action in self.campaign.actions
            if action.do is Do.PIN
            for index, product in enumerate(action.product_ids)
        ]

    @cached_property
    def products(self) -> dict[Do, set[int] | None]:
        """For each kind of action that it has, all products of them; None where that depends on the page."""
        actions = self.campaign.actions
        return {do: _union(one for one in actions if one.do is do) for do in {one.do for one in actions}}


def find_conflicts(campaigns: Iterable[Campaign]) -> list[Conflict]:
    """All conflicts between campaigns, which come in the order in which they count."""
    claims = map(_Claims, campaigns)
    return [conflict for upper, lower in combinations(claims, 2) for conflict in _between(upper, lower)]


def conflicts_of(key: int, campaigns: Sequence[Campaign]) -> list[Conflict]:
    """Those between one of these campaigns, which come in the order in which they count, and the others."""
    claims = [*map(_Claims, campaigns)]
    position = next(index for index, one in enumerate(campaigns) if one.id == key)
    own = claims[position]
    pairs = [*((one, own) for one in claims[:position]), *((own, one) for one in claims[position + 1 :])]
    return [conflict for upper, lower in pairs for conflict in _between(upper, lower)]


def free_place(campaign: Campaign, campaigns: Iterable[Campaign], place: int) -> int | None:
    """The next place down that neither the campaign pins to nor any of these that meet it; None where there is none."""
    meeting = [one for one in campaigns if one.id != campaign.id and _may_meet(campaign, one)]
    taken = {taken for one in (campaign, *meeting) for _product, taken in _Claims(one).pins}
    return next((free for free in range(place + 1, MAX_PLACES + 1) if free not in taken), None)


def _may_meet(one: Campaign, other: Campaign) -> bool:
    return (
        _where_they_meet(one, other) is not None
        and _times_meet(one.schedule, other.schedule)
        and _people_meet(one.audience, other.audience)
    )


def _between(upper: _Claims, lower: _Claims) -> Iterator[Conflict]:
    one, other = upper.campaign, lower.campaign
    surface = _where_they_meet(one, other)
    if surface is None or not (
        _times_meet(one.schedule, other.schedule) and _people_meet(one.audience, other.audience)
    ):
        return
    yield from _pin_conflicts(upper, lower, surface)
    for winner, loser in ((upper, lower), (lower, upper)):
        yield from _left_out(winner, loser, surface)
    yield from _cancelled(upper, lower, surface)
    yield from _too_few_left(upper, lower, surface)


def _pin_conflicts(upper: _Claims, lower: _Claims, surface: str) -> Iterator[Conflict]:
    """Of one product pinned twice, and of one place taken twice: the lower campaign gives way."""
    if not (upper.pins and lower.pins):
        return
    taken = {place: product for product, place in upper.pins}
    pinned = set(taken.values())
    for product, place in lower.pins:
        if product in pinned:
            yield _conflict(ConflictKind.PINNED_ALREADY, lower, upper, surface, product=product, place=place)
        elif place in taken:
            yield _conflict(ConflictKind.PLACE_TAKEN, lower, upper, surface, product=product, place=place)


def _conflict(kind: ConflictKind, loser: _Claims, winner: _Claims, surface: str, **facts: int) -> Conflict:
    return Conflict(kind, loser.campaign.id, winner.campaign.id, surface, **facts)


def _left_out(winner: _Claims, loser: _Claims, surface: str) -> Iterator[Conflict]:
    """Of pins that another campaign excludes, or leaves out of what it limits the list to, whichever stands higher."""
    for kind, do in ((ConflictKind.EXCLUDED, Do.EXCLUDE), (ConflictKind.NOT_IN_ONLY, Do.ONLY)):
        meant = winner.products.get(do)
        if meant is None:
            continue
        for product, place in loser.pins:
            if (product in meant) == (do == Do.EXCLUDE):
                yield _conflict(kind, loser, winner, surface, product=product, place=place)


def _cancelled(upper: _Claims, lower: _Claims, surface: str) -> Iterator[Conflict]:
    """Of products that one campaign moves up and the other down."""
    for one, other in ((Do.BOOST, Do.BURY), (Do.BURY, Do.BOOST)):
        first, second = upper.products.get(one), lower.products.get(other)
        if first and second and (both := first & second):
            yield _conflict(ConflictKind.CANCELLED, lower, upper, surface, count=len(both))


def _too_few_left(upper: _Claims, lower: _Claims, surface: str) -> Iterator[Conflict]:
    """Of two campaigns that together leave less than a row."""
    one, other = upper.products.get(Do.ONLY), lower.products.get(Do.ONLY)
    if one is not None and other is not None and len(one & other) < FEWEST_LEFT:
        yield _conflict(ConflictKind.TOO_FEW_LEFT, lower, upper, surface, count=len(one & other))


def known_products(target: Target) -> set[int] | None:
    """All products of a target; None where that depends on the page."""
    if isinstance(target, FixedTarget):
        return set(target.product_ids)
    if isinstance(target, LargeTarget):
        return set(target.product_ids.tolist())
    if isinstance(target, AllOf):
        known = [found for found in map(known_products, target.parts) if found is not None]
        return set.intersection(*known) if len(known) == len(target.parts) else None
    return None


def touched_products(campaign: Campaign) -> int | None:
    """How many products the campaign moves, shows or hides; None where that depends on the page."""
    found = products_of_campaign(campaign)
    return None if found is None else len(found)


def products_of_campaign(campaign: Campaign) -> set[int] | None:
    """The products that the campaign moves, shows or hides; None where that depends on the page."""
    return _union(campaign.actions)


def _union(actions: Iterable[Action]) -> set[int] | None:
    """The products of all these actions; None where one of them depends on the page."""
    found: set[int] = set()
    for action in actions:
        products = known_products(action.target)
        if products is None:
            return None
        found |= products
    return found


def _where_they_meet(one: Campaign, other: Campaign) -> str | None:
    """The first surface on which both act on one page; None where there is none."""
    return next((place.surface for place in one.where for another in other.where if _places_meet(place, another)), None)


def _places_meet(one: Place, other: Place) -> bool:
    if one.surface != other.surface:
        return False
    if one.row_codes and other.row_codes and not one.row_codes & other.row_codes:
        return False
    if one.categories and other.categories and not one.categories & other.categories:
        return False
    if one.searches and other.searches:
        return any(
            set(first.terms) <= set(second.terms) or set(second.terms) <= set(first.terms)
            for first in one.searches
            for second in other.searches
        )
    return True


def _times_meet(one: Schedule, other: Schedule) -> bool:
    if one.days and other.days and not one.days & other.days:
        return False
    return one.starts < other.ends and other.starts < one.ends


def _people_meet(one: Audience, other: Audience) -> bool:
    if People.ALL not in (one.people, other.people) and one.people != other.people:
        return False
    if one.countries and other.countries and not one.countries & other.countries:
        return False
    if one.devices and other.devices and not one.devices & other.devices:
        return False
    return not (set(one.in_segments) & set(other.out_segments) and len(one.in_segments) == 1)
