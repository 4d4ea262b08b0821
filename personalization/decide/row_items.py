"""Which of its candidates one row shows."""

from collections.abc import Iterable, Set

from personalization.decide.slate import Candidate, ItemRef


def one_of_each_family(candidates: Iterable[Candidate], shown: Set[int]) -> list[Candidate]:
    """The candidates without those of whose family another size stands before them, or is shown already."""
    seen, different = set(shown), []
    for candidate in candidates:
        if candidate.size_family is None or candidate.size_family not in seen:
            different.append(candidate)
            seen.update([candidate.size_family] if candidate.size_family is not None else [])
    return different


def with_newcomer(
    newcomer: Candidate | None, items: list[Candidate], size: int, gone: Set[ItemRef], *, prefetch: bool
) -> list[Candidate]:
    """The items of a row, in whose last place a new product stands, if there is one that can and the row is full.

    Parameters: `gone`, what cannot stand in the row; `prefetch`, whether the items are only to be looked up: then it is
    one more.
    """
    if newcomer is None or newcomer.item in gone or any(one.item == newcomer.item for one in items):
        return items
    if prefetch:
        return [*items, newcomer]
    return [*items[:-1], newcomer] if len(items) == size else items
