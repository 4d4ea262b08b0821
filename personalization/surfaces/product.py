"""The page of a product: what does its job, what does it better, and what goes with it."""

from collections.abc import Iterator

from personalization.decide import selection
from personalization.decide.slate import Candidate, Reason, RowCandidate
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rows import related_products
from personalization.shop import catalogue
from personalization.surfaces import Surface


def rank_related(visit: Visit, snapshot: SnapshotArrays) -> Iterator[Candidate]:
    """What does the job of the visit's product, then what goes with it."""
    found = related_products.related_to(visit, snapshot)
    yield from (*found.alternatives, *found.complements)


def related_rows(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """What does its job, what does it better for a little more money, and what goes with it."""
    found, about = related_products.related_to(visit, snapshot), {"product": visit.product}
    yield RowCandidate(Reason("similar", about), found.alternatives, min_items=1)
    yield RowCandidate(
        Reason("upsell", about), found.upsells, min_items=1, price_range=related_products.UPSELL_PRICE_RANGE
    )
    yield RowCandidate(Reason("bought_together", about), found.complements, min_items=2)


def more_in_category(visit: Visit) -> Iterator[RowCandidate]:
    """What else lies in its category, by Oscar's own tables: known before any training."""
    category = catalogue.deepest_category(visit.product) if visit.product is not None else None
    if category is not None:
        reason = Reason("more_in_category", {"category": category.pk, "name": category.name})
        yield RowCandidate(
            reason,
            [Candidate(key, 0, reason) for key in catalogue.category_bestsellers(category, selection.MAX_CANDIDATES)],
        )


surface = Surface(name="product", ranking=rank_related, rows=(related_rows,), fallback_rows=(more_in_category,))
