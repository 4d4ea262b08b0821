"""The shop's menu: a visitor's own shortcuts in it, and its entries in their order, no further than the shop allows."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from personalization.decide import reasons
from personalization.decide.slate import Candidate, Reason
from personalization.shop import catalogue

MAX_SHORTCUTS = 5
"""A longer list is no short way any more."""
STATED_INTEREST = "liked_category"
"""The reason for a category that the visitor named themselves."""


@dataclass(frozen=True)
class MenuShortcut:
    """A category that a visitor is likely to look for, with the way there."""

    key: int
    name: str
    url: str
    reason: Reason
    explanation: str
    """Why it is there, in the active language."""


def select_shortcuts(
    candidates: Sequence[Candidate], above: Collection[int], *, away: Collection[int], discreet: bool
) -> list[MenuShortcut]:
    """The best of these categories, which come with the most telling first.

    Of a category and one below it only the more telling is shown; one that the visitor named is shown anyway. Nothing
    that the shop keeps out of its menu, nothing sensitive, and neither a category that is to stay `away` nor one below
    it. One query. `above` are all categories above the candidates.
    """
    found = catalogue.menu_categories({candidate.item for candidate in candidates}, above)
    shown = {key: entry for key, entry in found.items() if entry.ancestor_ids.isdisjoint(away)}
    taken: list[Candidate] = []
    for candidate in candidates:
        if candidate.item in shown and not _is_redundant(candidate, taken, shown):
            taken.append(candidate)
    best = sorted(taken, key=lambda candidate: -candidate.score)[:MAX_SHORTCUTS]
    return [_menu_shortcut(candidate, shown[candidate.item].category, discreet) for candidate in best]


def _is_redundant(
    candidate: Candidate, taken: Iterable[Candidate], shown: Mapping[int, catalogue.MenuCategory]
) -> bool:
    line = shown[candidate.item].ancestor_ids
    return any(
        other.item == candidate.item
        or (
            other.reason.code != STATED_INTEREST
            and (other.item in line or candidate.item in shown[other.item].ancestor_ids)
        )
        for other in taken
    )


def _menu_shortcut(candidate: Candidate, category: Any, discreet: bool) -> MenuShortcut:
    reason = reasons.without_private_facts(candidate.reason) if discreet else candidate.reason
    words = reasons.explanation(reason, reasons.DisplayNames())
    return MenuShortcut(candidate.item, category.name, category.get_absolute_url(), reason, words)


def reorder_bounded(
    order: Sequence[int], wanted: Mapping[int, float], *, most: int, pinned: Collection[int]
) -> list[int]:
    """The entries in an order that no entry stands further than `most` places from where the shop has it, and the
    pinned ones exactly there.

    Of all such orders the one that has the most wanted entry first that can stand first, then the most wanted of those
    that can stand second, and so on. Equally wanted entries stay in the shop's sequence; what is not in `wanted` is
    wanted by 0.
    """
    waiting = [place for place, key in enumerate(order) if key not in pinned]
    free = list(waiting)
    found = list(order)
    for turn, place in enumerate(free):
        best = max(
            _eligible_for_first_slot(waiting, free[turn:], most), key=lambda other: wanted.get(order[other], 0.0)
        )
        waiting.remove(best)
        found[place] = order[best]
    return found


def _eligible_for_first_slot(waiting: Sequence[int], free: Sequence[int], most: int) -> Iterable[int]:
    """Those of the entries that may take the first free place: near enough, and all that it overtakes, each one place
    further back then, are too."""
    for turn, entry in enumerate(waiting):
        if entry - free[0] > most:
            return
        yield entry
        if turn + 1 == len(free) or free[turn + 1] - entry > most:
            return
