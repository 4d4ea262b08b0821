"""What most customers buy: in the whole shop, in a category, and more than usual."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from personalization.decide import selection
from personalization.decide.preferences import liked_categories
from personalization.decide.slate import Candidate, Reason, RowCandidate, RowType, product_ref
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.shop import catalogue

MAX_CATEGORY_ROWS = 2
"""At most this many rows of liked categories, and of distinctive ones, which have rows of their own."""


MIN_PURCHASES = 5
"""What was bought less often is no bestseller before any training, when nobody counted the customers."""


def propose_bestsellers(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """What most customers bought lately, or in as wide a window as it takes to fill a row."""
    yield popular_row(visit, snapshot)


def propose_bestsellers_from_analytics(visit: Visit) -> Iterator[RowCandidate]:
    """What was bought most, as Oscar's own analytics count it: available before any training."""
    counts = [row for row in catalogue.bestsellers(selection.MAX_CANDIDATES) if row[1] >= MIN_PURCHASES]
    candidates = [
        Candidate(product_ref(key), times, Reason("bestseller_count", {"times": times})) for key, times in counts
    ]
    yield RowCandidate(candidates)


def propose_bestsellers_in_category(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """The bestsellers of the categories that sell most, unless the visitor has a row of their own there."""
    distinctive = selection.distinctive_categories(snapshot, visit.genome)[:MAX_CATEGORY_ROWS]
    own = {category for category, _purchases in distinctive}
    for category in selection.largest_categories(snapshot):
        if category not in own:
            yield popular_row(visit, snapshot, category)


def propose_popular_in_liked_category(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """The bestsellers of the categories that the visitor said they like."""
    for category in liked_categories(visit.preferences)[:MAX_CATEGORY_ROWS]:
        yield replace(popular_row(visit, snapshot, category), expected_share=1.0)


def propose_trending(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """What sells more than in its usual week."""
    indices, times = selection.best_scored(snapshot, "trending")
    yield RowCandidate(
        [
            Candidate(product_ref(key), rise, Reason("trending", {"times": rise}))
            for key, rise in zip(snapshot.ids[indices].tolist(), times.tolist(), strict=True)
        ]
    )


def popular_row(visit: Visit, snapshot: SnapshotArrays, category: int | None = None) -> RowCandidate:
    """What most customers bought, in the category or in the whole shop, each with how many did: the number that is
    printed is the one that sorts them. The window of days is the narrowest that fills a row."""
    policy = visit.policy
    popular = selection.popularity(snapshot, policy.popularity_window_days, policy.row_size, category)
    keys = snapshot.ids[popular.indices].tolist()
    candidates = [
        Candidate(product_ref(key), count, Reason("popular", {"customers": count, "period": popular.days}))
        for key, count in zip(keys, popular.customers.tolist(), strict=True)
    ]
    params = {"period": popular.days} if category is None else {"period": popular.days, "category": category}
    return RowCandidate(candidates, params)


def _explain_bestsellers(params: dict[str, Any]) -> str:
    if "period" not in params:
        return pgettext("personalization", "Bought most often so far")
    if not params["period"]:
        return _("Bought by the most customers so far")
    return _("Bought by the most customers in the last %(period)d days") % params


BESTSELLERS = RowType(
    code="bestsellers",
    title=lambda params: pgettext("personalization", "Bestsellers"),
    explanation=_explain_bestsellers,
    discloses_activity=False,
    propose=propose_bestsellers,
    fallback=propose_bestsellers_from_analytics,
    takes_newcomers=True,
)
BESTSELLERS_IN_CATEGORY = RowType(
    code="bestsellers_in_category",
    title=lambda params: pgettext("personalization", "Bestsellers in %(category)s") % params,
    explanation=_explain_bestsellers,
    discloses_activity=False,
    propose=propose_bestsellers_in_category,
)
POPULAR_IN_LIKED_CATEGORY = RowType(
    code="popular_in_liked_category",
    title=lambda params: pgettext("personalization", "Popular in %(category)s") % params,
    explanation=lambda params: _("You said that you like this category"),
    discloses_activity=True,
    propose=propose_popular_in_liked_category,
    personal=True,
)
TRENDING = RowType(
    code="trending",
    title=lambda params: pgettext("personalization", "Trending this week"),
    explanation=lambda params: _("Selling better than in a usual week"),
    discloses_activity=False,
    propose=propose_trending,
    takes_newcomers=True,
)
row_types = (BESTSELLERS, BESTSELLERS_IN_CATEGORY, POPULAR_IN_LIKED_CATEGORY, TRENDING)
