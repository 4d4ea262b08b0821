"""What an experiment's units came to: orders after their first exposure, and the sums from which it is judged.

Each exposure holds what its visitor came to, so that the sums stay when the visitor is forgotten. An exposure is
counted anew until its window is over and its orders are too old to come back; how often, and in which order, changes
nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from personalization.measure.capping import cap_revenue
from personalization.measure.guardrails import slowest_pages
from personalization.measure.part_differences import sum_parts
from personalization.measure.search_outcomes import OneSearch, is_second_search, searches_of
from personalization.measure.sums import sum_units
from personalization.models import Event, Exposure, OrderVisitor, Season, Visitor
from personalization.models.experiments import RETURN_DAYS
from personalization.privacy.retention import retention_cutoffs
from personalization.shop import order_values
from personalization.shop.order_values import OrderWorth

BATCH_SIZE = 1_000
PAST = timedelta(days=90)
"""What customers bought in so long before their first exposure sharpens the result."""
Sums = list[float]
"""The fields of a `sums.MetricSums`, in their order."""


def count_outcomes(season: Season, now: datetime) -> None:
    """Stores what the units of a season came to by now, those that may have changed. A constant number of queries for
    each thousand of them."""
    settled = now - season.window - timedelta(days=RETURN_DAYS + 1)
    for batch in Exposure.objects.in_batches(season.pk, BATCH_SIZE):
        open_ones = [row for row in batch if row.visitor_id is not None and not row.is_settled]
        for row in open_ones:
            row.is_settled = row.first_at < settled
        if open_ones:
            _count_batch(season, open_ones, now)


def _count_batch(season: Season, rows: list[Exposure], now: datetime) -> None:
    visitors = Visitor.objects.in_bulk([row.visitor_id for row in rows])
    orders = _orders_by_visitor(visitors, min(row.first_at for row in rows))
    pasts, searched = _pasts(rows, visitors), _searches(rows, now)
    changed = []
    for row in rows:
        visitor = visitors.get(row.visitor_id)
        if visitor is None:  # forgotten at this moment
            continue
        before = row.outcome()
        until = min(row.first_at + season.window, now)
        _set_outcome(row, [one for one in orders[visitor.pk] if row.first_at <= one.placed_at <= until], now)
        row.refusals = _refusals(visitor, row.first_at, until)
        if visitor.pk in searched:
            _count_searches(row, [one for one in searched[visitor.pk] if row.first_at <= one.first_at <= until])
        if row.past_orders is None and row.pk in pasts:
            row.past_orders, row.past_revenue = pasts[row.pk]
        if row.is_settled or row.outcome() != before:
            changed.append(row)
    Exposure.objects.store_outcomes(changed)


def _set_outcome(row: Exposure, orders: list[OrderWorth], now: datetime) -> None:
    kept = [one for one in orders if one.kept_pieces]
    returnable = now - timedelta(days=RETURN_DAYS)
    row.orders, row.items = len(kept), sum(one.kept_pieces for one in kept)
    row.gross = float(sum(one.gross for one in orders))
    row.lost_amount = float(sum(one.lost_amount for one in orders))
    row.young = float(sum(one.gross - one.lost_amount for one in kept if one.placed_at > returnable))


def _orders_by_visitor(visitors: Mapping[Any, Visitor], since: datetime) -> Mapping[Any, list[OrderWorth]]:
    """What each of these visitors ordered since, in the shop's own currency."""
    links = OrderVisitor.objects.filter(visitor__in=list(visitors), placed_at__gte=since)
    owner = dict(links.values_list("order_id", "visitor_id"))
    found: dict[Any, list[OrderWorth]] = defaultdict(list)
    for one in order_values.order_worths(owner):
        found[owner[one.order_id]].append(one)
    return found


def _pasts(rows: list[Exposure], visitors: Mapping[Any, Visitor]) -> dict[int, tuple[int, float]]:
    """By exposure of a customer whose past was not looked up yet: (kept orders, kept revenue) of the time before.

    What customers ordered before they had everything erased is not used.
    """
    wanted = {
        visitors[row.visitor_id].user_id: row
        for row in rows
        if row.is_customer and row.past_orders is None and row.visitor_id in visitors
    }
    wanted.pop(None, None)
    if not wanted:
        return {}
    firsts = [row.first_at for row in wanted.values()]
    found: dict[int, tuple[int, float]] = {row.pk: (0, 0.0) for row in wanted.values()}
    placed = order_values.orders_of_customers(wanted, min(firsts) - PAST, max(firsts))
    owner = dict(placed)
    for one in order_values.order_worths(owner):
        row = wanted[owner[one.order_id]]
        erased_at = visitors[row.visitor_id].erased_at
        if row.first_at - PAST <= one.placed_at < row.first_at and (erased_at is None or one.placed_at > erased_at):
            orders, revenue = found[row.pk]
            found[row.pk] = orders + bool(one.kept_pieces), revenue + float(one.gross - one.lost_amount)
    return found


def _searches(rows: list[Exposure], now: datetime) -> dict[Any, list[OneSearch]]:
    """By visitor, in its order, what those searched for of whom all searches since their first exposure are still
    stored; of others the last count stays."""
    begin = retention_cutoffs(now).searches
    known = {row.visitor_id: row for row in rows if row.visitor_id is not None and row.first_at >= begin}
    found: dict[Any, list[OneSearch]] = {key: [] for key in known}
    if known:
        since = min(row.first_at for row in known.values())
        for one in searches_of(Event.objects.search_steps(since, now, known), {}):
            found[one.visitor_id].append(one)
    return found


def _count_searches(row: Exposure, searches: list[OneSearch]) -> None:
    known = [one for one in searches if one.hits is not None]
    row.searches, row.searches_without_hits = len(known), sum(one.hits == 0 for one in known)
    row.second_searches = sum(is_second_search(one, before) for before, one in pairwise(searches))


def _refusals(visitor: Visitor, since: datetime, until: datetime) -> int:
    """How often a visitor said in this time that they are not interested."""
    first, last = since.timestamp(), until.timestamp()
    return sum(one.sign < 0 and first <= one.recorded_at <= last for one in visitor.get_preferences())


def sum_season(season: Season, before: datetime) -> dict[str, Any]:
    """The sums of a season over the units that were first exposed before a moment, as `Season.looks` keeps them.

    Crossed units are in none of them, and counted by themselves.
    """
    rows = Exposure.objects.filter(season=season, first_at__lt=before)
    arms = [arm["key"] for arm in season.document["arms"]]
    units: dict[str, list[Exposure]] = {arm: [] for arm in arms}
    for row in rows.filter(is_crossed=False).iterator(chunk_size=5_000):
        if row.arm in units:
            units[row.arm].append(row)
    return {
        "until": before.isoformat(),
        "crossed": rows.filter(is_crossed=True).count(),
        "arms": {arm: _sum_arm(some, season.revenue_cap) for arm, some in units.items()},
    }


def _sum_arm(units: list[Exposure], cap: float | None) -> dict[str, Any]:
    bought = [float(one.orders > 0) for one in units]
    capped = [cap_revenue(one.kept_amount, cap) for one in units]
    known = [one.past_orders is not None for one in units]
    past_orders = [float((one.past_orders or 0) > 0) for one in units]
    past_revenue = [cap_revenue(one.past_revenue or 0.0, cap) for one in units]
    searches = [float(one.searches) for one in units]
    return {
        "orders": sum(one.orders for one in units),
        "buyers": int(sum(bought)),
        "young": sum(one.young for one in units),
        "kept": sum(one.kept_amount for one in units),
        "conversion": _by_past(bought, past_orders, known),
        "revenue": _by_past(capped, past_revenue, known),
        "uncapped": _sums([one.kept_amount for one in units]),
        "order_value": _sums([one.kept_amount for one in units], [float(one.orders) for one in units]),
        "items": _sums([float(one.items) for one in units], [float(one.orders) for one in units]),
        "repeat": _sums([float(one.orders > 1) for one in units]),
        "lost_share": _sums([one.lost_amount for one in units], [one.gross for one in units]),
        "not_interested": _sums([float(one.refusals > 0) for one in units]),
        "opt_outs": _sums([float(one.opted_out) for one in units]),
        "zero_results": _sums([float(one.searches_without_hits) for one in units], searches),
        "second_searches": _sums([float(one.second_searches) for one in units], searches),
        "page_time": slowest_pages(one.page_milliseconds for one in units),
        "parts": sum_parts(units),
    }


def _by_past(y: list[float], x: list[float], known: list[bool]) -> dict[str, Sums]:
    """The sums of those whose past is known, and of the others."""

    def sums_where(wanted: bool) -> Sums:
        chosen = [place for place, one in enumerate(known) if one is wanted]
        return _sums([y[place] for place in chosen], [x[place] for place in chosen] if wanted else None)

    return {"with_past": sums_where(True), "without_past": sums_where(False)}


def _sums(y: Iterable[float], x: Iterable[float] | None = None) -> Sums:
    one = sum_units(list(y), None if x is None else list(x))
    return [one.n, one.y, one.yy, one.x, one.xx, one.xy]
