"""Sorts rows and fills them with products."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from personalization.decide.slate import Candidate, ItemRef, Link, Reason, RowType

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

    def max_items(self, limits: LayoutLimits) -> int:
        """How many products it shows at most."""
        size = limits.row_size * (self.type.lines if limits.has_lines else 1)
        return size if self.type.max_items is None else min(size, self.type.max_items)


@dataclass(frozen=True)
class FilledRow:
    """A proposed row with the products that it shows."""

    row: ProposedRow
    items: list[tuple[Candidate, Any]] = field(default_factory=list)
    """Each with what the look-up gave for it."""
    hidden_because: str = ""
    """Why the page does not show it; "" when it does."""


def sort_rows(rows: Iterable[ProposedRow]) -> list[ProposedRow]:
    """The personal rows first, then the others as proposed. Of the personal ones the best of each type, then the second
    best of each, and so on, each time the one with the highest expected share on top: two rows of one type say less
    than two rows of two."""
    personal: list[ProposedRow] = []
    generic: list[ProposedRow] = []
    for row in rows:
        (personal if row.type.personal else generic).append(row)
    personal.sort(key=lambda row: -row.expected_share)
    nth: Counter[str] = Counter()
    turns = []
    for row in personal:
        turns.append(nth[row.type.code])
        nth[row.type.code] += 1
    return [row for _turn, row in sorted(zip(turns, personal, strict=True), key=lambda pair: pair[0])] + generic


def fill_rows(
    rows: list[ProposedRow],
    limits: LayoutLimits,
    excluded: Iterable[ItemRef],
    look_up: Callable[[set[ItemRef]], Mapping[ItemRef, Any]],
) -> list[FilledRow]:
    """Each row with its products, all of them looked up, none twice on the page, none of the excluded ones.

    `look_up` gives those of the requested items that can be bought. The rows of a page share one look-up. When too
    many of its products cannot be bought there is a second for the next best, and a third for all that are left.
    """
    offers: dict[ItemRef, Any] = {}
    unavailable = set(excluded)

    def missing(extra: int) -> set[ItemRef]:
        allocated = _allocate_items(rows, limits, unavailable, extra)
        return {candidate.item for items, _ in allocated for candidate in items} - offers.keys()

    for extra in (OVERFETCH, 0, NO_LIMIT):
        if missing(0):
            requested = missing(extra)
            offers.update(look_up(requested))
            unavailable |= requested - offers.keys()
    unavailable |= {candidate.item for row in rows for candidate in row.candidates} - offers.keys()
    allocated = _allocate_items(rows, limits, unavailable)
    return [
        FilledRow(row, [(candidate, offers[candidate.item]) for candidate in items], hidden_because)
        for row, (items, hidden_because) in zip(rows, allocated, strict=True)
    ]


def _allocate_items(
    rows: list[ProposedRow], limits: LayoutLimits, unavailable: set[ItemRef], extra: int = 0
) -> list[tuple[list[Candidate], str]]:
    """For each row the best of its candidates that no row before it took, `extra` more than it shows; and why it is
    not shown, without candidates then."""
    taken = set(unavailable)
    allocated: list[tuple[list[Candidate], str]] = []
    personal = shown = 0
    shares = [row.expected_share for row in rows if row.type.personal and math.isfinite(row.expected_share)]
    min_use = limits.min_relative_use * max(shares, default=0.0)
    for row in rows:
        items = [candidate for candidate in row.candidates if candidate.item not in taken]
        items = items[: row.max_items(limits) + extra]
        if limits.row_size < len(items) < limits.row_size + MIN_LINE_ITEMS and not extra:
            items = items[: limits.row_size]
        hidden_because = ""
        if shown == limits.rows:
            hidden_because = PAGE_FULL
        elif (
            shown >= MIN_ROWS
            and row.probability is not None
            and _expected_use(items, row.probability, limits) < min_use
        ):
            hidden_because = LITTLE_USE
        elif row.type.personal and personal == limits.personal_rows:
            hidden_because = PERSONAL_ROWS_FULL
        elif len(items) < row.type.min_items or not (items or row.links):
            hidden_because = TOO_FEW_ITEMS
        if hidden_because:
            allocated.append(([], hidden_because))
            continue
        shown += 1
        personal += row.type.personal
        taken.update(candidate.item for candidate in items)
        allocated.append((items, ""))
    return allocated


def _expected_use(items: list[Candidate], probability: Mapping[int, float], limits: LayoutLimits) -> float:
    """How many of the products that a row would show the visitor is expected to buy soon."""
    return sum(probability.get(candidate.item.id, 0.0) for candidate in items[: limits.row_size])
