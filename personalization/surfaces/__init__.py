"""The shelf of surfaces: one file is one place in the shop that is personalised.

A surface has one ranked list, and names the row types that its page shows (`personalization.rows`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from django.core.exceptions import ImproperlyConfigured

from personalization.decide.slate import Candidate, RowType
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rows import check_row_type, registered_row_types


@dataclass(frozen=True)
class Surface:
    """What every file of this shelf offers under the name `surface`."""

    name: str
    ranking: Callable[[Visit, SnapshotArrays], Iterable[Candidate]]
    """All candidates as one list, best first; reasons are worked out as far as the list is read."""
    discovery: Callable[[Visit, SnapshotArrays], Iterable[Candidate]] | None = None
    """The list of products that are new to the visitor, where there is a better way than leaving the others out."""
    ranks_categories: bool = False
    """Whether the list is of categories, not of products."""
    rows: tuple[RowType, ...] = ()
    """What the page shows, from the most to the least personal; rows that are not personal are shown in this order."""
    fallback_rows: tuple[RowType, ...] = ()
    """What it shows when there is no snapshot, or no row could be filled from it."""
    whole_page: bool = False
    """Whether the page is ours, and not one of Oscar's that we add to."""


@cache
def registered_surfaces() -> dict[str, Surface]:
    """All surfaces by name, each with the row types of other apps that ask for it.

    Raises: ImproperlyConfigured, which names each row type that lacks anything.
    """
    surfaces = [import_module(f"{__name__}.{module.name}").surface for module in iter_modules(__path__)]
    return {surface.name: _complete_surface(surface) for surface in surfaces}


def _complete_surface(surface: Surface) -> Surface:
    added = tuple(row_type for row_type in registered_row_types().values() if surface.name in row_type.surfaces)
    rows = (*(row_type for row_type in added if row_type.propose), *surface.rows)
    fallback_rows = (*(row_type for row_type in added if row_type.fallback), *surface.fallback_rows)
    errors = [error for row_type in (*rows, *fallback_rows) for error in check_row_type(row_type)]
    if errors:
        raise ImproperlyConfigured(f"The surface {surface.name!r}: {' '.join(errors)}")
    return replace(surface, rows=rows, fallback_rows=fallback_rows)
