"""THE door: whoever wants to know what to show asks here. It always answers, and never harms the page."""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from personalization import conf, surfaces
from personalization.collect import impression_tokens
from personalization.collect.impression_tokens import Impression, ShownItem
from personalization.decide import category_menu, reranking
from personalization.decide.active_snapshot import get_active_snapshot
from personalization.decide.compose import compose_slate, recommend_categories, recommend_lists
from personalization.decide.layout import LayoutLimits
from personalization.decide.preferences import apply_preferences, excluded_categories
from personalization.decide.product_lookup import ProductLookup
from personalization.decide.slate import Candidate, RankedItem, Row, Slate
from personalization.decide.visit import Visit
from personalization.models.fail_open import fail_open
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rows.continue_shopping import CONTINUE_SHOPPING
from personalization.rows.continue_shopping import continue_shopping as continue_shopping_row
from personalization.shop import catalogue
from personalization.surfaces import navigation


def serve_slate(surface: str, visit: Visit, *, size: int | None = None) -> Slate:
    """The slate of a surface for a visit. ValueError names the surfaces when there is none of this name. `size` is how
    many products a row may hold, if not as many as the setting `row_size` says.

    When something of ours fails, the rows come from the surface's ladder, then there are none. They do, too, when there
    is no row but the one that takes a visitor back: it shows nothing that they have not seen.
    """
    known, slate = _get_surface(surface), Slate(surface)
    room = _layout_limits(known, size)
    for attempt in (_personalized_slate, _fallback_slate):
        with fail_open(f"Surface {surface}"):
            slate = attempt(known, visit, room)
            if any(row.type != CONTINUE_SHOPPING for row in slate.rows):
                break
    return slate


def page_surfaces() -> list[str]:
    """The names of the surfaces that have rows."""
    return sorted(name for name, surface in surfaces.registered_surfaces().items() if surface.rows)


def surface_names() -> list[str]:
    """The names of all surfaces: each has a list."""
    return sorted(surfaces.registered_surfaces())


def continue_shopping(visit: Visit, *, size: int | None = None) -> Slate:
    """The home page's row that takes a visitor back to where they stopped, by itself; no row where there is none."""
    home = _get_surface("home")
    slate = Slate(home.name)
    with fail_open("Where a visitor stopped"):
        visit = apply_preferences(visit, None)
        slate = compose_slate(home.name, "", [partial(continue_shopping_row, visit)], visit, _layout_limits(home, size))
    return slate


def slate_tokens(slate: Slate, visit: Visit | None) -> list[str]:
    """What may be reported of a slate, wherever it is shown: a token for each row, in their order; empty ones for a
    visitor who is not reported. All of them carry one new id of the slate."""
    if visit is None or not visit.tracking_allowed:
        return [""] * len(slate.rows)
    slate_id = uuid.uuid4()
    return [_row_token(slate, slate_id, row, visit) for row in slate.rows]


def _row_token(slate: Slate, slate_id: uuid.UUID, row: Row, visit: Visit) -> str:
    items = tuple(ShownItem(item.product_id, item.position, item.reason.code) for item in row.items)
    shown = Impression(slate.surface, row.key, slate.snapshot_name, items, visit.timestamp, slate_id)
    return impression_tokens.sign_impression(shown, visit.visitor_id, visit.browser_key)


def list_token(
    visit: Visit | None,
    surface: str,
    row: str,
    item_ids: Sequence[int],
    *,
    reasons: Sequence[str] = (),
    start: int = 0,
    item_kind: str = impression_tokens.PRODUCT,
) -> str:
    """What may be reported of a list that is no slate: the page of a search, of a category, or the menu.

    Parameters
    ----------
    visit
        who looks at it; None for nobody who is reported.
    surface
        "search", "category" or "navigation".
    row
        the key of the list, as rows have one.
    item_ids
        the primary keys of the products, or of the categories, as they stand on the page.
    reasons
        the code of the reason of each; none where the order is the shop's own, which no snapshot decided.
    start
        the position of the first one within the whole result.
    item_kind
        what they are: "product" or "category".

    Returns
    -------
    str
        "" for a visitor who is not reported, and for more items than a report may hold.
    """
    if visit is None or not visit.tracking_allowed or not 0 < len(item_ids) <= impression_tokens.MAX_LIST_ITEMS:
        return ""
    learned = get_active_snapshot() if reasons else None
    codes = reasons or [""] * len(item_ids)
    items = tuple(ShownItem(*item) for item in zip(item_ids, range(start, start + len(item_ids)), codes, strict=True))
    snapshot = learned.name if learned else ""
    shown = Impression(surface, row, snapshot, items, visit.timestamp, uuid.uuid4(), item_kind)
    return impression_tokens.sign_impression(shown, visit.visitor_id, visit.browser_key)


def recommend(
    surface: str, visit: Visit, top: int, *, new_only: bool = False, snapshot: SnapshotArrays | None = None
) -> list[RankedItem]:
    """The same decision as one list: the first `top` of what this visitor can buy, or of the shop's categories.

    With `new_only` without what the visitor bought before. `snapshot` decides instead of the one that serves. Empty
    when the shop has learned nothing yet.
    """
    _get_surface(surface)
    learned = snapshot or get_active_snapshot()
    shelf = ProductLookup(look_up=catalogue.products_for_availability)
    return next(recommend_batch(surface, [(visit, top)], learned, shelf, new_only=new_only)) if learned else []


def rerank(visit: Visit) -> tuple[int, ...]:
    """The visit's listing in the visitor's order, as far as the setting `strength` lets it; needs no query. As it was
    given when the shop has learned nothing yet."""
    learned = get_active_snapshot()
    return (
        reranking.rerank(visit, learned, conf.get_settings().RERANK_STRENGTH) if learned else visit.candidate_products
    )


def rerank_scores(visit: Visit) -> dict[int, float]:
    """What the visitor's own order of their listing goes by, comparable within it, for those of its products that the
    shop has learned about; needs no query."""
    learned = get_active_snapshot()
    return reranking.rerank_scores(visit, learned) if learned else {}


def rerank_basis(visit: Visit) -> reranking.RerankBasis | None:
    """What that order is made from; None when nothing is put in order, as the shop has learned nothing yet, or lets
    nothing move."""
    learned = get_active_snapshot()
    return reranking.rerank_basis(visit, learned) if learned and conf.get_settings().RERANK_STRENGTH else None


def menu_shortcuts(visit: Visit) -> list[category_menu.MenuShortcut]:
    """The categories that get a line of their own in this visitor's menu; none where nothing is known of them, or the
    shop has learned nothing yet. One query."""
    if not (visit.genome.categories or visit.preferences):
        return []
    with fail_open("The visitor's lines in the menu"):
        if learned := get_active_snapshot():
            visit = apply_preferences(visit, learned)
            candidates, away = navigation.shortcut_candidates(visit, learned), excluded_categories(visit.preferences)
            above = learned.category_ancestors(candidate.item for candidate in candidates)
            return category_menu.select_shortcuts(candidates, above, away=away, discreet=visit.hide_private_reasons)
    return []


def category_scores(visit: Visit) -> dict[int, float]:
    """How much this visitor is likely to want each category, comparable among them; none where nothing is known of what
    they buy, the shop has learned nothing yet, or lets no entry of its menu move. No query."""
    with fail_open("The visitor's order of the menu", queries=False):
        if conf.get_settings().MENU_MAX_SHIFT and visit.genome.categories and (learned := get_active_snapshot()):
            visit = apply_preferences(visit, learned)
            away = excluded_categories(visit.preferences)
            return {key: score for key, score in navigation.category_scores(visit, learned).items() if key not in away}
    return {}


def sort_menu(categories: Sequence[int], wanted: Mapping[int, float]) -> list[int]:
    """The entries of the menu by how much they are wanted, as far as the settings let them move."""
    settings = conf.get_settings()
    return category_menu.reorder_bounded(
        categories, wanted, most=settings.MENU_MAX_SHIFT, pinned=settings.MENU_PINNED_CATEGORIES
    )


def recommend_batch(
    surface: str,
    asked: Iterable[tuple[Visit, int]],
    snapshot: SnapshotArrays,
    shelf: ProductLookup,
    *,
    new_only: bool = False,
) -> Iterator[list[RankedItem]]:
    """The same for many visits, each with the length of its list. Their products are looked up together."""
    known = _get_surface(surface)
    asked = [(apply_preferences(visit, snapshot), top) for visit, top in asked]
    if known.ranks_categories:
        return recommend_categories([(known.ranking(visit, snapshot), top) for visit, top in asked])
    rank = known.discovery if new_only and known.discovery else known.ranking
    lists = [(visit, top, _filter_candidates(rank(visit, snapshot), visit, new_only)) for visit, top in asked]
    return (list(found) for found in recommend_lists(lists, shelf))


def _filter_candidates(ranking: Iterable[Candidate], visit: Visit, new_only: bool) -> Iterator[Candidate]:
    """Without what was bought, when only new things are asked for. What is unwanted stands last in a list that somebody
    else chose, and in no other."""
    bought = {row[0] for row in visit.genome.products} if new_only else set()
    candidates = (candidate for candidate in ranking if candidate.item not in bought)
    if not visit.excluded_products:
        return candidates
    if not visit.candidate_products and visit.category is None:
        return (candidate for candidate in candidates if candidate.item not in visit.excluded_products)
    return iter(sorted(candidates, key=lambda candidate: candidate.item in visit.excluded_products))


def _get_surface(name: str) -> surfaces.Surface:
    known = surfaces.registered_surfaces()
    if name not in known:
        raise ValueError(f"no surface {name!r}; there are: {', '.join(sorted(known))}")
    return known[name]


def _personalized_slate(surface: surfaces.Surface, visit: Visit, room: LayoutLimits) -> Slate:
    loaded = get_active_snapshot()
    if loaded is None:
        return Slate(surface.name)
    visit = apply_preferences(visit, loaded)
    rows = [partial(row, visit, loaded) for row in surface.rows]
    return compose_slate(surface.name, loaded.name, rows, visit, room)


def _fallback_slate(surface: surfaces.Surface, visit: Visit, room: LayoutLimits) -> Slate:
    visit = apply_preferences(visit, None)
    return compose_slate(surface.name, "", [partial(row, visit) for row in surface.fallback_rows], visit, room)


def _layout_limits(surface: surfaces.Surface, size: int | None) -> LayoutLimits:
    settings = conf.get_settings()
    rows = settings.MAX_HOME_ROWS if surface.whole_page else settings.MAX_PAGE_ROWS
    return LayoutLimits(size or settings.ROW_SIZE, settings.MAX_PERSONAL_ROWS, rows)
