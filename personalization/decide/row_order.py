"""The order of a page's rows by what was learned of them: a draw of each day, and never further than the policy says.

Only rows that are the same for all visitors move, and among themselves: personal ones stand by what this customer is
expected to buy, which says more than an average. Where merchants decided something about a place, it stays.
"""

from collections.abc import Mapping, Sequence

from personalization.decide.bounded_order import reorder_bounded
from personalization.decide.layout import ProposedRow
from personalization.decide.visit import Visit
from personalization.merchandising.assignment import (
    CONTROL_BUCKETS,
    DRAWN_ORDER,
    ROW_ORDER,
    SHOP_ORDER,
    bucket_of,
)
from personalization.models.row_draws import RowAudience


def order_rows(rows: Sequence[ProposedRow], visit: Visit, surface: str) -> list[ProposedRow]:
    """The rows of a page, given in the shop's order, in the one that this visit sees. Those that have too few products
    to be shown stand last, so that they are no places to overtake."""
    rates = _drawn_rates(visit, surface)
    if not rates or _is_control(visit):
        return list(rows)
    full = [row for row in rows if _is_full(row)]
    fixed = {number for number, row in enumerate(full) if row.type.code not in rates or not _may_move(row, rows)}
    by_number = {number: rates.get(row.type.code, 0.0) for number, row in enumerate(full)}
    order = reorder_bounded(range(len(full)), by_number, max_shift=visit.policy.row_order_max_shift, pinned=fixed)
    if visit.trace is not None:
        visit.trace.row_shifts = {full[number].reason.key: number - place for place, number in enumerate(order)}
    return [*(full[number] for number in order), *(row for row in rows if not _is_full(row))]


def _is_full(row: ProposedRow) -> bool:
    """Whether it has enough to be shown, as far as can be said before it is known what can be bought."""
    return bool(row.links) or len(row.candidates) >= row.type.min_items


def row_order_arm(visit: Visit, surface: str) -> dict[str, str]:
    """Which of the two orders the surface has for a visit, as tokens name it; {} where there is only one, or nobody who
    may be counted."""
    if visit.unit is None or not _drawn_rates(visit, surface):
        return {}
    return {ROW_ORDER: SHOP_ORDER if _is_control(visit) else DRAWN_ORDER}


def _drawn_rates(visit: Visit, surface: str) -> Mapping[str, float]:
    """By the codes of rows; none where the shop's order is the only one.

    Whoever did not agree is not told apart by their device: they see what everybody sees who did not.
    """
    if not visit.policy.row_order_max_shift or visit.held_back or is_tried(visit, surface):
        return {}
    is_phone = visit.tracking_allowed and visit.device == "phone"
    return visit.rules.row_rates.get(RowAudience(surface, visit.user_id is not None, is_phone), {})


def is_tried(visit: Visit, surface: str) -> bool:
    """Whether an experiment runs on the surface: its arms must not differ by anything else."""
    return any(surface in one.season.surfaces for one in visit.rules.experiments)


def _is_control(visit: Visit) -> bool:
    return visit.unit is not None and bucket_of(visit.unit, ROW_ORDER) < CONTROL_BUCKETS


def _may_move(row: ProposedRow, rows: Sequence[ProposedRow]) -> bool:
    """Not where merchants gave it, or what stands in for it, a place."""
    is_pair = row.stands_in_for or any(other.stands_in_for == row.type.code for other in rows)
    return not (row.type.personal or row.keeps_place or is_pair)
