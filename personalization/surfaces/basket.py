"""The basket: what else belongs in it, what stands in for what has sold out; while it is empty, where to begin."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from personalization.decide import scoring, selection
from personalization.decide.slate import Candidate, Draft, Reason
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import Learned
from personalization.rows import basket_complements, related_products, shared
from personalization.surfaces import Surface

MOST = 4
"""So many products are added to a full basket at most."""
REPLACED = 2
"""Of so many lines that cannot be had a replacement is shown ..."""
REPLACEMENTS = 3
"""... and so many of each."""


def ranking(visit: Visit, snapshot: Learned) -> Iterator[Candidate]:
    """What others and the visitor themselves put in one basket with what lies there."""
    return scoring.in_order(scoring.for_basket(visit, snapshot))


def instead_of(visit: Visit, snapshot: Learned) -> Iterator[Draft]:
    """For each line that cannot be had what comes closest to it."""
    for product in visit.sold_out[:REPLACED]:
        closest = related_products.of(replace(visit, product=product), snapshot).alternatives
        reason = Reason("instead_of", {"product": product})
        yield Draft(reason, closest[: selection.DEPTH], personal=True, strength=1.0, fewest=1, most=REPLACEMENTS)


def add_ons(visit: Visit, snapshot: Learned) -> Iterator[Draft]:
    """What is likely enough to be bought with what lies there: often nothing, never more than a few."""
    candidates = list(islice(basket_complements.add_ons(visit, snapshot), selection.DEPTH))
    yield Draft(Reason("add_ons"), candidates, personal=True, fewest=1, most=MOST)


def buy_again(visit: Visit, snapshot: Learned) -> Iterator[Draft]:
    """While the basket is empty, what the customer comes back to."""
    if not visit.basket and visit.genome.products:
        for draft in shared.buy_again(visit, scoring.for_visitor(visit, snapshot)):
            yield replace(draft, strength=1.0)


def because_you_looked_at(visit: Visit, snapshot: Learned) -> Iterator[Draft]:
    """While the basket is empty, what goes with what was looked at last."""
    if not visit.basket:
        yield from shared.because_you_looked_at(visit, snapshot)


def bestsellers(visit: Visit, snapshot: Learned) -> Iterator[Draft]:
    """While the basket is empty, what most customers buy."""
    if not visit.basket:
        yield from shared.bestsellers(visit, snapshot)


def bestsellers_by_oscar(visit: Visit) -> Iterator[Draft]:
    """The same, as Oscar's own analytics count it: known before any training."""
    if not visit.basket:
        yield from shared.bestsellers_by_oscar(visit)


surface = Surface(
    name="basket",
    ranking=ranking,
    rows=(instead_of, add_ons, buy_again, because_you_looked_at, bestsellers),
    ladder=(bestsellers_by_oscar,),
)
