"""Which rows a page may show, as its surface and the merchants' settings of rows say."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.utils.translation import get_language

from personalization.decide.audience import is_for, is_scheduled
from personalization.decide.slate import HOUSEHOLD, PRODUCT, Candidate, RowCandidate, RowText, RowType
from personalization.decide.trace import LEFT_OUT_BY_ROW
from personalization.decide.visit import Visit
from personalization.merchandising.compiled_rows import RowSettings, page_order
from personalization.recommenders import DAY

TITLE_PLACEHOLDER = re.compile(r"\{(product|category|name)\}")
MakeOwnRowType = Callable[[RowSettings], RowType]


@dataclass(frozen=True)
class PlannedRow:
    """A row type as it is on one page."""

    type: RowType
    """With the title and the numbers that the settings say; what they leave out, it does not propose."""
    settings: RowSettings | None = None
    rank: int = 0
    """Sorts the rows of the page; equal for all where nobody set anything."""
    stands_in_for: str = ""
    """The code of the row type that it is shown instead of, when that has too few products."""

    @property
    def is_own(self) -> bool:
        """Whether it is a row of the shop's own, and no built-in one."""
        return self.settings is not None and self.settings.source is not None


@dataclass(frozen=True)
class PagePlan:
    """The rows that a page may show."""

    surface: str
    rows: tuple[PlannedRow, ...]
    """Made from what was learned."""
    fallback_rows: tuple[PlannedRow, ...]
    """Made from the shop's own tables, where those come to nothing."""

    def map_types(self, change: Callable[[RowType], RowType | None]) -> "PagePlan":
        """The plan with changed row types, without those that are changed to None."""
        return replace(self, rows=_with_types(self.rows, change), fallback_rows=_with_types(self.fallback_rows, change))

    def own_codes(self) -> set[str]:
        """The codes of the shop's own rows."""
        return {one.type.code for one in (*self.rows, *self.fallback_rows) if one.is_own}


def plan_as_built(surface: str, rows: Iterable[RowType], fallback_rows: Iterable[RowType]) -> PagePlan:
    """The rows of a surface that nobody set anything for."""
    return PagePlan(surface, tuple(map(PlannedRow, rows)), tuple(map(PlannedRow, fallback_rows)))


def plan_page(
    surface: str,
    rows: Sequence[RowType],
    fallback_rows: Sequence[RowType],
    visit: Visit,
    *,
    registered: Callable[[], Mapping[str, RowType]],
    make_own: MakeOwnRowType,
) -> PagePlan:
    """The rows of a surface for a visit.

    Parameters
    ----------
    rows, fallback_rows
        what the surface shows where nobody set anything.
    registered
        gives all row types by code: any may stand in for another.
    make_own
        makes the row type of a row of the shop's own.
    """
    settings = visit.rules.rows.get(surface)
    if not settings:
        return plan_as_built(surface, rows, fallback_rows)
    known = {row_type.code: row_type for row_type in (*fallback_rows, *rows)}
    personal = [code for code in dict.fromkeys(one.code for one in (*rows, *fallback_rows)) if known[code].personal]
    others = [code for code in dict.fromkeys(one.code for one in (*rows, *fallback_rows)) if code not in personal]
    order = page_order(personal, others, settings)
    own = {one.code: make_own(one) for one in settings.values() if one.source is not None and one.code not in known}

    def planned(shown: Sequence[RowType]) -> Iterable[PlannedRow]:
        types = {row_type.code: row_type for row_type in shown} | own
        for rank, code in enumerate(order, 1):
            one = settings.get(code)
            if code not in types or (one is not None and not (one.is_shown and _is_there_for(one, visit))):
                continue
            yield _as_set(types[code], one, rank)
            for other in one.fallback if one is not None else ():
                found = types.get(other) or known.get(other) or registered().get(other)
                if found is not None and other != code and _is_there_for(settings.get(other), visit):
                    yield replace(_as_set(found, settings.get(other), rank), stands_in_for=code)

    return PagePlan(surface, tuple(planned(rows)), tuple(planned(fallback_rows)))


def row_settings(visit: Visit, surface: str, code: str) -> RowSettings | None:
    """What was set for this row; None for nothing."""
    return visit.rules.rows.get(surface, {}).get(code)


def title_in_language(titles: Mapping[str, str], language: str | None) -> str:
    """The title for readers of a language, or of the language that it is a variant of; "" for none."""
    code = (language or "").lower()
    return titles.get(code) or titles.get(code.partition("-")[0], "")


def fill_title(text: str, params: Mapping[str, Any]) -> str:
    """A title with the names of what its row is about; "" where the row lacks one of them."""
    names = {name: params.get(name) for name in TITLE_PLACEHOLDER.findall(text)}
    if not all(isinstance(name, str) and name for name in names.values()):
        return ""
    return TITLE_PLACEHOLDER.sub(lambda found: str(names[found[1]]), text)


def _is_there_for(one: RowSettings | None, visit: Visit) -> bool:
    """Whether a row is there for this visitor at this moment."""
    return one is None or (is_scheduled(one.schedule, visit.timestamp) and is_for(one.audience, visit))


def _as_set(row_type: RowType, one: RowSettings | None, rank: int) -> PlannedRow:
    if one is None:
        return PlannedRow(row_type, None, rank)
    fewest = row_type.min_items if one.fewest is None else one.fewest
    changed = replace(
        row_type,
        title=_titled(row_type.title, one.titles) if one.titles else row_type.title,
        min_items=fewest if one.most is None else min(fewest, one.most),
        max_items=row_type.max_items if one.most is None else None,
    )
    if one.without_bought_days or one.only is not None:
        changed = replace(
            changed,
            propose=row_type.propose and partial(_propose_rest, row_type.propose, one),
            fallback=row_type.fallback and partial(_propose_rest, row_type.fallback, one),
        )
    return PlannedRow(changed, one, rank)


def _titled(built_in: RowText, titles: Mapping[str, str]) -> RowText:
    """The title in the reader's language, or the row type's own: also for a household, of which the shop's title may
    say "you"."""

    def title(params: dict[str, Any]) -> str:
        if params.get(HOUSEHOLD):
            return built_in(params)
        return fill_title(title_in_language(titles, get_language()), params) or built_in(params)

    return title


def _propose_rest(
    propose: Callable[..., Iterable[RowCandidate]], one: RowSettings, visit: Visit, *snapshot: Any
) -> Iterable[RowCandidate]:
    """The rows without the products that the settings leave out."""
    bought = _bought_lately(visit, one.without_bought_days)
    for row in propose(visit, *snapshot):
        products = {candidate.item.id for candidate in row.candidates if candidate.item.kind == PRODUCT}
        rest = (products if one.only is None else one.only.matching(products, visit.product)) - bought
        if visit.trace is not None and products - rest:
            gone = [candidate.item for candidate in row.candidates if _is_among(candidate, products - rest)]
            visit.trace.add_filter(LEFT_OUT_BY_ROW, gone, row=one.code)
        yield replace(row, candidates=[each for each in row.candidates if not _is_among(each, products - rest)])


def _is_among(candidate: Candidate, products: set[int]) -> bool:
    return candidate.item.kind == PRODUCT and candidate.item.id in products


def _bought_lately(visit: Visit, days: int) -> set[int]:
    """The keys of the products that the visitor bought within so many days."""
    return {row[0] for row in visit.genome.products if days and row[3] > visit.timestamp - days * DAY}


def _with_types(rows: Iterable[PlannedRow], change: Callable[[RowType], RowType | None]) -> tuple[PlannedRow, ...]:
    pairs = ((one, change(one.type)) for one in rows)
    return tuple(replace(one, type=changed) for one, changed in pairs if changed is not None)
