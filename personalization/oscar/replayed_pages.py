"""Pages of the past, decided twice: as the shop decides them now, and after a change."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any

from django.conf import settings

from personalization import conf, serve
from personalization.decide.active_snapshot import get_active_snapshot
from personalization.decide.audience import acting_campaigns, campaigns_on_page, list_surface
from personalization.decide.compose import ReplayedRow
from personalization.decide.merchandising import ActingCampaign
from personalization.decide.policy import policy_from_settings
from personalization.decide.visit import Visit
from personalization.measure.back_test import PageKind, ReplayedPage
from personalization.merchandising.compiled import CompiledRules
from personalization.models.events import EventType
from personalization.models.fail_open import fail_open
from personalization.oscar import search_engine
from personalization.oscar.past_visits import PastVisit, PastVisits
from personalization.recommenders import DAY
from personalization.shop import catalogue

SEARCHED_BEFORE = DAY
"""Seconds: a search so long before an order may have led to it."""
MAX_SEARCHES = 3
"""Of one customer before one order, the last ones."""
MAX_PRODUCT_PAGES = 2
"""Of one order."""
ALL_PLACES = 1_000_000
"""More than any page with rows has."""
MAX_CACHED_LISTS = 1_000


@dataclass(frozen=True)
class RuleChange:
    """What is tried on the past."""

    before: CompiledRules
    after: CompiledRules
    kinds: tuple[PageKind, ...]
    left_out: tuple[str, ...] = ()
    """The surfaces on which it acts and that cannot be replayed."""
    campaign: int | None = None
    """The key of the campaign that changes: pages on which it does not act are left out; None for something else."""
    row: tuple[str, str] | None = None
    """(surface, code) of the row whose settings change."""
    policy: Mapping[str, Any] = field(default_factory=dict)
    """The fields of the policy that change."""
    device: str = ""
    """Orders do not say on which device; it is taken for this one."""
    categories: frozenset[int] | None = None
    """The categories whose pages are looked at; None for all."""
    phrases: tuple[str, ...] = ()
    """What is searched for where nobody knows what was."""


class PageReplay:
    """Decides pages of the past under a change. What the search engine finds is asked once for each list."""

    def __init__(self, change: RuleChange) -> None:
        self._change = change
        self._found_in_category = lru_cache(MAX_CACHED_LISTS)(self._ask_for_category)
        self._found_by_search = lru_cache(MAX_CACHED_LISTS)(self._ask_for_search)

    def pages(self, kind: PageKind, past: PastVisit, shared: PastVisits) -> Iterator[ReplayedPage]:
        """The pages of this kind on which what was bought with an order may have been found just before it, as far as
        the change can be seen there."""
        if kind is PageKind.SEARCH_LIST:
            return self._searches(past)
        if kind is PageKind.CATEGORY_LIST:
            return self._category_lists(past, shared)
        return self._row_pages(kind, past, shared)

    def _category_lists(self, past: PastVisit, shared: PastVisits) -> Iterator[ReplayedPage]:
        for category, bought in self._categories_of(past, shared).items():
            yield from self._list_page(past, bought, self._found_in_category(category), category=category)

    def _searches(self, past: PastVisit) -> Iterator[ReplayedPage]:
        moment = past.visit.timestamp
        searched = [
            event.query
            for event in past.visit.recent_events
            if event.type == EventType.SEARCH and event.query and event.timestamp > moment - SEARCHED_BEFORE
        ]
        for query in list(dict.fromkeys(searched))[:MAX_SEARCHES] or self._change.phrases:
            yield from self._list_page(past, frozenset(past.bought), self._found_by_search(query), query=query)

    def _list_page(
        self, past: PastVisit, bought: frozenset[int], found: tuple[int, ...], **page: Any
    ) -> Iterator[ReplayedPage]:
        chosen = bought.intersection(found)
        before, after = self._both_visits(replace(past.visit, **page))
        if not chosen or not self._is_visible(before, after, _acting_in_list):
            return
        size = settings.OSCAR_PRODUCTS_PER_PAGE
        first, second = _list_orders(before, after, found, size)
        yield ReplayedPage(past.order.user_id, first, second, chosen, size)

    def _row_pages(self, kind: PageKind, past: PastVisit, shared: PastVisits) -> Iterator[ReplayedPage]:
        for page, chosen in self._row_contexts(kind, past, shared):
            before, after = self._both_visits(replace(past.visit, **page))
            if self._is_visible(before, after, partial(campaigns_on_page, surface=kind.value)):
                first, second = map(_products_from_top, serve.replay_rows(kind.value, before, after))
                yield ReplayedPage(past.order.user_id, first, second, chosen, ALL_PLACES)

    def _row_contexts(
        self, kind: PageKind, past: PastVisit, shared: PastVisits
    ) -> Iterator[tuple[dict[str, Any], frozenset[int]]]:
        """(what a visit has on a page, what was bought elsewhere): the home page; the page of a category; the pages of
        the order's first products, from which one goes on to the others; the basket with all products but one."""
        bought = frozenset(past.bought)
        if kind is PageKind.HOME_ROWS:
            yield {}, bought
        elif kind is PageKind.CATEGORY_ROWS:
            for category, inside in self._categories_of(past, shared).items():
                yield {"category": category}, inside
        elif len(bought) > 1 and kind is PageKind.BASKET_ROWS:
            last = past.bought[past.order.id % len(past.bought)]
            rest = bought - {last}
            yield {"basket": rest, "basket_quantity": len(rest)}, frozenset([last])
        elif len(bought) > 1:
            for product in past.bought[:MAX_PRODUCT_PAGES]:
                yield {"product": product, "shown_products": frozenset([product])}, bought - {product}

    def _categories_of(self, past: PastVisit, shared: PastVisits) -> dict[int, frozenset[int]]:
        """For each category what of the order one would look for there: in the smallest that fills a page, of those
        that count; in a shorter list places say little."""
        found: dict[int, set[int]] = {}
        wanted = self._change.categories
        for product in past.bought:
            own = shared.categories_of(product)
            if inside := [key for key in own if wanted is None or key in wanted]:
                found.setdefault(min(inside, key=self._category_rank), set()).add(product)
        return {category: frozenset(products) for category, products in found.items()}

    def _category_rank(self, category: int) -> tuple[bool, int, int]:
        """Sorts categories: those that fill a page, the smallest first; then the others, the largest first."""
        learned = get_active_snapshot()
        size = len(learned.category_products(category)) if learned is not None else 0
        is_short = size < settings.OSCAR_PRODUCTS_PER_PAGE
        return is_short, -size if is_short else size, category

    def _both_visits(self, visit: Visit) -> tuple[Visit, Visit]:
        change = self._change
        visit = replace(visit, device=change.device)
        return replace(visit, rules=change.before), replace(
            visit, rules=change.after, policy=replace(visit.policy, **change.policy)
        )

    def _is_visible(self, before: Visit, after: Visit, acting: Callable[[Visit], Iterable[ActingCampaign]]) -> bool:
        """Whether the campaign that changes is among those that act on a page, before or after, if it is one."""
        return self._change.campaign is None or any(
            one.campaign.id == self._change.campaign for visit in (before, after) for one in acting(visit)
        )

    def _ask_for_category(self, category: int) -> tuple[int, ...]:
        with fail_open("Asking the search engine for a category"):
            if found := catalogue.categories_by_id([category]):
                return tuple(dict.fromkeys(search_engine.category_keys(found[category], self._window())))
        return ()

    def _ask_for_search(self, query: str) -> tuple[int, ...]:
        with fail_open("Asking the search engine for a search"):
            return tuple(search_engine.search_keys(query, self._window(), search_rules=self._change.after.search))
        return ()

    def _window(self) -> int:
        usual = policy_from_settings(conf.get_settings()).rerank_window
        return max(usual, self._change.policy.get("rerank_window", usual), settings.OSCAR_PRODUCTS_PER_PAGE)


def _acting_in_list(visit: Visit) -> tuple[ActingCampaign, ...]:
    return acting_campaigns(visit, list_surface(visit))


def _list_orders(
    before: Visit, after: Visit, found: tuple[int, ...], places: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What was found, as the list of each of these visits shows it. The visitor's own order is worked out once, where
    it is of the same products under the same policy: no rule takes part in it."""
    sides, ranked = list[tuple[int, ...]](), dict[tuple[Any, ...], tuple[int, ...]]()
    for visit in (before, after):
        wanted, window = serve.engine_filter(visit), visit.policy.rerank_window
        kept = tuple(key for key in found if key not in wanted.without and (not wanted.only or key in wanted.only))
        basis = (kept[:window], visit.policy)
        if basis not in ranked:
            ranked[basis] = serve.rerank(replace(visit, candidate_products=kept[:window]))
        resolved = serve.merchandise_list(visit, ranked[basis], places=places)
        sides.append((*resolved.order, *kept[window:]))
    return sides[0], sides[1]


def _products_from_top(rows: list[ReplayedRow]) -> tuple[int, ...]:
    """The products of all rows of a page."""
    return tuple(dict.fromkeys(key for _row, products in rows for key in products))
