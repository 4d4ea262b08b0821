"""All products of one row, page by page."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from personalization.decide.compose import apply_campaigns
from personalization.decide.merchandising import NOT_MERCHANDISED, collect_pins
from personalization.decide.objectives import order_row
from personalization.decide.row_plan import PagePlan
from personalization.decide.slate import Reason, RowCandidate, RowType, Slate
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays

ROW_PAGE_SIZE = 24
"""How many products a page of one row shows."""


@dataclass(frozen=True)
class RowPage:
    """One page of all the products of a row."""

    slate: Slate
    """Holds the row alone, with the products of this page."""
    candidate_count: int
    """How many products all pages have, with those that cannot be bought, which no page shows."""


class RowCut:
    """Cuts the row with this key out of a page's plan, and of its candidates those of one page, as campaigns leave
    them. What they pin stands on the first page."""

    def __init__(self, surface: str, row_key: str, page: int) -> None:
        """`page`: from 1."""
        self._surface, self._row_key, self._start = surface, row_key, (page - 1) * ROW_PAGE_SIZE
        self.candidate_count = 0

    def narrow(self, plan: PagePlan) -> PagePlan:
        """The plan with this row only."""
        return plan.map_types(self._cut_type)

    def number_items(self, slate: Slate) -> Slate:
        """The slate, each item with its position among all products of the row."""
        row = slate.rows[0]
        items = tuple(replace(item, position=self._start + item.position) for item in row.items)
        return replace(slate, rows=(replace(row, items=items, candidate_count=self.candidate_count),))

    def _cut_type(self, row_type: RowType) -> RowType | None:
        if row_type.code != self._row_key.partition(":")[0]:
            return None
        return replace(
            row_type,
            min_items=1,
            max_items=None,
            propose=row_type.propose and partial(self._cut, row_type, row_type.propose),
            fallback=row_type.fallback and partial(self._cut, row_type, row_type.fallback),
        )

    def _cut(
        self, row_type: RowType, propose: Callable[..., Iterable[RowCandidate]], visit: Visit, *snapshot: SnapshotArrays
    ) -> Iterator[RowCandidate]:
        for row in propose(visit, *snapshot):
            if Reason(row_type.code, row.params).key == self._row_key:
                ordered = order_row(row, row_type, self._surface, visit)
                yield self._page(apply_campaigns(ordered, row_type.code, self._surface, visit))
                return

    def _page(self, row: RowCandidate) -> RowCandidate:
        """The candidates of the page. What is pinned stands on the first one, beside as many others as on any."""
        merchandised = row.merchandised or NOT_MERCHANDISED
        pinned = {wish.product for wish in collect_pins(merchandised.acting)}
        standing = [one for one in row.candidates if one.item.id not in merchandised.removed]
        others = [one for one in standing if one.item.id not in pinned]
        self.candidate_count = len(others) or len(standing)
        shown = others[self._start : self._start + ROW_PAGE_SIZE]
        if self._start:
            return replace(row, candidates=shown, links=(), merchandised=NOT_MERCHANDISED)
        shown += [one for one in standing if one.item.id in pinned]
        return replace(row, candidates=shown, links=(), merchandised=merchandised)
