"""What a visitor saw again and again and never touched: it makes room on their home page for what they may not know.

On the home page only: there their recent events are read anyway, so that it costs no query.
"""

from dataclasses import replace

from personalization.decide.slate import PRODUCT, Reason, RowCandidate
from personalization.decide.visit import Visit
from personalization.models.events import SEEN_DAYS, EventType
from personalization.recommenders import DAY

SURFACE = "home"


def demote_often_seen(row: RowCandidate, code: str, visit: Visit, surface: str) -> RowCandidate:
    """The row with such products behind its others; itself where the others would not fill it, so that a row which is
    sorted by a number under its cards still is. Parameters: `code` of its row type."""
    if surface != SURFACE or not visit.policy.demote_after_views or not visit.often_seen:
        return row
    untouched = visit.remember(("untouched_products", ""), lambda: _untouched_products(visit))
    last = [one for one in row.candidates if one.item.kind == PRODUCT and one.item.id in untouched]
    first = [one for one in row.candidates if one.item.kind != PRODUCT or one.item.id not in untouched]
    if not last or len(first) < visit.policy.row_size:
        return row
    if visit.trace is not None:
        visit.trace.add_demoted(Reason(code, row.params).key, (one.item for one in last))
    return replace(row, candidates=first + last)


def _untouched_products(visit: Visit) -> frozenset[int]:
    """Those of the products that they saw often with which they did nothing within the time in which they saw them."""
    since = visit.timestamp - SEEN_DAYS * DAY
    touched = {event.product_id for event in visit.recent_events if event.timestamp >= since and _is_touch(event.type)}
    bought = {row[0] for row in visit.genome.products if row[3] >= since}
    return frozenset(visit.often_seen) - touched - bought


def _is_touch(event_type: str) -> bool:
    return event_type != EventType.SEARCH
