"""The basket: what else belongs in it."""

from collections.abc import Iterator

from personalization.decide import lists
from personalization.decide.slate import Candidate
from personalization.decide.visit import Visit
from personalization.rank.learned import Learned
from personalization.surfaces import Surface


def ranking(visit: Visit, snapshot: Learned) -> Iterator[Candidate]:
    """What others and the visitor themselves put in one basket with what lies there."""
    return lists.in_order(lists.for_basket(visit, snapshot))


surface = Surface(name="basket", ranking=ranking)
