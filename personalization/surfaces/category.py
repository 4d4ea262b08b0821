"""A category page, or any listing of products: the same products in the visitor's order, and above them a row of what
the visitor buys there."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from personalization.decide import scoring, selection
from personalization.decide.people import person_of
from personalization.decide.slate import Candidate, Draft, Reason
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import Learned
from personalization.surfaces import Surface


def ranking(visit: Visit, snapshot: Learned) -> Iterator[Candidate]:
    """The products of the listing, those that the visitor is likely to choose first."""
    return scoring.in_order(scoring.for_listing(visit, snapshot))


def usual(visit: Visit, snapshot: Learned) -> Iterator[Draft]:
    """What the visitor comes back to in the category or below it, in the order of the list: so much of it as does not
    stand on this page of the list.

    The list has the usual things in front as far as it is in the visitor's order; a row that repeats them would only
    push them down. It is for those that the page leaves out: of a visitor with many, beyond the engine's first window,
    or where the order is switched off. Its title says whether there are others on the page.
    """
    person = person_of(visit.genome, snapshot)
    places = selection.bought_again(snapshot, person)
    own = snapshot.ids[places[np.isin(places, snapshot.category(visit.category or 0))]].tolist()
    if not own:
        return
    ranked = scoring.in_order(scoring.for_listing(replace(visit, listing=tuple(own)), snapshot))
    candidates = [candidate for candidate in ranked if candidate.product not in visit.placed][: selection.DEPTH]
    facts = {"category": visit.category, "name": visit.category_name, "more": not visit.placed.isdisjoint(own)}
    yield Draft(Reason("usual_in_category", facts), candidates, personal=True)


surface = Surface(name="category", ranking=ranking, rows=(usual,))
