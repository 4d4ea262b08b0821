"""Sorts rows and fills them with products."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from personalization.decide.merchandising import (
    MAY_NOT_STAND,
    NOT_MERCHANDISED,
    PINNED_ALREADY,
    ROW_HIDDEN,
    TAKES_NO_PINS,
    ActionOutcome,
    MerchandisedRow,
    PinWish,
    PlaceAllocation,
    collect_pins,
    fill_slots,
    half_of,
)
from personalization.decide.policy import Policy
from personalization.decide.row_items import one_of_each_family, with_newcomer
from personalization.decide.slate import (
    PRODUCT,
    Candidate,
    ItemRef,
    Link,
    PlacedBy,
    Reason,
    RowType,
    product_ref,
)

OVERFETCH = 2
"""This many products more than a row shows are looked up at once, in case some cannot be bought."""
MIN_ROWS = 2
"""A page has so many rows before one goes because little is expected of it: it is to show something new, too."""
MIN_LINE_ITEMS = 3
"""A further line of a row has at least this many products."""
NO_LIMIT = 1_000_000
"""More products than any row has candidates."""

PAGE_FULL, PERSONAL_ROWS_FULL, TOO_FEW_ITEMS = "page_full", "personal_rows_full", "too_few_items"
LITTLE_USE = "little_use"
NOT_NEEDED, SHOWN_ABOVE = "not_needed", "shown_above"
"""Why a row is not shown."""


@dataclass(frozen=True)
class LayoutLimits:
    """How much a page may show."""

    row_size: int = 6
    """Products in a row."""
    personal_rows: int = 3
    """Personal rows above the generic ones."""
    rows: int = 6
    """Rows in all."""
    min_relative_use: float = 0.0
    """A row that is judged by how much the visitor is expected to buy from it is not shown when that is less than this
    part of what they are expected to buy from the best personal row."""
    has_lines: bool = False
    """Whether a row may fill as many lines as its type says."""
    is_requested_size: bool = False
    """Whether `row_size` is what somebody asks for, whatever a row's own size is."""


def page_limits(policy: Policy, whole_page: bool, size: int | None) -> LayoutLimits:
    """How much a page may show. Parameters: `size` of a row, if somebody asks for another than the policy's."""
    rows = policy.max_home_rows if whole_page else policy.max_page_rows
    least = policy.min_relative_use if whole_page else 0.0
    is_requested = size is not None
    has_lines = whole_page and not is_requested
    return LayoutLimits(size or policy.row_size, policy.max_personal_rows, rows, least, has_lines, is_requested)


@dataclass(frozen=True)
class ProposedRow:
    """A row that a row type proposes for a page."""

    type: RowType
    reason: Reason
    """Its code is the row type's."""
    candidates: list[Candidate]
    expected_share: float = 0.0
    links: tuple[Link, ...] = ()
    probability: Mapping[int, float] | None = None
    """By product key, how likely the visitor is to buy it soon; None where the row is not judged by that."""
    merchandised: MerchandisedRow = NOT_MERCHANDISED
    """What campaigns do to it; those of the candidates that they keep out stand last."""
    rank: int = 0
    """Sorts the rows of the page; equal for all where merchants set nothing."""
    keeps_place: bool = False
    """Whether a personal row stands at its rank for all visitors."""
    stands_in_for: str = ""
    """The code of the row type in whose place it is shown, if that has too few products."""
    size: int | None = None
    """So many products instead of the page's."""
    has_choice: bool = False
    """Whether merchants decided what it may hold."""
    newcomer: Candidate | None = None
    """A new product for its last place, where the row is full without it."""
    raised: frozenset[int] = frozenset()
    """As `RowCandidate` has it."""

    @property
    def removed_count(self) -> int:
        """How many of the candidates campaigns keep out."""
        if not self.merchandised.removed:
            return 0
        return sum(not self.may_hold(candidate.item) for candidate in self.candidates)

    def may_hold(self, item: ItemRef) -> bool:
        """Whether no campaign keeps this item out."""
        return not self.merchandised.removed or item.kind != PRODUCT or item.id not in self.merchandised.removed

    def max_items(self, limits: LayoutLimits) -> int:
        """How many products it shows at most."""
        if self.has_own_size(limits):
            return self.size or 0
        size = limits.row_size * (self.type.lines if limits.has_lines else 1)
        return size if self.type.max_items is None else min(size, self.type.max_items)

    def has_own_size(self, limits: LayoutLimits) -> bool:
        """Whether merchants decided how many products it shows."""
        return self.size is not None and not limits.is_requested_size


@dataclass(frozen=True)
class FilledRow:
    """A proposed row with the products that it shows."""

    row: ProposedRow
    items: list[tuple[Candidate, Any]] = field(default_factory=list)
    """Each with what the look-up gave for it."""
    hidden_because: str = ""
    """Why the page does not show it; "" when it does."""
    placements: Mapping[ItemRef, PlacedBy] = field(default_factory=dict)
    """Those of the items that a campaign put in their places."""
    outcomes: tuple[ActionOutcome, ...] = ()
    """What became of the pins and slots of campaigns."""


def sort_rows(rows: Iterable[ProposedRow]) -> list[ProposedRow]:
    """The rows by rank; of one rank the personal ones first, then the others as proposed. The personal rows that do not
    keep their places share them in another order: the best of each type, then the second best of each, and so on, each
    time the one with the highest expected share on top: two rows of one type say less than two rows of two."""
    ranked = sorted(rows, key=lambda row: (row.rank, bool(row.stands_in_for), not row.type.personal))
    floating = sorted(filter(_is_floating, ranked), key=lambda row: -row.expected_share)
    nth: Counter[str] = Counter()
    turns = []
    for row in floating:
        turns.append(nth[row.type.code])
        nth[row.type.code] += 1
    by_turn = iter([row for _turn, row in sorted(zip(turns, floating, strict=True), key=lambda pair: pair[0])])
    return [next(by_turn) if _is_floating(row) else row for row in ranked]


def _is_floating(row: ProposedRow) -> bool:
    return row.type.personal and not row.keeps_place and not row.stands_in_for


def fill_rows(
    rows: list[ProposedRow],
    limits: LayoutLimits,
    excluded: Iterable[ItemRef],
    look_up: Callable[[set[ItemRef]], Mapping[ItemRef, Any]],
    sold_out: Set[ItemRef] = frozenset(),
) -> list[FilledRow]:
    """Each row with its products, all of them looked up, none twice on the page, none of the excluded ones.

    `look_up` gives those of the requested items that can be bought; and those that cannot and may be pinned in spite
    of it, which it adds to `sold_out`. The rows of a page share one look-up. When too many of its products cannot be
    bought there is a second for the next best, and a third for all that are left.
    """
    offers: dict[ItemRef, Any] = {}
    unavailable = set(excluded)
    pinned = {product_ref(wish.product) for row in rows if row.merchandised.acting for wish in _row_pins(row)}

    def missing(extra: int) -> set[ItemRef]:
        allocated = _allocate_items(_Page(rows, limits, unavailable, sold_out, extra))
        wanted = {candidate.item for one in allocated for candidate in one.items}
        return (wanted | pinned - unavailable if extra else wanted) - offers.keys()

    for extra in (OVERFETCH, 0, NO_LIMIT):
        if missing(0):
            requested = missing(extra)
            offers.update(look_up(requested))
            unavailable |= requested - offers.keys()
    unavailable |= ({candidate.item for row in rows for candidate in row.candidates} | pinned) - offers.keys()
    allocated = _allocate_items(_Page(rows, limits, unavailable, sold_out))
    return [
        FilledRow(
            row,
            [(candidate, offers[candidate.item]) for candidate in one.items],
            one.hidden_because,
            one.placements,
            tuple(one.outcomes),
        )
        for row, one in zip(rows, allocated, strict=True)
    ]


class _Page(NamedTuple):
    """What is laid out, and what may not stand."""

    rows: list[ProposedRow]
    limits: LayoutLimits
    unavailable: Set[ItemRef]
    sold_out: Set[ItemRef]
    """What only pins bring back that say so."""
    extra: int = 0
    """How many more products than they show the rows are given."""


@dataclass
class _Allocated:
    """A row while the page is laid out."""

    items: list[Candidate] = field(default_factory=list)
    hidden_because: str = ""
    """Then it has no items."""
    placements: dict[ItemRef, PlacedBy] = field(default_factory=dict)
    outcomes: list[ActionOutcome] = field(default_factory=list)


def _allocate_items(page: _Page) -> list[_Allocated]:
    """For each row the best of its candidates that no row before it took. What is pinned in any row is taken first; a
    row that is not shown gives its pins back to the others."""
    idle: set[int] = set()
    while True:
        allocated = [_Allocated() for _ in page.rows]
        pins = _reserve_pins(page, idle, allocated)
        _take_items(page, pins, allocated)
        hidden = {number for number in pins if allocated[number].hidden_because}
        if not hidden:
            return allocated
        idle |= hidden


def _row_pins(row: ProposedRow) -> list[PinWish]:
    return collect_pins(row.merchandised.acting) if row.type.takes_pins else []


def _reserve_pins(page: _Page, idle: Set[int], allocated: list[_Allocated]) -> dict[int, PlaceAllocation]:
    """By the row's number, the places of those that have pins. Campaigns come in their order, rows from the top."""
    asked = [
        (wish, number)
        for number, row in enumerate(page.rows)
        if row.merchandised.acting
        for wish in collect_pins(row.merchandised.acting)
    ]
    places: dict[int, PlaceAllocation] = {}
    reserved: set[int] = set()
    for wish, number in sorted(asked, key=lambda pair: (pair[0].rank, pair[1])):
        row, outcomes = page.rows[number], allocated[number].outcomes
        refusal = _why_not_pinned(wish, row, page)
        if number in idle and not refusal:
            refusal = wish.outcome(ROW_HIDDEN)
        if refusal or (wish.product in reserved and number not in places):
            outcomes.append(refusal or wish.outcome(PINNED_ALREADY))
            continue
        if number not in places:
            places[number] = _row_places(row, page)
        if wish.product in reserved - places[number].products:
            outcomes.append(wish.outcome(PINNED_ALREADY))
            continue
        outcomes.append(places[number].pin(wish))
        reserved |= places[number].products
    return {number: one for number, one in places.items() if one.by_place}


def _why_not_pinned(wish: PinWish, row: ProposedRow, page: _Page) -> ActionOutcome | None:
    item = product_ref(wish.product)
    if not row.type.takes_pins:
        return wish.outcome(TAKES_NO_PINS)
    if removal := row.merchandised.removed.get(wish.product):
        return wish.outcome(removal.cause, by=removal.campaign)
    if item in page.unavailable or (item in page.sold_out and not wish.action.sold_out):
        return wish.outcome(MAY_NOT_STAND)
    return None


def _row_places(row: ProposedRow, page: _Page) -> PlaceAllocation:
    """The places of a row, of which at most half may be pinned where it is personal."""
    own = [one.item for one in row.candidates if row.may_hold(one.item)]
    standing = [item.id for item in own if item not in page.unavailable and item not in page.sold_out]
    size = _row_size(row, page.limits, len(standing))
    return PlaceAllocation(size, half_of(min(size, len(standing))) if row.type.personal else size, standing)


def _row_size(row: ProposedRow, limits: LayoutLimits, count: int) -> int:
    """How many of so many products a row shows: no further line for one or two."""
    size = row.max_items(limits)
    if row.has_own_size(limits):
        return size
    return min(size, limits.row_size) if count < limits.row_size + MIN_LINE_ITEMS else size


@dataclass
class _Shown:
    """What a page shows while it is filled from the top."""

    limits: LayoutLimits
    min_use: float
    """Of a row that is judged by it, how much of it the visitor is expected to buy at least."""
    rows: int = 0
    personal_rows: int = 0
    settled_types: set[str] = field(default_factory=set)
    """The codes of the row types that need none to stand in for them."""
    keys: set[str] = field(default_factory=set)
    stand_in_keys: set[str] = field(default_factory=set)

    def why_hidden(self, row: ProposedRow, items: list[Candidate], size: int) -> str:
        """Why the page does not show this row with these items; "" when it does."""
        if row.stands_in_for in self.settled_types:
            return NOT_NEEDED
        if row.reason.key in (self.keys if row.stands_in_for else self.stand_in_keys):
            return SHOWN_ABOVE
        if self.rows == self.limits.rows:
            return PAGE_FULL
        is_judged = self.rows >= MIN_ROWS and row.probability is not None
        if is_judged and _expected_use(items, row.probability or {}, self.limits) < self.min_use:
            return LITTLE_USE
        if row.type.personal and self.personal_rows == self.limits.personal_rows:
            return PERSONAL_ROWS_FULL
        return TOO_FEW_ITEMS if len(items[:size]) < row.type.min_items or not (items or row.links) else ""

    def add(self, row: ProposedRow, hidden_because: str) -> None:
        """Counts a row that is shown, or is not for some reason."""
        if hidden_because != TOO_FEW_ITEMS:
            self.settled_types.add(row.stands_in_for or row.type.code)
        if not hidden_because:
            self.rows += 1
            self.personal_rows += row.type.personal
            self.keys.add(row.reason.key)
            if row.stands_in_for:
                self.stand_in_keys.add(row.reason.key)


def _take_items(page: _Page, pins: Mapping[int, PlaceAllocation], allocated: list[_Allocated]) -> None:
    """Fills the rows from the top."""
    rows, limits, extra = page.rows, page.limits, page.extra
    reserved = (product_ref(key) for places in pins.values() for key in places.products)
    taken = {*page.unavailable, *page.sold_out, *reserved}
    families: set[int] = set()
    shares = [row.expected_share for row in rows if row.type.personal and math.isfinite(row.expected_share)]
    shown = _Shown(limits, limits.min_relative_use * max(shares, default=0.0))
    for number, (row, into) in enumerate(zip(rows, allocated, strict=True)):
        gone: Set[ItemRef] = taken
        if number in pins:
            gone = page.unavailable | page.sold_out | taken - set(map(product_ref, pins[number].products))
        items = one_of_each_family([one for one in row.candidates if one.item not in gone], families)
        if row.merchandised.removed:
            items = [candidate for candidate in items if row.may_hold(candidate.item)]
        size = row.max_items(limits) + extra if extra else _row_size(row, limits, len(items))
        into.hidden_because = shown.why_hidden(row, items, size)
        shown.add(row, into.hidden_because)
        if into.hidden_because:
            continue
        if row.merchandised.acting and row.type.takes_pins:
            places = pins.get(number) or _row_places(row, page)
            extra_pins = len(places.by_place) if extra else 0
            _place_items(row, items, size + extra_pins, places, into)
        else:
            into.items = with_newcomer(row.newcomer, items[:size], size, gone, prefetch=bool(extra))
        taken.update([one.item for one in into.items])
        families.update([one.size_family for one in into.items if one.size_family is not None])


def _place_items(
    row: ProposedRow, items: list[Candidate], size: int, places: PlaceAllocation, into: _Allocated
) -> None:
    """Fills a row in which campaigns act: the pins of `places`, then slots, then its other products."""
    own = {candidate.item.id: candidate for candidate in items if candidate.item.kind == PRODUCT}
    fill_slots(row.merchandised.acting, list(own), places, into.outcomes)
    if not places.by_place:
        into.items = items[:size]
        return
    size = max(size, *places.by_place)
    into.placements = {product_ref(placed.product): placed.by for placed in places.by_place.values()}
    into.items = [own.get(key) or _pinned_candidate(key, into.placements) for key in places.fill(own, size)]


def _pinned_candidate(key: int, placed: Mapping[ItemRef, PlacedBy]) -> Candidate:
    """A product that the row did not propose."""
    item = product_ref(key)
    return Candidate(item, 0.0, Reason(placed[item].reason_code))


def _expected_use(items: list[Candidate], probability: Mapping[int, float], limits: LayoutLimits) -> float:
    """How many of the products that a row would show the visitor is expected to buy soon."""
    return sum(probability.get(candidate.item.id, 0.0) for candidate in items[: limits.row_size])
