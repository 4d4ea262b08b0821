"""The page of a product: alternatives, upsells, and what goes with it."""

from collections.abc import Iterator

from personalization.decide.slate import Candidate
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rows.related_products import BOUGHT_TOGETHER, MORE_IN_CATEGORY, SIMILAR, UPSELL, related_to
from personalization.surfaces import Surface


def rank_related(visit: Visit, snapshot: SnapshotArrays) -> Iterator[Candidate]:
    """Alternatives to the visit's product, then what goes with it."""
    related = related_to(visit, snapshot)
    yield from (*related.alternatives, *related.complements)


surface = Surface(
    name="product", ranking=rank_related, rows=(SIMILAR, UPSELL, BOUGHT_TOGETHER), fallback_rows=(MORE_IN_CATEGORY,)
)
