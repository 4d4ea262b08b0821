"""What counts besides relevance puts a row or a list in another order before campaigns act: within a bound, without a
query, and for all visitors alike, but for who gets what is scarce."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice

from personalization.decide.merchandising import shift
from personalization.decide.row_plan import row_settings
from personalization.decide.slate import PRODUCT, Candidate, Reason, RowCandidate, RowType
from personalization.decide.store_preference import LINES_AHEAD
from personalization.decide.trace import ObjectiveMove
from personalization.decide.visit import Visit
from personalization.merchandising.compiled_objectives import Dial, Objective, total_moves

LIST_WINDOW = 200
"""Of a longer list the first so many."""
BEST_TIER = 1
"""The tier by expected spend of the tenth of the customers of whom most is expected."""


def acting_dials(visit: Visit, surface: str) -> tuple[Dial, ...]:
    """What counts for this visit on a surface."""
    dials = visit.rules.objectives.by_surface.get(surface, ())
    if not dials or _comes_first(visit):
        return dials
    return tuple(dial for dial in dials if dial.objective is not Objective.VALUE)


def _comes_first(visit: Visit) -> bool:
    """Whether they are among the customers who get what is scarce first; nobody who is held back."""
    return not visit.held_back and visit.facts is not None and visit.facts.expected_tier == BEST_TIER


def order_row(row: RowCandidate, row_type: RowType, surface: str, visit: Visit) -> RowCandidate:
    """The row after what counts on its surface; itself where nothing does, its order is what it is about, or its own
    settings say what counts in it."""
    dials = () if row_type.keeps_order else acting_dials(visit, surface)
    settings = row_settings(visit, surface, row_type.code) if dials else None
    if not dials or row.merchandised is not None or (settings is not None and settings.nudges):
        return row
    absent = visit.basket | visit.excluded_products | visit.shown_products
    window = _first_candidates((one for one in row.candidates if one.item.id not in absent), visit)
    order = _ordered_window(window, dials, visit, Reason(row_type.code, row.params).key)
    if order == window:
        return row
    places = {one.item: place for place, one in enumerate(window)}
    raised = frozenset(one.item.id for place, one in enumerate(order) if place < places[one.item])
    behind = [one for one in row.candidates if one.item not in places]
    return replace(row, candidates=[*order, *behind], raised=raised)


def order_candidates(candidates: Iterable[Candidate], visit: Visit, surface: str) -> Iterator[Candidate]:
    """A ranked list after what counts on its surface."""
    dials = acting_dials(visit, surface)
    if not dials:
        return iter(candidates)
    rest = iter(candidates)
    if visit.candidate_products or visit.category is not None:
        window = list(islice(rest, LIST_WINDOW))
    else:
        window = list(islice(rest, LINES_AHEAD * visit.policy.row_size))
    return chain(_ordered_window(window, dials, visit, ""), rest)


def order_list(products: Sequence[int], visit: Visit, surface: str) -> Sequence[int]:
    """The products of a list that was found, after what counts on its surface. What the visitor does not want to see
    stays behind."""
    dials = acting_dials(visit, surface)
    if not dials:
        return products
    window, behind = products[:LIST_WINDOW], products[LIST_WINDOW:]
    wanted = [key for key in window if key not in visit.excluded_products]
    unwanted = [key for key in window if key in visit.excluded_products]
    return (*_in_order_of_dials(wanted, dials, visit, ""), *unwanted, *behind)


def _first_candidates(candidates: Iterable[Candidate], visit: Visit) -> list[Candidate]:
    """The first candidates of a row; none where it does not hold products, or holds one of them twice."""
    first = list(islice(candidates, LINES_AHEAD * visit.policy.row_size))
    keys = {one.item.id for one in first if one.item.kind == PRODUCT}
    return first if len(keys) == len(first) else []


def _ordered_window(window: list[Candidate], dials: Sequence[Dial], visit: Visit, key: str) -> list[Candidate]:
    by_id = {one.item.id: one for one in window}
    if len(by_id) < len(window):
        return window
    return [by_id[one] for one in _in_order_of_dials(list(by_id), dials, visit, key)]


def _in_order_of_dials(products: list[int], dials: Sequence[Dial], visit: Visit, key: str) -> list[int]:
    """Parameters: `key` of the row, for the trace; "" for a list."""
    percents = total_moves(dials, products)
    order = shift(products, (), percents=percents) if percents else products
    if visit.trace is not None and order != products:
        visit.trace.objective_moves[key] = dict(_noted_moves(products, order, dials))
    return order


def _noted_moves(before: list[int], after: list[int], dials: Sequence[Dial]) -> Iterator[tuple[int, ObjectiveMove]]:
    """What is noted of each product: where it stood and stands, and which of them moved it."""
    places = {key: place for place, key in enumerate(after, 1)}
    parts = [(dial.objective, dial.pulls(before).tolist()) for dial in dials]
    for index, key in enumerate(before):
        pulls = {str(objective): moves[index] for objective, moves in parts if moves[index]}
        yield key, ObjectiveMove(index + 1, places[key], pulls)
