"""The thank-you page: what goes with what was just bought."""

from collections.abc import Iterator
from itertools import islice

from personalization.decide import scoring, selection
from personalization.decide.slate import Candidate, Draft, Reason
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import Learned
from personalization.rows import basket_complements
from personalization.surfaces import Surface


def ranking(visit: Visit, snapshot: Learned) -> Iterator[Candidate]:
    """What others and the visitor themselves put in one basket with what was just bought."""
    return scoring.in_order(scoring.for_basket(visit, snapshot))


def for_next_time(visit: Visit, snapshot: Learned) -> Iterator[Draft]:
    """What is likely enough to be bought with it; on this page what was bought stands where the basket stood."""
    yield Draft(
        Reason("for_next_time"),
        list(islice(basket_complements.add_ons(visit, snapshot), selection.DEPTH)),
        personal=True,
    )


surface = Surface(name="order", ranking=ranking, rows=(for_next_time,))
