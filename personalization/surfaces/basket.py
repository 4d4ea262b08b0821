"""The basket: what else belongs in it, what stands in for what has sold out; while it is empty, where to begin."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from personalization.decide import scoring, selection
from personalization.decide.slate import Candidate, Reason, RowCandidate
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rows import basket_complements, related_products, shared
from personalization.surfaces import Surface

MAX_ADD_ONS = 4
"""So many products are added to a full basket at most."""
MAX_REPLACED = 2
"""Of so many lines that cannot be had a replacement is shown ..."""
MAX_REPLACEMENTS = 3
"""... and so many of each."""


def rank_basket(visit: Visit, snapshot: SnapshotArrays) -> Iterator[Candidate]:
    """What others and the visitor themselves put in one basket with what lies there."""
    return scoring.sorted_candidates(scoring.score_for_basket(visit, snapshot))


def replacements(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """For each line that cannot be had what comes closest to it."""
    for product in visit.unavailable_basket_products[:MAX_REPLACED]:
        closest = related_products.related_to(replace(visit, product=product), snapshot).alternatives
        reason = Reason("replacement", {"product": product})
        yield RowCandidate(
            reason,
            closest[: selection.MAX_CANDIDATES],
            personal=True,
            expected_share=1.0,
            min_items=1,
            max_items=MAX_REPLACEMENTS,
        )


def basket_add_ons(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """What is likely enough to be bought with what lies there: often nothing, never more than a few."""
    candidates = list(islice(basket_complements.basket_complements(visit, snapshot), selection.MAX_CANDIDATES))
    yield RowCandidate(Reason("add_ons"), candidates, personal=True, min_items=1, max_items=MAX_ADD_ONS)


def buy_again_besides_basket(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """While the basket is empty, what the customer comes back to."""
    if not visit.basket and visit.genome.products:
        for draft in shared.buy_again(visit, scoring.score_for_visitor(visit, snapshot)):
            yield replace(draft, expected_share=1.0)


def because_you_looked_at(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """While the basket is empty, what goes with what was looked at last."""
    if not visit.basket:
        yield from shared.because_you_viewed(visit, snapshot)


def bestsellers(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """While the basket is empty, what most customers buy."""
    if not visit.basket:
        yield from shared.bestsellers(visit, snapshot)


def bestsellers_by_oscar(visit: Visit) -> Iterator[RowCandidate]:
    """The same, as Oscar's own analytics count it: known before any training."""
    if not visit.basket:
        yield from shared.bestsellers_from_analytics(visit)


surface = Surface(
    name="basket",
    ranking=rank_basket,
    rows=(replacements, basket_add_ons, buy_again_besides_basket, because_you_looked_at, bestsellers),
    fallback_rows=(bestsellers_by_oscar,),
)
