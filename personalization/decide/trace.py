"""How a decision came about, written down while it is made, by the code that makes it.

A visit carries a `Trace` when an explanation is wanted, else None, and then nothing is written. `decide.explanation`
reads it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from personalization.decide.layout import FilledRow, ProposedRow
from personalization.decide.merchandising import MAY_NOT_STAND, ActionOutcome, Resolution
from personalization.decide.slate import ItemRef, product_ref
from personalization.rank.snapshot_arrays import SnapshotArrays

IN_BASKET, NOT_WANTED, ON_PAGE = "in_basket", "not_wanted", "on_page"
"""The rules that keep items out of every row: they are in the basket, the visitor does not want to see them, or they
are on the page already."""
NOT_BUYABLE, OUTSIDE_PRICE_RANGE = "not_buyable", "outside_price_range"
LEFT_OUT_BY_ROW = "left_out_by_row"
"""Why a row type's product is no candidate: merchants leave it out of the row."""
TAKEN_ABOVE, BEYOND_ROW_SIZE = "taken_above", "beyond_row_size"
"""Why a candidate is not shown: another row of the page has it, or better ones filled the row."""
DISMISSED, HIDDEN_NAME, NO_WORDS, REPLACED = "dismissed", "hidden_name", "no_words", "replaced_by_fallback"
"""Why a row is not shown, besides the reasons of `decide.layout`: the visitor dismissed it, its title would name
something that they may not see, its title or too many of its items could not be put into words, or there was nothing
beside it and the surface's fallback rows took the page."""


@dataclass(frozen=True)
class Scoring:
    """One run of the ranker over candidates."""

    task: str
    snapshot: SnapshotArrays
    product_indices: NDArray[np.int64]
    feature_names: tuple[str, ...]
    features: NDArray[np.float32]
    """Shape (features, candidates)."""
    score: NDArray[np.float64]
    purchase_probability: NDArray[np.float64]

    def describe(self, item: ItemRef) -> dict[str, Any] | None:
        """Score, rank from 1, and the features by name of one product; None when it was no candidate here."""
        (index,) = self.snapshot.product_indices([item.id]).tolist()
        columns = np.flatnonzero(self.product_indices == index).tolist() if index >= 0 else []
        if not columns:
            return None
        column = columns[0]
        values = self.features[:, column].tolist()
        return {
            "task": self.task,
            "rank": 1 + int((self.score > self.score[column]).sum()),
            "candidates": len(self.product_indices),
            "score": float(self.score[column]),
            "probability": float(self.purchase_probability[column]),
            "features": dict(zip(self.feature_names, values, strict=True)),
        }


@dataclass(frozen=True)
class Reranking:
    """One list in the order of a search engine or an API client, and the same in the visitor's order."""

    products: tuple[int, ...]
    """Their keys, in the original order."""
    personal_rank: tuple[int, ...]
    """For each of them its position in the visitor's own order, from 0."""
    result: tuple[int, ...]
    """The keys in the order of the page."""
    strength: int
    """Percent of the way from the one to the other."""
    not_wanted: frozenset[int]
    """Those that the visitor does not want to see, which are moved to the end."""
    scores: Mapping[int, float] = field(default_factory=dict)
    """What the visitor's own order goes by, for the products that the snapshot knows."""

    @classmethod
    def unchanged(cls, products: tuple[int, ...]) -> Self:
        """A list that stays in its original order."""
        return cls(products, tuple(range(len(products))), products, 0, frozenset())


@dataclass(frozen=True)
class TracedRow:
    """A row that was proposed for the page, and what became of it."""

    row: ProposedRow
    hidden_because: str = ""
    """Why the page does not show it; "" when it does."""
    shown: tuple[ItemRef, ...] = ()
    """Its items on the page."""
    outcomes: tuple[ActionOutcome, ...] = ()
    """What each action of the campaigns that act there did, or why it did nothing."""


@dataclass(frozen=True)
class ObjectiveMove:
    """What counts besides relevance did to a product of a row or a list."""

    before: int
    """Its place without it, from 1."""
    after: int
    pulls: Mapping[str, float]
    """By objective, by how many percent of the list it moved the product up, or down below 0."""


@dataclass
class Trace:
    """What one decision wrote down."""

    scorings: list[Scoring] = field(default_factory=list)
    rerankings: list[Reranking] = field(default_factory=list)
    rows: list[TracedRow] = field(default_factory=list)
    """As they are sorted on the page, those that are not shown among them."""
    failed_row_types: list[str] = field(default_factory=list)
    rules: dict[str, frozenset[ItemRef]] = field(default_factory=dict)
    """The items that a rule kept out of every row, by the rule."""
    unavailable: dict[ItemRef, str] = field(default_factory=dict)
    """The items that were looked up in vain: `NOT_BUYABLE` or `OUTSIDE_PRICE_RANGE`."""
    filters: list[tuple[str, frozenset[ItemRef], dict[str, Any]]] = field(default_factory=list)
    """(cause, items, facts) of what row types did not propose."""
    resolutions: list[Resolution] = field(default_factory=list)
    """What campaigns did to lists."""
    row_shifts: dict[str, int] = field(default_factory=dict)
    """By the key of a row, how many places the learned order moved it up; negative for down."""
    objective_moves: dict[str, dict[int, ObjectiveMove]] = field(default_factory=dict)
    """By the key of a row, "" for the list, and by product: what counts besides relevance did."""
    demoted: dict[str, frozenset[ItemRef]] = field(default_factory=dict)
    """By the key of a row, what stands behind its others, as the visitor saw it often and never touched it."""

    def start_page(self, basket: frozenset[int], not_wanted: frozenset[int], on_page: frozenset[int]) -> None:
        """Notes what the rules keep out. A page is made anew of fallback rows where its rows came to nothing."""
        kept_out = {IN_BASKET: basket, NOT_WANTED: not_wanted, ON_PAGE: on_page}
        self.rules = {rule: frozenset(map(product_ref, products)) for rule, products in kept_out.items() if products}

    def add_dismissed(self, row: ProposedRow) -> None:
        """Notes a row that the visitor sent away."""
        if not any(other.row.reason.key == row.reason.key for other in self.rows):
            self.rows.append(TracedRow(row, DISMISSED))

    def add_filled(self, filled: list[FilledRow], hidden: Mapping[str, str]) -> None:
        """Notes the rows of the page. `hidden`: by the key of a row, why it was left out when it was put into words."""
        self.rows = [replace(row, hidden_because=REPLACED, shown=()) if row.shown else row for row in self.rows]
        for one in filled:
            hidden_because = one.hidden_because or hidden.get(one.row.reason.key, "")
            items = () if hidden_because else tuple(candidate.item for candidate, _ in one.items)
            outcomes = (*one.row.merchandised.outcomes, *map(self._with_cause, one.outcomes))
            self.rows.append(TracedRow(one.row, hidden_because, items, outcomes))

    def _with_cause(self, outcome: ActionOutcome) -> ActionOutcome:
        """An outcome of a pin that may not stand, with the rule or the fact that keeps it out."""
        if outcome.outcome != MAY_NOT_STAND or outcome.product is None:
            return outcome
        item = product_ref(outcome.product)
        rule = next((rule for rule, items in self.rules.items() if item in items), "")
        return replace(outcome, facts={"cause": rule or self.unavailable.get(item, NOT_BUYABLE)})

    def objective_move(self, row_key: str, product_id: int) -> ObjectiveMove | None:
        """What counts besides relevance did to a product of a row, or of the list (""); None where nothing counts."""
        return self.objective_moves.get(row_key, {}).get(product_id)

    def add_demoted(self, row_key: str, items: Iterable[ItemRef]) -> None:
        """Notes what stands behind the others of a row."""
        self.demoted[row_key] = self.demoted.get(row_key, frozenset()) | frozenset(items)

    def is_demoted(self, row: TracedRow, item: ItemRef) -> bool:
        """Whether an item stands behind the others of this row, as the visitor saw it often and never touched it."""
        return item in self.demoted.get(row.row.reason.key, ())

    def add_filter(self, cause: str, items: Iterable[ItemRef], **facts: Any) -> None:
        """Notes the products that a row type considered and did not propose, and why."""
        self.filters.append((cause, frozenset(items), facts))

    def filters_of(self, item: ItemRef) -> list[dict[str, Any]]:
        """Why row types did not propose this item, where they noted it."""
        return [{"cause": cause, **facts} for cause, items, facts in self.filters if item in items]

    def rows_with(self, item: ItemRef) -> list[TracedRow]:
        """The rows in which an item stands, or could: those that show it, with or without a campaign, and those that it
        was a candidate for."""
        return [row for row in self.rows if item in row.shown or any(one.item == item for one in row.row.candidates)]

    def _why_kept_out(self, row: TracedRow, item: ItemRef) -> tuple[str, dict[str, Any]] | None:
        """A rule, a campaign, or that it cannot be bought."""
        for rule, items in self.rules.items():
            if item in items:
                return rule, {}
        if not row.row.may_hold(item):
            removal = row.row.merchandised.removed[item.id]
            return removal.cause, {"campaign": removal.campaign}
        return (self.unavailable[item], {}) if item in self.unavailable else None

    def why_left_out(self, row: TracedRow, item: ItemRef) -> tuple[str, dict[str, Any]]:
        """Why a candidate of this row is not shown in it: a code, and facts. ("", {}) when it is shown."""
        if item in row.shown:
            return "", {}
        if outside := self._why_kept_out(row, item):
            return outside
        above = next((other for other in self.rows[: self.rows.index(row)] if item in other.shown), None)
        if above is not None:
            return TAKEN_ABOVE, {"row": above.row.reason.key, "position": above.shown.index(item)}
        if row.hidden_because:
            return row.hidden_because, {"shown_rows": sum(not other.hidden_because for other in self.rows)}
        rank = next(rank for rank, one in enumerate(row.row.candidates, 1) if one.item == item)
        facts = {"rank": rank, "shown": len(row.shown)}
        return BEYOND_ROW_SIZE, facts | ({"often_seen": True} if self.is_demoted(row, item) else {})
