"""Rows prefer what lies in the store where a visitor fetches their orders."""

from collections.abc import Sequence
from dataclasses import replace

from personalization.decide.layout import LayoutLimits, ProposedRow
from personalization.decide.merchandising import shift
from personalization.decide.slate import PRODUCT, Candidate
from personalization.decide.visit import Visit
from personalization.models.fail_open import fail_open
from personalization.shop.stores import products_in_store

LINES_AHEAD = 5
"""Of a row, the candidates for so many lines are looked at: what stands further behind is not brought to the front."""


def prefer_store(rows: Sequence[ProposedRow], visit: Visit, limits: LayoutLimits) -> list[ProposedRow]:
    """The rows in whose first candidates those that the visitor's store has stand up to `store_preference` percent
    further in front. One query, by visitors who chose a store; what cannot be read moves nothing."""
    if not visit.store or not visit.policy.store_preference:
        return list(rows)
    windows = [_first_products(row, LINES_AHEAD * limits.row_size) for row in rows]
    there: set[int] = set()
    with fail_open("Reading what a store has"):
        there = products_in_store(visit.store, {one.item.id for window in windows for one in window})
    return [_preferring(row, window, there, visit) for row, window in zip(rows, windows, strict=True)]


def _first_products(row: ProposedRow, count: int) -> list[Candidate]:
    """None where it does not hold products, or holds one of them twice."""
    if any(one.item.kind != PRODUCT for one in row.candidates):
        return []
    first = [one for one in row.candidates if row.may_hold(one.item)][:count]
    return first if len({one.item for one in first}) == len(first) else []


def _preferring(row: ProposedRow, window: list[Candidate], there: set[int], visit: Visit) -> ProposedRow:
    by_id = {one.item.id: one for one in window}
    percents = dict.fromkeys(by_id.keys() & there, visit.policy.store_preference)
    if not percents:
        return row
    order = shift(list(by_id), (), percents=percents)
    behind = [one for one in row.candidates if one.item.id not in by_id]
    return replace(row, candidates=[*(by_id[key] for key in order), *behind])
