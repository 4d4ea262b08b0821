"""THE door: every page, tag, endpoint and export asks here what to show. It always answers and never harms a page."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import islice
from typing import Any

from personalization import signals, surfaces
from personalization.decide import list_campaigns, ranked_lists, reranking, row_pages
from personalization.decide.active_snapshot import get_active_snapshot
from personalization.decide.arms import enter_list, enter_surface, note_differences
from personalization.decide.audience import list_surface
from personalization.decide.compose import ReplayedRow, RowProposals, compose_as_buyable, compose_slate
from personalization.decide.interest_questions import categories_to_ask
from personalization.decide.interleaved_lists import InterleavedList, interleave_list
from personalization.decide.layout import LayoutLimits, page_limits
from personalization.decide.merchandising import Resolution
from personalization.decide.objectives import order_list
from personalization.decide.preferences import apply_preferences
from personalization.decide.product_lookup import ProductLookup
from personalization.decide.proposals import propose_rows
from personalization.decide.ranked_lists import recommend_categories, recommend_lists
from personalization.decide.row_pages import RowCut, RowPage
from personalization.decide.row_plan import PagePlan, plan_as_built, plan_page
from personalization.decide.slate import RankedItem, Slate
from personalization.decide.trace import Reranking, Trace
from personalization.decide.visit import Visit
from personalization.metrics import count_decision
from personalization.models.fail_open import fail_open
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rows import registered_row_types
from personalization.rows.continue_shopping import CONTINUE_SHOPPING
from personalization.rows.own_rows import make_own_row_type
from personalization.rows.related_products import SIMILAR
from personalization.shop import catalogue
from personalization.surfaces import navigation

MAX_PLACE = 20
"""The last place to which a campaign may pin a product."""


def serve_slate(surface: str, visit: Visit, *, size: int | None = None, lookup: ProductLookup | None = None) -> Slate:
    """The slate of a surface for a visit.

    When something of ours fails, the rows come from the surface's fallback rows, then there are none. They do, too,
    when there is no row but the one that takes a visitor back, which shows nothing that they have not seen, and the
    shop's own ones.

    Parameters: `size`, how many products a row may hold, if not the policy's `row_size`; `lookup`, what else of the
    page reads its products from, for a page that is about no product.
    Raises: ValueError, which names the surfaces, when there is none of this name.
    """
    requested, slate = _get_surface(surface), Slate(surface)
    visit = enter_surface(visit, surface)
    plan = _plan(requested, visit)
    note_differences(visit, surface, partial(_replayed, requested, size=size))
    begun, rung = time.perf_counter(), "empty"
    not_enough = {CONTINUE_SHOPPING.code, *plan.own_codes()}
    for what, attempt in (("Surface", _personalized_slate), ("Fallback of surface", _fallback_slate)):
        with fail_open(f"{what} {surface}", whole_page=True):
            slate = attempt(plan, visit, page_limits(visit.policy, requested.whole_page, size), lookup)
            if slate.rows:
                rung = _rung(slate, is_fallback=attempt is _fallback_slate)
            if any(row.type not in not_enough for row in slate.rows):
                break
    count_decision(surface, rung, time.perf_counter() - begun)
    if visit.trace is None and not visit.is_preview:  # else it is explained, not shown
        signals.send_on_commit(signals.slate_served, Slate, slate=slate, visit=visit)
    return slate


def _rung(slate: Slate, *, is_fallback: bool) -> str:
    """How far down the ladder a slate came from."""
    if is_fallback or not slate.snapshot_name:
        return "fallback"
    return "personal" if any(row.personal for row in slate.rows) else "general"


def serve_row(surface: str, row_key: str, visit: Visit, *, page: int = 1) -> RowPage | None:
    """A page of all the products of one row of a surface; only its own products are looked up.

    Parameters: `row_key`, as `Row.key` has it; `page`, from 1.
    Returns: None when this visitor has no such row, or nothing on this page of it can be bought.
    Raises: ValueError as `serve_slate`.
    """
    requested, visit = _get_surface(surface), enter_surface(visit, surface)
    plan, size = _plan(requested, visit), row_pages.ROW_PAGE_SIZE + MAX_PLACE
    limits = page_limits(visit.policy, requested.whole_page, size)
    for what, attempt in (("A row of surface", _personalized_slate), ("A fallback row of surface", _fallback_slate)):
        cut = RowCut(surface, row_key, page)
        with fail_open(f"{what} {surface}", whole_page=True):
            slate = attempt(cut.narrow(plan), visit, limits)
            if slate.rows:
                return RowPage(cut.number_items(slate), cut.candidate_count)
    return None


def explain_slate(surface: str, visit: Visit, *, size: int | None = None) -> tuple[Slate, Trace]:
    """The slate of a surface, and how it came about: `serve_slate` of a visit that carries a trace."""
    trace = Trace()
    return serve_slate(surface, replace(visit, trace=trace), size=size), trace


def replay_rows(surface: str, before: Visit, after: Visit) -> tuple[list[ReplayedRow], list[ReplayedRow]]:
    """The rows of a surface for a visit of the past, as though everything could be bought, and for the same one under
    other rules or another policy; none when the shop has learned nothing yet. No query.

    What rows propose is worked out once, where both sides have the same policy and the very same settings of rows.
    """
    requested, learned = _get_surface(surface), get_active_snapshot()
    if learned is None:
        return [], []
    is_shared = before.policy == after.policy and before.rules.rows is after.rules.rows
    sides, proposals = list[list[ReplayedRow]](), None
    for visit in (apply_preferences(before, learned), apply_preferences(after, learned)):
        if proposals is None or not is_shared:
            planned = _proposals(_plan(requested, visit), visit, learned)
            proposals = [(one, cache(lambda propose=propose: list(propose()))) for one, propose in planned]
        limits = page_limits(visit.policy, requested.whole_page, None)
        sides.append(compose_as_buyable(surface, proposals, visit, limits))
    return sides[0], sides[1]


def _replayed(surface: surfaces.Surface, visit: Visit, size: int | None = None) -> list[ReplayedRow]:
    """The rows of a surface as though everything could be bought; none when the shop has learned nothing yet."""
    learned = get_active_snapshot()
    if learned is None:
        return []
    visit = apply_preferences(visit, learned)
    proposals = _proposals(_plan(surface, visit), visit, learned)
    return compose_as_buyable(surface.name, proposals, visit, page_limits(visit.policy, surface.whole_page, size))


def page_surfaces() -> list[str]:
    """The names of the surfaces that have rows."""
    return sorted(name for name, surface in surfaces.registered_surfaces().items() if surface.rows)


def surface_names() -> list[str]:
    """The names of all surfaces: each has a list."""
    return sorted(surfaces.registered_surfaces())


def continue_shopping(visit: Visit, *, size: int | None = None) -> Slate:
    """The home page's row that takes a visitor back to where they left off, by itself; no row where there is none."""
    home = _get_surface("home")
    slate, visit = Slate(home.name), enter_surface(visit, home.name)
    with fail_open("Where a visitor left off"):
        plan = _plan(replace(home, fallback_rows=(CONTINUE_SHOPPING,)), visit)
        alone = plan.map_types(lambda row_type: row_type if row_type.code == CONTINUE_SHOPPING.code else None)
        slate = _fallback_slate(alone, visit, page_limits(visit.policy, home.whole_page, size))
    return slate


def best_alternative(visit: Visit) -> Slate:
    """The product page's row of what is similar to the visit's product, by itself, with the first of it only; no row
    where there is none."""
    product = _get_surface("product")
    slate, visit = Slate(product.name), enter_surface(visit, product.name)
    with fail_open("The best alternative", whole_page=True):
        plan = _plan(replace(product, fallback_rows=()), visit)
        alone = plan.map_types(lambda row_type: row_type if row_type.code == SIMILAR.code else None)
        slate = _personalized_slate(alone, visit, page_limits(visit.policy, product.whole_page, 1))
    return slate


def rank_for_basket(visit: Visit, limit: int) -> tuple[list[int], str]:
    """The keys of the first products of the basket's list for a visit, whether they can be bought or not, without what
    is in it, on the page, or kept out by a campaign; and the name of the snapshot that ranked them. None when the shop
    has learned nothing yet. No query."""
    basket = _get_surface("basket")
    visit, learned = enter_surface(visit, basket.name), get_active_snapshot()
    if learned is None:
        return [], ""
    visit = apply_preferences(visit, learned)
    absent = visit.basket | visit.excluded_products | visit.shown_products
    keys = (one.item.id for one in basket.ranking(visit, learned))
    first = list(islice((key for key in keys if key not in absent), limit))
    removed = ranked_lists.kept_out(basket.name, visit, set(first))
    return [key for key in first if key not in removed], learned.name


def recommend(
    surface: str, visit: Visit, top: int, *, new_only: bool = False, snapshot: SnapshotArrays | None = None
) -> list[RankedItem]:
    """One ranked list: the first `top` products that this visitor can buy, or on `navigation` categories.

    Parameters: with `new_only` without what the visitor bought before; `snapshot` decides instead of the active one.
    Returns: an empty list when the shop has learned nothing yet.
    """
    _get_surface(surface)
    visit = enter_surface(visit, surface)
    learned = snapshot or get_active_snapshot()
    lookup = ProductLookup(look_up=catalogue.products_for_availability)
    return next(recommend_batch(surface, [(visit, top)], learned, lookup, new_only=new_only)) if learned else []


def recommend_batch(
    surface: str,
    requests: Iterable[tuple[Visit, int]],
    snapshot: SnapshotArrays,
    lookup: ProductLookup,
    *,
    new_only: bool = False,
) -> Iterator[list[RankedItem]]:
    """A ranked list for each of these (visit, length); their products are looked up together."""
    requested = _get_surface(surface)
    visits = [(apply_preferences(visit, snapshot), top) for visit, top in requests]
    if requested.ranks_categories:
        return recommend_categories([(requested.ranking(visit, snapshot), top) for visit, top in visits])
    rank = requested.discovery if new_only and requested.discovery else requested.ranking
    lists = [
        ranked_lists.apply_campaigns(
            surface, visit, top, ranked_lists.filter_candidates(rank(visit, snapshot), visit, new_only)
        )
        for visit, top in visits
    ]
    return (list(ranked) for ranked in recommend_lists(lists, lookup))


def rerank(visit: Visit) -> tuple[int, ...]:
    """The visit's candidate products in the visitor's order, as far as the policy's `rerank_strength` moves them. Needs
    no query. In their original order when the shop has learned nothing yet."""
    visit, learned = enter_list(visit), get_active_snapshot()
    if learned is None:
        return visit.candidate_products
    note_differences(visit, surface := list_surface(visit), lambda one: [("", _reranked(one, learned, surface))])
    return reranking.rerank(visit, learned)


def _reranked(visit: Visit, learned: SnapshotArrays, surface: str) -> tuple[int, ...]:
    """The visit's candidate products in the visitor's order, after what counts besides relevance."""
    return tuple(order_list(reranking.rerank(visit, learned), visit, surface))


def interleave(visit: Visit) -> InterleavedList | None:
    """The visit's candidate products in two orders at once, where an experiment compares them on this list; else None.
    Needs no query."""
    if visit.arms is None or not visit.candidate_products:
        return None
    visit, learned = enter_list(visit), get_active_snapshot()
    return interleave_list(visit, learned) if learned else None


def merchandise_list(
    visit: Visit, products: Sequence[int], *, places: int, sold_out: frozenset[int] = frozenset()
) -> Resolution:
    """These products, a list that was found for the visit and put in order, after what counts besides relevance
    and what campaigns do to it. Needs no query. Parameters as of `decide.list_campaigns.merchandise_list`."""
    visit = enter_list(visit)
    if not visit.rules.act_on_list(list_surface(visit)):
        return Resolution(tuple(products))
    visit = apply_preferences(visit, get_active_snapshot())
    return list_campaigns.merchandise_list(visit, products, places=places, sold_out=sold_out)


def engine_filter(visit: Visit, *, left_alone: bool = False) -> list_campaigns.EngineFilter:
    """What campaigns ask of the search engine for the list of the visit's page; see `decide.list_campaigns`."""
    return list_campaigns.engine_filter(enter_list(visit), left_alone=left_alone)


def reranking_available() -> bool:
    """Whether the shop has learned anything to put lists in order by."""
    return get_active_snapshot() is not None


def explain_list(visit: Visit, *, places: int) -> Trace:
    """How the order of the visit's candidate products came about: `rerank` and `merchandise_list` of a visit that
    carries a trace."""
    trace = Trace()
    with fail_open("Explaining a list", queries=False):
        rerank(replace(visit, trace=trace))
    if visit.candidate_products and not trace.rerankings:
        trace.rerankings.append(Reranking.unchanged(visit.candidate_products))
    with fail_open("Explaining what campaigns do to a list", queries=bool(visit.rules.segments)):
        for number, one in enumerate(trace.rerankings):
            order = merchandise_list(replace(visit, trace=trace), one.result, places=places).order
            trace.rerankings[number] = replace(one, result=order)
    return trace


def rerank_scores(visit: Visit) -> dict[int, float]:
    """What the visitor's own order of their candidate products goes by, comparable within it, for those of them that
    the snapshot knows; needs no query."""
    visit, learned = enter_list(visit), get_active_snapshot()
    return reranking.rerank_scores(visit, learned) if learned else {}


def rerank_basis(visit: Visit) -> reranking.RerankBasis | None:
    """What that order is made from; None when nothing is reranked, as the shop has learned nothing yet, or its policy
    lets nothing move."""
    visit, learned = enter_list(visit), get_active_snapshot()
    return reranking.rerank_basis(visit, learned) if learned and visit.policy.rerank_strength else None


def menu_shortcuts(visit: Visit) -> list[navigation.MenuShortcut]:
    """The categories that get a line of their own in this visitor's menu; none for a stranger, or when the shop has
    learned nothing yet. One query."""
    visit = enter_surface(visit, navigation.NAVIGATION)
    if visit.genome.categories or visit.preferences:
        with fail_open("The visitor's shortcuts in the menu"):
            if learned := get_active_snapshot():
                return navigation.make_menu_shortcuts(apply_preferences(visit, learned), learned)
    return []


def interest_questions(visit: Visit) -> list[Any]:
    """The categories (Oscar's, with a `label`) that this visitor is asked about; no sensitive one. No query where there
    is nothing to ask, two else."""
    with fail_open("Looking for what to ask a visitor"):
        if keys := categories_to_ask(visit, get_active_snapshot()):
            found = catalogue.categories_by_id(set(keys) - catalogue.sensitive_categories())
            return [found[key] for key in keys if key in found]
    return []


def menu_order(visit: Visit) -> navigation.MenuOrder:
    """The order of the menu for this visitor, after what campaigns do to it; without a campaign an empty one, which
    moves nothing, for a stranger, or when the shop has learned nothing yet, or lets no entry of its menu move. No
    query."""
    order, visit = navigation.MenuOrder(), enter_surface(visit, navigation.NAVIGATION)
    with fail_open("The visitor's order of the menu", queries=False):
        if visit.policy.menu_max_shift and visit.genome.categories and (learned := get_active_snapshot()):
            order = navigation.make_menu_order(apply_preferences(visit, learned), learned)
    with fail_open("What campaigns do to the menu", queries=bool(visit.rules.segments)):
        return replace(order, acting=navigation.menu_campaigns(visit))
    return order


def _get_surface(name: str) -> surfaces.Surface:
    registered = surfaces.registered_surfaces()
    if name not in registered:
        raise ValueError(f"no surface {name!r}; there are: {', '.join(sorted(registered))}")
    return registered[name]


def _plan(surface: surfaces.Surface, visit: Visit) -> PagePlan:
    """The rows that the surface may show to this visitor; as it has them itself where the settings cannot be read."""
    rows, fallback_rows = surface.rows, surface.fallback_rows
    plan = plan_as_built(surface.name, rows, fallback_rows)
    if surface.name in visit.rules.rows:
        with fail_open(f"The settings of the rows of {surface.name}", queries=bool(visit.rules.segments)):
            plan = plan_page(
                surface.name, rows, fallback_rows, visit, registered=registered_row_types, make_own=make_own_row_type
            )
    return plan


def _personalized_slate(
    plan: PagePlan, visit: Visit, limits: LayoutLimits, lookup: ProductLookup | None = None
) -> Slate:
    learned = get_active_snapshot()
    if learned is None:
        return Slate(plan.surface)
    visit = apply_preferences(visit, learned)
    return compose_slate(plan.surface, learned.name, _proposals(plan, visit, learned), visit, limits, lookup=lookup)


def _proposals(plan: PagePlan, visit: Visit, learned: SnapshotArrays) -> RowProposals:
    return [(one, partial(propose_rows, one.type, visit, learned)) for one in plan.rows if one.type.propose]


def _fallback_slate(plan: PagePlan, visit: Visit, limits: LayoutLimits, lookup: ProductLookup | None = None) -> Slate:
    visit = apply_preferences(visit, None)
    rows = [(one, partial(one.type.fallback, visit)) for one in plan.fallback_rows if one.type.fallback]
    return compose_slate(plan.surface, "", rows, visit, limits, lookup=lookup)
