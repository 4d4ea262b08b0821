"""Two orders of one list, shown as one: which of them do visitors choose from?

Interleaving says which order is liked better and needs a fraction of the visitors of a test of two groups, as each
visitor compares both. It never says what that is worth in money. Not for lists that a visitor sorted.

References
----------
F. Radlinski, M. Kurup, T. Joachims: How does clickthrough data reflect retrieval quality? CIKM 2008 (team draft).
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import date
from hashlib import sha256
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

Item = TypeVar("Item", bound=Hashable)
TEAM_A, TEAM_B, NO_TEAM = "a", "b", ""


class DraftedItem(NamedTuple, Generic[Item]):
    """An item of the common list."""

    item: Item
    team: str
    """Whose choice a click on it counts for; NO_TEAM where both orders had it in the same place, or it was pinned."""


def draft_coin(unit: UUID, *, salt: str, page: str, day: date) -> Callable[[int], bool]:
    """Says of each pair of places whether A chooses first: by chance, but always the same for this unit, page and day,
    so that a list stays as it is when it is loaded again."""
    seed = f"{salt}:{unit.hex}:{page}:{day.isoformat()}"

    def a_first(pair: int) -> bool:
        return sha256(f"{seed}:{pair}".encode()).digest()[0] < 128

    return a_first


def team_draft(
    a: Sequence[Item], b: Sequence[Item], a_first: Callable[[int], bool], pinned: Mapping[int, Item] | None = None
) -> list[DraftedItem[Item]]:
    """The common list of two orders: in each pair of places one order and then the other adds its best item that is not
    yet in it.

    Parameters: `pinned`, by place from 0, what a campaign puts there. No item is lost and none stands twice.
    """
    pins = dict(pinned or {})
    fixed = set(pins.values())
    a, b = ([item for item in dict.fromkeys(order) if item not in fixed] for order in (a, b))
    same_place = {one for one, other in zip(a, b, strict=False) if one == other}
    drafted = [DraftedItem(item, NO_TEAM if item in same_place else team) for item, team in _draft_pairs(a, b, a_first)]
    for place in sorted(pins):
        drafted.insert(place, DraftedItem(pins[place], NO_TEAM))
    return drafted


def _draft_pairs(a: Sequence[Item], b: Sequence[Item], a_first: Callable[[int], bool]) -> list[tuple[Item, str]]:
    drafted: dict[Item, str] = {}
    rest = {TEAM_A: iter(a), TEAM_B: iter(b)}
    total, pair = len({*a, *b}), 0
    while len(drafted) < total:
        for team in (TEAM_A, TEAM_B) if a_first(pair) else (TEAM_B, TEAM_A):
            item = next((one for one in rest[team] if one not in drafted), None)
            if item is not None:
                drafted[item] = team
        pair += 1
    return list(drafted.items())
