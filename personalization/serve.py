"""THE door: whoever wants to know what to show asks here. It always answers, and never harms the page."""

from functools import partial

from personalization import surfaces
from personalization.decide import snapshot
from personalization.decide.compose import compose
from personalization.decide.slate import Slate
from personalization.decide.visit import Visit
from personalization.models.savepoints import failing_open


def serve(surface: str, visit: Visit) -> Slate:
    """The slate of a surface for a visit. ValueError names the surfaces when there is none of this name.

    When something of ours fails, the rows come from the surface's ladder, then there are none.
    """
    known = surfaces.every()
    if surface not in known:
        raise ValueError(f"no surface {surface!r}; there are: {', '.join(sorted(known))}")
    for attempt in (_learned, _plain):
        with failing_open(f"Surface {surface}"):
            slate = attempt(known[surface], visit)
            if slate.rows:
                return slate
    return Slate(surface)


def _learned(surface: surfaces.Surface, visit: Visit) -> Slate:
    loaded = snapshot.current()
    if loaded is None:
        return Slate(surface.name)
    return compose(surface.name, loaded.name, [partial(row, visit, loaded) for row in surface.rows], visit)


def _plain(surface: surfaces.Surface, visit: Visit) -> Slate:
    return compose(surface.name, "", [partial(row, visit) for row in surface.ladder], visit)
