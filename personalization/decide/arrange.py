"""Puts rows in order and products into rows."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from personalization.decide.slate import Candidate, Draft

SPARE = 2
"""So many products more than a row shows are looked up at once, in case some cannot be bought."""
ALL = 1_000_000
"""More products than any draft holds."""


def in_order(drafts: Iterable[Draft], personal_rows: int) -> list[Draft]:
    """The strongest personal rows first, at most so many of them, then the generic ones as the surface lists them."""
    drafts = list(drafts)
    personal = sorted((draft for draft in drafts if draft.personal), key=lambda draft: -draft.strength)
    return personal[:personal_rows] + [draft for draft in drafts if not draft.personal]


def filled(
    drafts: list[Draft], row_size: int, basket: frozenset[int], look_up: Callable[[set[int]], Mapping[int, Any]]
) -> list[tuple[Draft, list[tuple[Candidate, Any]]]]:
    """The rows with the products they show: none twice on the page, none from the basket, all of them looked up.

    `look_up` gives those of the products asked for that can be bought. The rows of a page share one look-up. When too
    many of its products cannot be bought there is a second for the next best, and a third for all that are left.
    """
    cards: dict[int, Any] = {}
    unavailable = set(basket)

    def unknown(size: int) -> set[int]:
        return {candidate.product for row in _picked(drafts, size, unavailable) for candidate in row} - cards.keys()

    for size in (row_size + SPARE, row_size, ALL):
        if unknown(row_size):
            asked = unknown(size)
            cards.update(look_up(asked))
            unavailable |= asked - cards.keys()
    unavailable |= {candidate.product for draft in drafts for candidate in draft.candidates} - cards.keys()
    rows = _picked(drafts, row_size, unavailable)
    return [
        (draft, [(candidate, cards[candidate.product]) for candidate in row])
        for draft, row in zip(drafts, rows, strict=True)
        if row
    ]


def _picked(drafts: list[Draft], size: int, unavailable: set[int]) -> list[list[Candidate]]:
    """For each draft the best of its candidates that no draft before it took; none when they are too few."""
    taken = set(unavailable)
    rows = []
    for draft in drafts:
        row = [candidate for candidate in draft.candidates if candidate.product not in taken][:size]
        row = row if len(row) >= draft.fewest else []
        taken.update(candidate.product for candidate in row)
        rows.append(row)
    return rows
