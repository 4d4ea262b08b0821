"""The back-test: what a change of the rules, or of the policy, would have done to pages before past orders.

1. `campaign_change`, `row_change`, `objectives_change` or `policy_change` says what changes, and on which pages that
   can be seen.
2. `run_back_test` goes through past orders while there is time. For each it makes the visits on pages where what was
   bought may have been found, and decides each page twice, by the code that serves it.
3. `measure.back_test` compares.

Nothing is stored, and nothing is asked of the shop while a page is decided but the search engine, once for each
category and search.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from personalization.batching import batched
from personalization.decide.audience import is_scheduled
from personalization.measure.back_test import BackTest, PageKind, ReplayedPage, compare_pages
from personalization.merchandising.compiled import CompiledRules, Place, Schedule
from personalization.merchandising.compiled_objectives import Dial
from personalization.oscar.past_visits import read_past_visits
from personalization.oscar.replayed_pages import PageReplay, RuleChange
from personalization.oscar.shown_slates import SlateReplay
from personalization.shop.past_orders import consented_order_ids

PAST_DAYS = 28
MAX_ORDERS = 300
ORDERS_PER_BATCH = 60
"""Read together."""
KINDS = {
    "category": PageKind.CATEGORY_LIST,
    "search": PageKind.SEARCH_LIST,
    "home": PageKind.HOME_ROWS,
    "product": PageKind.PRODUCT_ROWS,
    "basket": PageKind.BASKET_ROWS,
}
"""By surface, the pages that are replayed for a campaign that acts there."""


@dataclass(frozen=True)
class BackTestRun:
    """What came of it."""

    results: Mapping[PageKind, BackTest]
    pages: Mapping[PageKind, list[ReplayedPage]]
    left_out: tuple[str, ...]
    orders: int
    """How many were gone through."""
    all_orders: int
    """How many there are of customers who allow their use."""
    seconds: float

    @property
    def is_partial(self) -> bool:
        """Whether there are more orders than were gone through."""
        return self.orders < self.all_orders


def campaign_change(before: CompiledRules, after: CompiledRules, key: int, now: float) -> RuleChange:
    """A campaign as it would be after its draft is published, among all else that serves today."""
    versions = [one for rules in (before, after) for one in rules.campaigns if one.id == key]
    places = [place for one in versions for place in one.where]
    pages = {place: _kind_of(place) for place in places}
    categories = [place.categories for place in places if place.surface == "category"]
    devices = versions[-1].audience.devices if versions else frozenset()
    today = _as_always(before, now)
    return RuleChange(
        today,
        replace(_as_always(after, now, key), rows=today.rows),
        tuple(sorted({kind for kind in pages.values() if kind is not None})),
        tuple(sorted({place.surface for place, kind in pages.items() if kind is None})),
        campaign=key,
        device=min(devices, default=""),
        categories=None if None in categories else frozenset().union(*(one for one in categories if one)),
        phrases=tuple(dict.fromkeys(" ".join(one.terms) for place in places for one in place.searches if one.terms)),
    )


def row_change(before: CompiledRules, after: CompiledRules, surface: str, code: str, now: float) -> RuleChange:
    """The settings of a row as they would be after their draft is published."""
    kind = PageKind.CATEGORY_ROWS if surface == "category" else KINDS.get(surface)
    settings = after.rows.get(surface, {}).get(code)
    rows = {**after.rows.get(surface, {})}
    if settings is not None:
        rows[code] = replace(settings, schedule=_without_dates(settings.schedule))
    return RuleChange(
        _as_always(before, now),
        replace(_as_always(after, now), rows={**after.rows, surface: rows}),
        () if kind is None else (kind,),
        (surface,) if kind is None else (),
        row=(surface, code),
        device=min(settings.audience.devices, default="") if settings is not None else "",
    )


def objectives_change(before: CompiledRules, after: CompiledRules, now: float) -> RuleChange:
    """Another say of what counts, on the pages of the surfaces where it differs, among all else that serves today."""
    sides = before.objectives.by_surface, after.objectives.by_surface
    changed = [name for name in sorted({*sides[0], *sides[1]}) if _counted(sides[0], name) != _counted(sides[1], name)]
    kinds = [KINDS[name] for name in changed if name in KINDS]
    if "category" in changed:
        kinds.append(PageKind.CATEGORY_ROWS)
    today = _as_always(before, now)
    left_out = tuple(name for name in changed if name not in KINDS)
    return RuleChange(today, replace(today, objectives=after.objectives), tuple(kinds), left_out)


def _counted(dials: Mapping[str, Sequence[Dial]], surface: str) -> list[tuple[str, int, int]]:
    """What counts on a surface; numbers that were compiled together are the same object where they are the same."""
    return [(dial.objective, dial.percent, id(dial.numbers)) for dial in dials.get(surface, ())]


def policy_change(rules: CompiledRules, policy: Mapping[str, Any], now: float) -> RuleChange:
    """Other numbers of the policy, under the rules that serve today."""
    of_lists = {name for name in policy if name.startswith("rerank_")}
    lists = (PageKind.CATEGORY_LIST, PageKind.SEARCH_LIST) if of_lists else ()
    rows = (PageKind.HOME_ROWS, PageKind.PRODUCT_ROWS, PageKind.BASKET_ROWS) if policy.keys() - of_lists else ()
    today = _as_always(rules, now)
    return RuleChange(today, today, (*lists, *rows), policy=policy)


def run_back_test(change: RuleChange, *, seconds: float, most: int = MAX_ORDERS, days: int = PAST_DAYS) -> BackTestRun:
    """Goes through the orders of the last days, at most so many, and begins none after this time."""
    started, until = time.monotonic(), datetime.now(UTC)
    order_ids = consented_order_ids(until - timedelta(days=days), until)
    replay, shown = PageReplay(change), SlateReplay(change, until - timedelta(days=days), until)
    pages: dict[PageKind, list[ReplayedPage]] = {kind: [] for kind in (*change.kinds, PageKind.SHOWN)}
    looked_at = 0
    for batch in batched(order_ids[:most], ORDERS_PER_BATCH):
        past = read_past_visits(batch)
        by_order = {one.order.id: one for one in past.visits}
        for order_id in batch:
            if time.monotonic() - started > seconds:
                break
            looked_at += 1
            if order_id in by_order:
                for kind in change.kinds:
                    pages[kind] += replay.pages(kind, by_order[order_id], past)
        else:
            pages[PageKind.SHOWN] += shown.pages(past)
            continue
        break
    results = {kind: compare_pages(some) for kind, some in pages.items() if some or kind is not PageKind.SHOWN}
    return BackTestRun(results, pages, change.left_out, looked_at, len(order_ids), time.monotonic() - started)


def _kind_of(place: Place) -> PageKind | None:
    if place.row_codes is not None and place.surface in ("category", "search"):
        return PageKind.CATEGORY_ROWS if place.surface == "category" else None
    return KINDS.get(place.surface)


def _as_always(rules: CompiledRules, now: float, campaign: int | None = None) -> CompiledRules:
    """The rules that act today, as though they had always; and this campaign, whenever it is to begin. Its days of the
    week and its hours stay."""
    campaigns = (
        replace(one, schedule=_without_dates(one.schedule))
        for one in rules.campaigns
        if one.id == campaign or _is_in_its_dates(one.schedule, now)
    )
    rows = {
        surface: {
            code: replace(one, schedule=_without_dates(one.schedule))
            for code, one in settings.items()
            if _is_in_its_dates(one.schedule, now)
        }
        for surface, settings in rules.rows.items()
    }
    return replace(rules, campaigns=tuple(campaigns), rows=rows)


def _is_in_its_dates(schedule: Schedule, now: float) -> bool:
    return is_scheduled(Schedule(schedule.starts, schedule.ends), now)


def _without_dates(schedule: Schedule) -> Schedule:
    return replace(schedule, starts=float("-inf"), ends=float("inf"))
