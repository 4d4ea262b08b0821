"""The shelf of surfaces: one file is one place in the shop that is personalised.

A surface has one ranked list, and names the row types that its page shows (`personalization.rows`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from typing import Any

from personalization import plugins
from personalization.decide.slate import Candidate, RowType
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rows import registered_row_types, row_type_error


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


def surface_error(plugin: Any) -> str:
    """How an object breaks the contract of surfaces, as far as that can be seen without a visit; "" when it does not.
    `personalization.testing.check_surface` tries the rest."""
    if not isinstance(plugin, Surface):
        return f"it is {plugin!r}; expected a `personalization.surfaces.Surface`"
    if error := plugins.name_error(plugin.name):
        return error
    functions = (plugin.ranking, *((plugin.discovery,) if plugin.discovery else ()))
    if not all(map(callable, functions)):
        return "its ranking is not callable"
    return next(filter(None, map(row_type_error, (*plugin.rows, *plugin.fallback_rows))), "")


@cache
def _built_in_surfaces() -> dict[str, Surface]:
    modules = (import_module(f"{__name__}.{name}") for name in plugins.folder_modules(__path__))
    return {module.surface.name: module.surface for module in modules}


_surfaces = plugins.Registry[Surface]("surface", _built_in_surfaces, surface_error)


def registered_surfaces() -> dict[str, Surface]:
    """All surfaces by name: ours, then those of `PERSONALIZATION["SURFACES"]`, then those of `plugins.register`; each
    with the row types of other apps that ask for it. One that cannot be used is left out, so that no page breaks;
    `manage.py check` names it."""
    surfaces = _surfaces.usable()
    added = [row_type for row_type in registered_row_types().values() if row_type.surfaces]
    return {name: _with_row_types(surface, added) for name, surface in surfaces.items()} if added else surfaces


def unknown_surface_errors() -> list[str]:
    """A sentence for each row type of another app that asks for a surface that does not exist: nothing shows it."""
    names = _surfaces.usable()
    return [
        f"The row type {row_type.code!r} asks for the surface {name!r}; there are: {', '.join(sorted(names))}."
        for row_type in registered_row_types().values()
        for name in row_type.surfaces
        if name not in names
    ]


def _with_row_types(surface: Surface, added: list[RowType]) -> Surface:
    """The surface, with those of the row types in front that ask for it."""
    row_types = [row_type for row_type in added if surface.name in row_type.surfaces]
    rows = (*(row_type for row_type in row_types if row_type.propose), *surface.rows)
    fallback_rows = (*(row_type for row_type in row_types if row_type.fallback), *surface.fallback_rows)
    return replace(surface, rows=rows, fallback_rows=fallback_rows)
