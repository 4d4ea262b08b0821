"""What was learned of a product beside others: what it is shown with, and the searches that lead to it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from django.utils.translation import pgettext

from personalization.decide.slate import Candidate
from personalization.decide.visit import Visit
from personalization.models import Genome
from personalization.oscar.dashboard.campaign_prefill import prefill_url
from personalization.rank.search_queries import query_text
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rows.related_products import related_to
from personalization.shop import named_objects

MAX_RELATED = 6
MAX_SEARCHES = 8


@dataclass(frozen=True)
class RelatedProduct:
    """A product that the page of another shows."""

    product_id: int
    title: str
    strength: str
    """How closely they belong together, compared with the closest one."""
    pin_url: str
    exclude_url: str


@dataclass(frozen=True)
class LeadingSearch:
    """A search after which shoppers choose the product."""

    query: str
    visitors: int
    """How many chose it; never fewer than the shop's floor."""


def shown_with(product_id: int, visit: Visit, snapshot: SnapshotArrays) -> list[tuple[str, list[RelatedProduct]]]:
    """(title, products) of what stands on the product's page for everybody, before it is known what can be bought."""
    everybody = replace(visit, product=product_id, genome=Genome(), own_genome=None, trace=None)
    related = related_to(everybody, snapshot)
    lists = [
        (pgettext("personalization", "Goes with it"), related.complements),
        (pgettext("personalization", "Alternatives"), related.alternatives),
        (pgettext("personalization", "A better version"), related.upsells),
    ]
    keys = {one.item.id for _title, candidates in lists for one in candidates[:MAX_RELATED]}
    names = named_objects.names_of(("product", str(key)) for key in keys)
    return [(title, _with_titles(product_id, candidates, names)) for title, candidates in lists if candidates]


def _with_titles(
    product_id: int, candidates: list[Candidate], names: dict[tuple[str, str], str]
) -> list[RelatedProduct]:
    closest = max((one.score for one in candidates), default=0.0)
    return [
        RelatedProduct(
            one.item.id,
            names[("product", str(one.item.id))],
            _strength(one.score / closest if closest > 0 else 0.0),
            prefill_url("pin", one.item.id, surface="product", seen=product_id),
            prefill_url("exclude", one.item.id, surface="product", seen=product_id),
        )
        for one in candidates[:MAX_RELATED]
        if ("product", str(one.item.id)) in names
    ]


def _strength(share: float) -> str:
    if share > 2 / 3:
        return pgettext("personalization", "strongly")
    if share > 1 / 3:
        return pgettext("personalization", "clearly")
    return pgettext("personalization", "a little")


def leading_searches(product_id: int, snapshot: SnapshotArrays) -> Sequence[LeadingSearch]:
    """The searches after which most visitors chose the product; only those whose every word the catalogue knows."""
    arrays = snapshot.arrays
    (index,) = snapshot.product_indices([product_id]).tolist()
    if index < 0 or "query.product" not in arrays:
        return []
    pairs = np.flatnonzero(arrays["query.product"] == index)
    queries = np.searchsorted(arrays["query.product_start"], pairs, side="right") - 1
    is_public = arrays["query.is_public"][queries] > 0
    visitors = arrays["query.visitors"][pairs]
    order = [row for row in np.argsort(-visitors, kind="stable").tolist() if is_public[row] and visitors[row] > 0]
    return [LeadingSearch(query_text(arrays, int(queries[row])), int(visitors[row])) for row in order[:MAX_SEARCHES]]
