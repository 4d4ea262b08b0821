"""A category page, or any listing of products: the same products in the visitor's order."""

from collections.abc import Iterator

from personalization.decide import lists
from personalization.decide.slate import Candidate
from personalization.decide.visit import Visit
from personalization.rank.learned import Learned
from personalization.surfaces import Surface


def ranking(visit: Visit, snapshot: Learned) -> Iterator[Candidate]:
    """The products of the listing, those that the visitor is likely to choose first."""
    return lists.in_order(lists.for_listing(visit, snapshot))


surface = Surface(name="category", ranking=ranking)
