"""Another order in which nothing stands far from where it stood."""

from collections.abc import Collection, Iterable, Mapping, Sequence


def reorder_bounded(
    entries: Sequence[int], scores: Mapping[int, float], *, max_shift: int, pinned: Collection[int]
) -> list[int]:
    """The entries in an order in which none stands further than `max_shift` positions from its original one, and the
    pinned ones exactly there.

    Of all such orders the one that has the highest score first that can stand first, then the highest of those that can
    stand second, and so on. Entries with equal scores stay in the shop's order; without a score it is 0.
    """
    waiting = [position for position, key in enumerate(entries) if key not in pinned]
    free = list(waiting)
    result = list(entries)
    for turn, position in enumerate(free):
        eligible = _eligible_for_first_slot(waiting, free[turn:], max_shift)
        best = max(eligible, key=lambda other: scores.get(entries[other], 0.0))
        waiting.remove(best)
        result[position] = entries[best]
    return result


def _eligible_for_first_slot(waiting: Sequence[int], free: Sequence[int], max_shift: int) -> Iterable[int]:
    """Those of the entries that may take the first free position: near enough, and all that it overtakes, each one
    position further back then, are too."""
    for turn, entry in enumerate(waiting):
        if entry - free[0] > max_shift:
            return
        yield entry
        if turn + 1 == len(free) or free[turn + 1] - entry > max_shift:
            return
