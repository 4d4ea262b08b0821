"""THE door: whoever wants to know what to show asks here. It always answers, and never harms the page."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from personalization import conf, surfaces
from personalization.collect import impression_tokens
from personalization.decide import category_menu, reranking
from personalization.decide.active_snapshot import current
from personalization.decide.compose import compose, listed_categories, listed_together
from personalization.decide.layout import Room
from personalization.decide.preferences import heeded, unwanted_categories
from personalization.decide.product_lookup import Shelf
from personalization.decide.slate import Candidate, Ranked, Row, Slate
from personalization.decide.visit import Visit
from personalization.models.fail_open import failing_open
from personalization.rank.snapshot_arrays import Learned
from personalization.rows import continue_shopping
from personalization.shop import catalogue
from personalization.surfaces import navigation


def serve(surface: str, visit: Visit, *, size: int | None = None) -> Slate:
    """The slate of a surface for a visit. ValueError names the surfaces when there is none of this name. `size` is how
    many products a row may hold, if not as many as the setting `row_size` says.

    When something of ours fails, the rows come from the surface's ladder, then there are none. They do, too, when there
    is no row but the one that takes a visitor back: it shows nothing that they have not seen.
    """
    known, slate = _surface(surface), Slate(surface)
    room = _room(known, size)
    for attempt in (_learned, _plain):
        with failing_open(f"Surface {surface}"):
            slate = attempt(known, visit, room)
            if any(row.code != continue_shopping.CODE for row in slate.rows):
                break
    return slate


def with_rows() -> list[str]:
    """The names of the surfaces that have rows."""
    return sorted(name for name, surface in surfaces.every().items() if surface.rows)


def all_surfaces() -> list[str]:
    """The names of all surfaces: each has a list."""
    return sorted(surfaces.every())


def stopped_at(visit: Visit, *, size: int | None = None) -> Slate:
    """The home page's row that takes a visitor back to where they stopped, by itself; no row where there is none."""
    home = _surface("home")
    slate = Slate(home.name)
    with failing_open("Where a visitor stopped"):
        visit = heeded(visit, None)
        slate = compose(home.name, "", [partial(continue_shopping.where_you_stopped, visit)], visit, _room(home, size))
    return slate


def tokens(slate: Slate, visit: Visit | None) -> list[str]:
    """What may be reported of a slate, wherever it is shown: a token for each row, in their order; empty ones for a
    visitor who is not reported."""
    if visit is None or not visit.reported:
        return [""] * len(slate.rows)
    return [_token(slate, row, visit) for row in slate.rows]


def _token(slate: Slate, row: Row, visit: Visit) -> str:
    products = tuple(item.product_id for item in row.items)
    reasons = tuple(item.reason.code for item in row.items)
    shown = impression_tokens.Shown(slate.surface, row.key, slate.snapshot, products, reasons, visit.now)
    return impression_tokens.signed(shown, visit.visitor)


def ranked(
    surface: str, visit: Visit, top: int, *, new_only: bool = False, snapshot: Learned | None = None
) -> list[Ranked]:
    """The same decision as one list: the first `top` of what this visitor can buy, or of the shop's categories.

    With `new_only` without what the visitor bought before. `snapshot` decides instead of the one that serves. Empty
    when the shop has learned nothing yet.
    """
    _surface(surface)
    learned = snapshot or current()
    shelf = Shelf(look_up=catalogue.offers)
    return next(ranked_many(surface, [(visit, top)], learned, shelf, new_only=new_only)) if learned else []


def reordered(visit: Visit) -> tuple[int, ...]:
    """The visit's listing in the visitor's order, as far as the setting `strength` lets it; needs no query. As it was
    given when the shop has learned nothing yet."""
    learned = current()
    return reranking.reordered(visit, learned, conf.current().strength) if learned else visit.listing


def scores(visit: Visit) -> dict[int, float]:
    """What the visitor's own order of their listing goes by, comparable within it, for those of its products that the
    shop has learned about; needs no query."""
    learned = current()
    return reranking.scores(visit, learned) if learned else {}


def basis(visit: Visit) -> reranking.Basis | None:
    """What that order is made from; None when nothing is put in order, as the shop has learned nothing yet, or lets
    nothing move."""
    learned = current()
    return reranking.basis(visit, learned) if learned and conf.current().strength else None


def shortcuts(visit: Visit) -> list[category_menu.Shortcut]:
    """The categories that get a line of their own in this visitor's menu; none where nothing is known of them, or the
    shop has learned nothing yet. One query."""
    if not (visit.genome.categories or visit.wishes):
        return []
    with failing_open("The visitor's lines in the menu"):
        if learned := current():
            visit = heeded(visit, learned)
            candidates, away = navigation.shortcuts(visit, learned), unwanted_categories(visit.wishes)
            above = learned.above(candidate.product for candidate in candidates)
            return category_menu.shortcuts(candidates, above, away=away, discreet=visit.discreet)
    return []


def wanted_categories(visit: Visit) -> dict[int, float]:
    """How much this visitor is likely to want each category, comparable among them; none where nothing is known of what
    they buy, the shop has learned nothing yet, or lets no entry of its menu move. No query."""
    with failing_open("The visitor's order of the menu", queries=False):
        if conf.current().menu_moves and visit.genome.categories and (learned := current()):
            visit = heeded(visit, learned)
            away = unwanted_categories(visit.wishes)
            return {key: score for key, score in navigation.wanted(visit, learned).items() if key not in away}
    return {}


def in_menu_order(categories: Sequence[int], wanted: Mapping[int, float]) -> list[int]:
    """The entries of the menu by how much they are wanted, as far as the settings let them move."""
    settings = conf.current()
    return category_menu.moved(categories, wanted, most=settings.menu_moves, pinned=settings.menu_pinned)


def ranked_many(
    surface: str, asked: Iterable[tuple[Visit, int]], snapshot: Learned, shelf: Shelf, *, new_only: bool = False
) -> Iterator[list[Ranked]]:
    """The same for many visits, each with the length of its list. Their products are looked up together."""
    known = _surface(surface)
    asked = [(heeded(visit, snapshot), top) for visit, top in asked]
    if known.of_categories:
        return listed_categories([(known.ranking(visit, snapshot), top) for visit, top in asked])
    rank = known.new if new_only and known.new else known.ranking
    lists = [(visit, top, _candidates(rank(visit, snapshot), visit, new_only)) for visit, top in asked]
    return (list(found) for found in listed_together(lists, shelf))


def _candidates(ranking: Iterable[Candidate], visit: Visit, new_only: bool) -> Iterator[Candidate]:
    """Without what was bought, when only new things are asked for. What is unwanted stands last in a list that somebody
    else chose, and in no other."""
    bought = {row[0] for row in visit.genome.products} if new_only else set()
    candidates = (candidate for candidate in ranking if candidate.product not in bought)
    if not visit.unwanted:
        return candidates
    if not visit.listing and visit.category is None:
        return (candidate for candidate in candidates if candidate.product not in visit.unwanted)
    return iter(sorted(candidates, key=lambda candidate: candidate.product in visit.unwanted))


def _surface(name: str) -> surfaces.Surface:
    known = surfaces.every()
    if name not in known:
        raise ValueError(f"no surface {name!r}; there are: {', '.join(sorted(known))}")
    return known[name]


def _learned(surface: surfaces.Surface, visit: Visit, room: Room) -> Slate:
    loaded = current()
    if loaded is None:
        return Slate(surface.name)
    visit = heeded(visit, loaded)
    rows = [partial(row, visit, loaded) for row in surface.rows]
    return compose(surface.name, loaded.name, rows, visit, room)


def _plain(surface: surfaces.Surface, visit: Visit, room: Room) -> Slate:
    visit = heeded(visit, None)
    return compose(surface.name, "", [partial(row, visit) for row in surface.ladder], visit, room)


def _room(surface: surfaces.Surface, size: int | None) -> Room:
    settings = conf.current()
    rows = settings.rows if surface.whole_page else settings.page_rows
    return Room(size or settings.row_size, settings.personal_rows, rows)
