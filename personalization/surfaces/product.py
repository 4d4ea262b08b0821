"""The page of a product: what does its job, what does it better, and what goes with it."""

from collections.abc import Iterator

from personalization.decide import selection
from personalization.decide.slate import Candidate, Draft, Reason
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import Learned
from personalization.rows import related_products
from personalization.shop import catalogue
from personalization.surfaces import Surface


def ranking(visit: Visit, snapshot: Learned) -> Iterator[Candidate]:
    """What does the job of the visit's product, then what goes with it."""
    found = related_products.of(visit, snapshot)
    yield from (*found.alternatives, *found.add_ons)


def beside_it(visit: Visit, snapshot: Learned) -> Iterator[Draft]:
    """What does its job, what does it better for a little more money, and what goes with it."""
    found, about = related_products.of(visit, snapshot), {"product": visit.product}
    yield Draft(Reason("like_it", about), found.alternatives, fewest=1)
    yield Draft(Reason("step_up", about), found.better, fewest=1, band=related_products.BAND)
    yield Draft(Reason("bought_with", about), found.add_ons, fewest=2)


def more_in_category(visit: Visit) -> Iterator[Draft]:
    """What else lies in its category, by Oscar's own tables: known before any training."""
    category = catalogue.own_category(visit.product) if visit.product is not None else None
    if category is not None:
        reason = Reason("more_in_category", {"category": category.pk, "name": category.name})
        yield Draft(reason, [Candidate(key, 0, reason) for key in catalogue.best_of(category, selection.DEPTH)])


surface = Surface(name="product", ranking=ranking, rows=(beside_it,), ladder=(more_in_category,))
