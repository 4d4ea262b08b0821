"""THE door: whoever wants to know what to show asks here. It always answers, and never harms the page."""

from collections.abc import Iterable, Iterator
from functools import partial

from personalization import surfaces
from personalization.decide.compose import compose, listed_categories, listed_together
from personalization.decide.shelf import Shelf
from personalization.decide.slate import Candidate, Ranked, Slate
from personalization.decide.snapshot import current
from personalization.decide.visit import Visit
from personalization.decide.wishes import heeded
from personalization.models.savepoints import failing_open
from personalization.oscar import catalogue
from personalization.rank.learned import Learned


def serve(surface: str, visit: Visit) -> Slate:
    """The slate of a surface for a visit. ValueError names the surfaces when there is none of this name.

    When something of ours fails, the rows come from the surface's ladder, then there are none.
    """
    known = _surface(surface)
    for attempt in (_learned, _plain):
        with failing_open(f"Surface {surface}"):
            slate = attempt(known, visit)
            if slate.rows:
                return slate
    return Slate(surface)


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


def _learned(surface: surfaces.Surface, visit: Visit) -> Slate:
    loaded = current()
    if loaded is None:
        return Slate(surface.name)
    visit = heeded(visit, loaded)
    return compose(surface.name, loaded.name, [partial(row, visit, loaded) for row in surface.rows], visit)


def _plain(surface: surfaces.Surface, visit: Visit) -> Slate:
    visit = heeded(visit, None)
    return compose(surface.name, "", [partial(row, visit) for row in surface.ladder], visit)
