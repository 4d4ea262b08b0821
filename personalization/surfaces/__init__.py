"""The shelf of surfaces: one file is one place in the shop that is personalised.

A surface lists the kinds of rows it may show. Each kind is a function from a visit and a snapshot to drafts of rows;
one that fails costs its own rows only.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from personalization import plugins
from personalization.decide.slate import Candidate, RowCandidate
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays


@dataclass(frozen=True)
class Surface:
    """What every file of this shelf offers under the name `surface`."""

    name: str
    ranking: Callable[[Visit, SnapshotArrays], Iterable[Candidate]]
    """All candidates as one list, best first; reasons are worked out as far as the list is read."""
    discovery: Callable[[Visit, SnapshotArrays], Iterable[Candidate]] | None = None
    """The same for products that are new to the visitor, where there is a better way than leaving the others out."""
    ranks_categories: bool = False
    """Whether the list is of categories, not of products."""
    rows: tuple[Callable[[Visit, SnapshotArrays], Iterable[RowCandidate]], ...] = ()
    """The list as a page shows it, from the most to the least personal; generic rows are shown in this order."""
    fallback_rows: tuple[Callable[[Visit], Iterable[RowCandidate]], ...] = ()
    """What is shown when there is no snapshot, or no row could be filled from it."""
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
    return "" if all(map(callable, functions)) else "its ranking is not callable"


@cache
def _built_in_surfaces() -> dict[str, Surface]:
    modules = (import_module(f"{__name__}.{name}") for name in plugins.folder_modules(__path__))
    return {module.surface.name: module.surface for module in modules}


_surfaces = plugins.Registry[Surface]("surface", _built_in_surfaces, surface_error)


def registered_surfaces() -> dict[str, Surface]:
    """All surfaces by name: ours, then those of `PERSONALIZATION["SURFACES"]`, then those of `plugins.register`. One
    that cannot be used is left out, so that no page breaks; `manage.py check` names it."""
    return _surfaces.usable()
