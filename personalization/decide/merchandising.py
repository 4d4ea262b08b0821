"""What campaigns do to a row or a list: pure functions of its products and of the campaigns that act.

The powers, from the highest: what may stand at all (the shop's facts, the basket, what the visitor is not interested
in), *exclude*, *only*, pins, slots, boosts and burials, and last the order that was there before. Nothing lower
overrules what is higher; among campaigns their order decides.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from personalization.decide.slate import PlacedBy
from personalization.merchandising.compiled import Action, Campaign, Do, FixedTarget, LargeTarget

PLACED, MOVED, REMOVED, KEPT = "placed", "moved", "removed", "kept"
"""What an action did: of pins and slots, of boosts and burials, of *exclude*, of *only*."""
PLACE_TAKEN = "place_taken"
"""Placed, but lower than it says: the place was taken."""
MATCHED_NOTHING, CANCELLED = "matched_nothing", "cancelled"
NOT_FOUND, MAY_NOT_STAND, EXCLUDED, NOT_AMONG_ONLY = (
    "not_found",
    "may_not_stand",
    "excluded_by_campaign",
    "not_among_only",
)
PINNED_ALREADY, NO_PLACE_LEFT, HALF_OF_ROW = "pinned_already", "no_place_left", "half_of_row"
STANDS_HIGHER, TAKES_NO_PINS, ROW_HIDDEN = "stands_higher", "takes_no_pins", "row_hidden"
"""Why an action did nothing, or why a product is not there."""

SHIFTS = {1: 10, 2: 30, 3: 100}
"""By the strength of a boost or a burial, how far it moves a product, in percent of the list."""
MAX_SHIFT = 100
NO_LIMIT = 1_000_000
NO_PERCENTS: Mapping[int, float] = {}


class ActingCampaign(NamedTuple):
    """A campaign that acts for a visit on a surface."""

    campaign: Campaign
    seen: tuple[int, ...] = ()
    """The products in view to which its targets may relate."""
    row_codes: frozenset[str] | None = None
    """The codes of the rows on which it acts; None for all of them."""
    in_list: bool = True
    """Whether it acts on the list of the surface, too."""
    order: int = 0
    """Its position in the list of campaigns, from 0."""

    def acts_in(self, row_code: str | None) -> bool:
        """Whether it acts in this row; for None, in the list."""
        return self.in_list if row_code is None else self.row_codes is None or row_code in self.row_codes

    def matching(self, action: Action, product_ids: Iterable[int]) -> set[int]:
        """Those of these products that an action of it means."""
        target = action.target
        if len(self.seen) < 2 or isinstance(target, FixedTarget | LargeTarget):
            return target.matching(product_ids, self.seen[0] if self.seen else None)
        keys = [*product_ids]
        return set().union(*(target.matching(keys, key) for key in self.seen))

    def placed_by(self, action: Action) -> PlacedBy:
        """What is noted of a product that this action put in its place."""
        return PlacedBy(self.campaign.id, self.campaign.version, self.campaign.name, action.sponsored)


@dataclass(frozen=True)
class ActionOutcome:
    """What one action did to one row or list, or why it did nothing."""

    campaign: int
    """The key of its definition."""
    action: int
    """The number of the action within the campaign, from 0."""
    outcome: str
    product: int | None = None
    """The product in question, of a pin and of a slot."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """"place" and "wanted" from 1; "by", the campaign that was stronger; "products" and what became of each."""


@dataclass(frozen=True)
class Removal:
    """Why a campaign keeps a product out."""

    cause: str
    """EXCLUDED or NOT_AMONG_ONLY."""
    campaign: int


@dataclass(frozen=True)
class MerchandisedRow:
    """What campaigns make of a row before it is filled."""

    acting: tuple[ActingCampaign, ...] = ()
    removed: Mapping[int, Removal] = field(default_factory=dict)
    """By product: those that do not stand in it, pinned ones among them."""
    outcomes: tuple[ActionOutcome, ...] = ()


NOT_MERCHANDISED = MerchandisedRow()
"""A row in which no campaign acts."""


class PlacedProduct(NamedTuple):
    """A product in a place that a campaign gave it."""

    product: int
    by: PlacedBy


class PinWish(NamedTuple):
    """A product that a campaign wants in a place."""

    acting: ActingCampaign
    number: int
    """Of the action."""
    action: Action
    product: int
    place: int
    """From 1."""

    @property
    def rank(self) -> tuple[int, int, int]:
        """Sorts the pins of several rows."""
        return self.acting.order, self.number, self.place

    def outcome(self, outcome: str, **facts: Any) -> ActionOutcome:
        """What became of it."""
        return ActionOutcome(self.acting.campaign.id, self.number, outcome, self.product, facts)


@dataclass(frozen=True)
class Resolution:
    """One row or list as campaigns leave it."""

    order: tuple[int, ...]
    """The products that stand, in their order."""
    placements: Mapping[int, PlacedBy] = field(default_factory=dict)
    """By product: what a campaign put in its place."""
    removed: Mapping[int, Removal] = field(default_factory=dict)
    hidden: bool = False
    """Whether too few are left for a row."""
    before: tuple[int, ...] = ()
    outcomes: tuple[ActionOutcome, ...] = ()


def resolve(
    products: Sequence[int],
    acting: Sequence[ActingCampaign],
    *,
    size: int | None = None,
    places: int | None = None,
    personal: bool = False,
    fewest: int = 0,
    may_not_stand: Mapping[int, str] | None = None,
    may_not_be_placed: Mapping[int, str] | None = None,
    trace: bool = True,
) -> Resolution:
    """One row or list by itself.

    Parameters
    ----------
    products
        in the order that they have without campaigns.
    size
        how many are shown; None for all.
    places
        how many places pins and slots may take; None for `size`.
    personal
        whether at most half of them may be pinned.
    fewest
        with fewer left than this, nothing is shown.
    may_not_stand
        by product, why it may not stand.
    may_not_be_placed
        by product, why no pin that does not say so, and no slot, may hold it: it is sold out.
    trace
        whether it is noted what each action did. Without, there are no outcomes.
    """
    facts, shelved = may_not_stand or {}, may_not_be_placed or {}
    standing = [key for key in products if key not in facts]
    outcomes: list[ActionOutcome] = []
    noted = outcomes if trace else None
    removed = removals(acting, pinned_products(acting).union(standing), noted)
    order = shift([key for key in standing if key not in removed], acting, noted)
    if len(order) < fewest:
        return Resolution((), removed=removed, hidden=True, before=tuple(products), outcomes=tuple(outcomes))
    size = len(order) if size is None else size
    room = size if places is None else min(places, size)
    found = frozenset(order)

    def blocked(wish: PinWish) -> ActionOutcome | None:
        if removal := removed.get(wish.product):
            return wish.outcome(removal.cause, by=removal.campaign)
        cause = facts.get(wish.product) or (not wish.action.sold_out and shelved.get(wish.product))
        if cause:
            return wish.outcome(MAY_NOT_STAND, cause=cause)
        return None if wish.product in found else wish.outcome(NOT_FOUND)

    taken = PlaceAllocation(room, half_of(min(room, len(order))) if personal else room, order)
    for wish in collect_pins(acting, None if trace else found):
        outcomes.append(blocked(wish) or taken.pin(wish))
    fill_slots(acting, [key for key in order if key not in shelved], taken, noted)
    shown = taken.fill(order, size)
    by = {one.product: one.by for one in taken.by_place.values() if one.product in shown}
    return Resolution(tuple(shown), by, removed, False, tuple(products), tuple(outcomes if trace else ()))


def half_of(count: int) -> int:
    """How many products of a personal row may be pinned."""
    return max(1, count // 2)


def collect_pins(acting: Iterable[ActingCampaign], among: Set[int] | None = None) -> list[PinWish]:
    """All pins, or those of these products, in the order in which they count."""
    return [
        PinWish(one, number, action, product, action.place + offset)
        for one in acting
        if among is None or not among.isdisjoint(one.campaign.pinned)
        for number, action in one.campaign.numbered.get(Do.PIN, ())
        for offset, product in enumerate(action.product_ids)
        if among is None or product in among
    ]


def pinned_products(acting: Iterable[ActingCampaign]) -> set[int]:
    """All products that are pinned."""
    return set().union(*(one.campaign.pinned for one in acting))


def removals(
    acting: Iterable[ActingCampaign], products: set[int], outcomes: list[ActionOutcome] | None = None
) -> dict[int, Removal]:
    """Those of these products that a campaign keeps out, each with the first that does: *exclude*, then *only*."""
    removed: dict[int, Removal] = {}
    for cause, do in ((EXCLUDED, Do.EXCLUDE), (NOT_AMONG_ONLY, Do.ONLY)):
        for one, number, action in _actions(acting, do):
            matched = one.matching(action, products)
            gone = matched if do is Do.EXCLUDE else products - matched
            for key in gone:
                removed.setdefault(key, Removal(cause, one.campaign.id))
            if outcomes is not None:
                what = REMOVED if do is Do.EXCLUDE else KEPT
                facts = {"products": tuple(sorted(matched))}
                outcomes.append(
                    ActionOutcome(one.campaign.id, number, what if matched else MATCHED_NOTHING, None, facts)
                )
    return removed


def shift(
    products: Sequence[int],
    acting: Iterable[ActingCampaign],
    outcomes: list[ActionOutcome] | None = None,
    percents: Mapping[int, float] = NO_PERCENTS,
) -> list[int]:
    """These products after all boosts and burials: one of k places passes exactly k others.

    Parameters: `percents`, by product, how far the row's own settings move it, in percent of the list.
    """
    moves = [(one, number, action) for do in (Do.BOOST, Do.BURY) for one, number, action in _actions(acting, do)]
    if not moves and not percents:
        return list(products)
    total: dict[int, float] = dict(percents)
    matches = []
    keys = frozenset(products)
    for one, _number, action in moves:
        boost = SHIFTS[action.strength] * (1 if action.do is Do.BOOST else -1)
        matches.append(matched := one.matching(action, keys))
        for key in matched:
            total[key] = total.get(key, 0) + boost
    clipped = {key: max(-MAX_SHIFT, min(MAX_SHIFT, percent)) for key, percent in total.items()}
    count = len(products)
    rank = {
        key: (MAX_SHIFT * place - count * (percent := clipped.get(key, 0)), -percent, place)
        for place, key in enumerate(products)
    }
    result = sorted(products, key=rank.__getitem__)
    if outcomes is not None:
        before, after = ({key: place for place, key in enumerate(some, 1)} for some in (products, result))
        for (one, number, _action), matched in zip(moves, matches, strict=True):
            facts = {
                "products": {key: (before[key], after[key]) for key in sorted(matched)},
                "percent": {key: clipped[key] for key in sorted(matched)},
            }
            what = MOVED if any(clipped[key] for key in matched) else CANCELLED if matched else MATCHED_NOTHING
            outcomes.append(ActionOutcome(one.campaign.id, number, what, None, facts))
    return result


class PlaceAllocation:
    """The places of one row or list while campaigns take them."""

    def __init__(self, count: int, max_pins: int, order: Sequence[int]) -> None:
        """`order`: the products as they stand without pins."""
        self.by_place: dict[int, PlacedProduct] = {}
        """From 1."""
        self._count, self._max_pins = count, max_pins
        self._natural = {key: place for place, key in enumerate(order, 1)}

    @property
    def products(self) -> set[int]:
        """Those that have a place."""
        return {one.product for one in self.by_place.values()}

    def pin(self, wish: PinWish) -> ActionOutcome:
        """Gives a pin its place, or the next free one down."""
        if holder := next((one.by for one in self.by_place.values() if one.product == wish.product), None):
            return wish.outcome(PINNED_ALREADY, by=holder.campaign)
        if wish.action.soft and self._natural.get(wish.product, NO_LIMIT) < wish.place:
            return wish.outcome(STANDS_HIGHER, place=self._natural[wish.product])
        if len(self.by_place) >= self._max_pins:
            return wish.outcome(HALF_OF_ROW if self._max_pins < self._count else NO_PLACE_LEFT)
        free = next((place for place in range(wish.place, self._count + 1) if place not in self.by_place), None)
        if free is None:
            return wish.outcome(NO_PLACE_LEFT)
        self.by_place[free] = PlacedProduct(wish.product, wish.acting.placed_by(wish.action))
        if free == wish.place:
            return wish.outcome(PLACED, place=free)
        return wish.outcome(PLACE_TAKEN, place=free, wanted=wish.place, by=self.by_place[wish.place].by.campaign)

    def free(self, first: int, last: int) -> list[int]:
        """The free ones of these places."""
        return [place for place in range(first, min(last, self._count) + 1) if place not in self.by_place]

    def fill(self, order: Iterable[int], size: int) -> list[int]:
        """The products of all places; those without a campaign's take the others, and what is beyond moves up."""
        if not self.by_place:
            return list(order)[:size]
        placed, products = sorted(self.by_place.items()), self.products
        others = iter([key for key in order if key not in products])
        result: list[int] = []
        for place, one in placed:
            while len(result) < place - 1 and (other := next(others, None)) is not None:
                result.append(other)
            result.append(one.product)
        return [*result, *others][:size]


def fill_slots(
    acting: Iterable[ActingCampaign],
    order: Sequence[int],
    taken: PlaceAllocation,
    outcomes: list[ActionOutcome] | None = None,
) -> None:
    """Gives each free place of a slot the best product of its target that has none yet."""
    keys = frozenset(order)
    for one, number, action in _actions(acting, Do.SLOT):
        free = taken.free(action.place, action.last_place)
        if not free and outcomes is None:
            continue
        placed = taken.products
        matched = one.matching(action, keys)
        best = [key for key in order if key in matched and key not in placed][: len(free)]
        for place, key in zip(free, best, strict=False):
            taken.by_place[place] = PlacedProduct(key, one.placed_by(action))
            if outcomes is not None:
                outcomes.append(ActionOutcome(one.campaign.id, number, PLACED, key, {"place": place}))
        if not best and outcomes is not None:
            why = MATCHED_NOTHING if not matched else NO_PLACE_LEFT if not free else PINNED_ALREADY
            outcomes.append(ActionOutcome(one.campaign.id, number, why))


def _actions(acting: Iterable[ActingCampaign], do: Do) -> list[tuple[ActingCampaign, int, Action]]:
    return [(one, number, action) for one in acting for number, action in one.campaign.numbered.get(do, ())]


def merchandise_row(
    products: Sequence[int],
    acting: tuple[ActingCampaign, ...],
    *,
    trace: bool = False,
    percents: Mapping[int, float] = NO_PERCENTS,
) -> tuple[list[int], MerchandisedRow]:
    """(the products of a row in the order in which it is filled; what campaigns keep out of it).

    Parameters: `trace`, whether it is noted what each action did; `percents`, as for `shift`.
    """
    outcomes: list[ActionOutcome] | None = [] if trace else None
    removed = removals(acting, pinned_products(acting).union(products), outcomes)
    order = shift([key for key in products if key not in removed], acting, outcomes, percents)
    return order, MerchandisedRow(acting, removed, tuple(outcomes or ()))
