"""Puts rows in order and products into rows."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from personalization.decide.slate import Candidate, RowCandidate

OVERFETCH = 2
"""So many products more than a row shows are looked up at once, in case some cannot be bought."""
NO_LIMIT = 1_000_000
"""More products than any draft holds."""


@dataclass(frozen=True)
class LayoutLimits:
    """How much a page may show."""

    row_size: int = 6
    """Products in a row."""
    personal_rows: int = 3
    """Personal rows above the generic ones."""
    rows: int = 6
    """Rows in all."""


def sort_rows(drafts: Iterable[RowCandidate]) -> list[RowCandidate]:
    """The personal rows first, the strongest on top, then the generic ones as the surface lists them."""
    return sorted(drafts, key=lambda draft: -draft.expected_share if draft.personal else 1)


def fill_rows(
    drafts: list[RowCandidate],
    room: LayoutLimits,
    basket: frozenset[int],
    look_up: Callable[[set[int]], Mapping[int, Any]],
) -> list[tuple[RowCandidate, list[tuple[Candidate, Any]]]]:
    """The rows with the products they show: none twice on the page, none from the basket, all of them looked up.

    `look_up` gives those of the products asked for that can be bought. The rows of a page share one look-up. When too
    many of its products cannot be bought there is a second for the next best, and a third for all that are left.
    """
    cards: dict[int, Any] = {}
    unavailable = set(basket)

    def unknown(more: int) -> set[int]:
        rows = _allocate_items(drafts, room, unavailable, more)
        return {candidate.item for row in rows for candidate in row or ()} - cards.keys()

    for more in (OVERFETCH, 0, NO_LIMIT):
        if unknown(0):
            asked = unknown(more)
            cards.update(look_up(asked))
            unavailable |= asked - cards.keys()
    unavailable |= {candidate.item for draft in drafts for candidate in draft.candidates} - cards.keys()
    rows = _allocate_items(drafts, room, unavailable)
    return [
        (draft, [(candidate, cards[candidate.item]) for candidate in row])
        for draft, row in zip(drafts, rows, strict=True)
        if row is not None
    ]


def _allocate_items(
    drafts: list[RowCandidate], room: LayoutLimits, unavailable: set[int], more: int = 0
) -> list[list[Candidate] | None]:
    """For each draft the best of its candidates that no draft before it took, and so many more than it has room for;
    None when it is not shown."""
    taken = set(unavailable)
    rows: list[list[Candidate] | None] = []
    personal = shown = 0
    for draft in drafts:
        row = [candidate for candidate in draft.candidates if candidate.item not in taken]
        row = row[: min(room.row_size, draft.max_items) + more]
        full = shown == room.rows or (draft.personal and personal == room.personal_rows)
        if full or len(row) < draft.min_items or not (row or draft.links):
            rows.append(None)
            continue
        shown += 1
        personal += draft.personal
        taken.update(candidate.item for candidate in row)
        rows.append(row)
    return rows
