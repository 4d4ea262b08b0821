"""A category page, or any listing of products: the same products in the visitor's order, and above them a row of what
the visitor buys there."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from personalization.decide import scoring, selection
from personalization.decide.people import visitor_history
from personalization.decide.slate import Candidate, Reason, RowCandidate
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.surfaces import Surface


def rank_category(visit: Visit, snapshot: SnapshotArrays) -> Iterator[Candidate]:
    """The products of the listing, those that the visitor is likely to choose first."""
    return scoring.sorted_candidates(scoring.score_listing(visit, snapshot))


def buy_again_in_category(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """What the visitor comes back to in the category or below it, in the order of the list: so much of it as does not
    stand on this page of the list.

    The list has the usual things in front as far as it is in the visitor's order; a row that repeats them would only
    push them down. It is for those that the page leaves out: of a visitor with many, beyond the engine's first window,
    or where the order is switched off. Its title says whether there are others on the page.
    """
    person = visitor_history(visit.genome, snapshot)
    places = selection.replenishable(snapshot, person)
    own = snapshot.ids[places[np.isin(places, snapshot.category_products(visit.category or 0))]].tolist()
    if not own:
        return
    ranked = scoring.sorted_candidates(scoring.score_listing(replace(visit, candidate_products=tuple(own)), snapshot))
    candidates = [candidate for candidate in ranked if candidate.item not in visit.shown_products][
        : selection.MAX_CANDIDATES
    ]
    facts = {"category": visit.category, "name": visit.category_name, "more": not visit.shown_products.isdisjoint(own)}
    yield RowCandidate(Reason("buy_again_in_category", facts), candidates, personal=True)


surface = Surface(name="category", ranking=rank_category, rows=(buy_again_in_category,))
