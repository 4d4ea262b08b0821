"""A page of the shop and how it came about: its rows, its list, and what was written down while they were decided."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from personalization.decide.merchandising import Resolution
from personalization.decide.slate import PlacedBy, Slate
from personalization.decide.trace import Reranking, Trace
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays


@dataclass(frozen=True)
class ListedProduct:
    """A product on the page of a list."""

    product: Any
    """Oscar's product."""
    position: int
    """From 0, within the whole list."""
    placed_by: PlacedBy | None = None
    """The campaign that put it there; None where none did."""


@dataclass(frozen=True)
class ExplainedList:
    """The list of a page: of a search, of a category, or of all products."""

    products: Sequence[ListedProduct]
    """Those of the page, in its order."""
    count: int
    """How many the whole list has."""
    page_size: int
    fetched: Sequence[int]
    """The keys of the products that were looked at, in the order of the list; more than the page shows."""
    start: int
    """The position of the first of them, from 0."""
    trace: Trace

    @property
    def reranking(self) -> Reranking | None:
        """How the visitor's order came about; None where the list is in the engine's order, or sorted otherwise."""
        return self.trace.rerankings[-1] if self.trace.rerankings else None

    @property
    def resolution(self) -> Resolution | None:
        """What campaigns did to it; None where none acts."""
        return self.trace.resolutions[-1] if self.trace.resolutions else None


@dataclass(frozen=True)
class ExplainedPage:
    """A page, decided for a visit that carries a trace."""

    surface: str
    """The surface of its rows, or what campaigns call its list: see `campaign_surface`."""
    visit: Visit
    slate: Slate
    rows: Trace
    """How its rows came about."""
    snapshot: SnapshotArrays | None
    """What is learned now; None when nothing is."""
    listing: ExplainedList | None = None
    campaign_surfaces: tuple[str, ...] = field(default=())
    """What campaigns call its list and its rows."""
