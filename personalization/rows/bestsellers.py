"""What most customers buy: in the whole shop, in a category, and more than usual."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from numpy.typing import NDArray

from personalization.decide import scoring, selection
from personalization.decide.preferences import liked_categories
from personalization.decide.slate import Candidate, Reason, RowCandidate, RowType, product_ref
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.shop import catalogue

MAX_CATEGORY_ROWS = 2
"""At most this many rows of liked categories, and of distinctive ones, which have rows of their own."""


def propose_bestsellers(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """What most customers bought lately."""
    indices, score = selection.top_k(snapshot.scores("popular").score)
    yield RowCandidate(popularity_candidates(visit, snapshot, indices, score))


def propose_bestsellers_from_analytics(visit: Visit) -> Iterator[RowCandidate]:
    """What was bought most, as Oscar's own analytics count it: available before any training."""
    counts = catalogue.bestsellers(selection.MAX_CANDIDATES)
    candidates = [
        Candidate(product_ref(key), times, Reason("bestseller_count", {"times": times})) for key, times in counts
    ]
    yield RowCandidate(candidates)


def propose_bestsellers_in_category(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """The bestsellers of the categories that sell most, unless the visitor has a row of their own there."""
    score = snapshot.scores("popular").score
    distinctive = selection.distinctive_categories(snapshot, visit.genome)[:MAX_CATEGORY_ROWS]
    own = {category for category, _purchases in distinctive}
    for category in selection.largest_categories(snapshot):
        if category not in own:
            indices = snapshot.category_products(category)[: selection.MAX_CANDIDATES]
            candidates = popularity_candidates(visit, snapshot, indices, score[indices])
            yield RowCandidate(candidates, {"category": category})


def propose_popular_in_liked_category(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """The bestsellers of the categories that the visitor said they like."""
    score = snapshot.scores("popular").score
    for category in liked_categories(visit.preferences)[:MAX_CATEGORY_ROWS]:
        indices = snapshot.category_products(category)[: selection.MAX_CANDIDATES]
        candidates = popularity_candidates(visit, snapshot, indices, score[indices])
        yield RowCandidate(candidates, {"category": category}, expected_share=1.0)


def propose_trending(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """What sells more than in its usual week."""
    indices, times = selection.top_k(snapshot.scores("trending").score)
    yield RowCandidate(
        [
            Candidate(product_ref(key), rise, Reason("trending", {"times": rise}))
            for key, rise in zip(snapshot.ids[indices].tolist(), times.tolist(), strict=True)
        ]
    )


def popularity_candidates(
    visit: Visit, snapshot: SnapshotArrays, indices: NDArray[Any], score: NDArray[Any]
) -> list[Candidate]:
    """Those of these products that enough customers bought lately, in their order, each with how many did."""
    period = visit.policy.popularity_window_days
    rows = zip(snapshot.ids[indices].tolist(), indices.tolist(), score.tolist(), strict=True)
    candidates = [
        Candidate(product_ref(key), value, scoring.popularity_reason(snapshot, index, period))
        for key, index, value in rows
    ]
    return [candidate for candidate in candidates if candidate.reason.code == "popular"]


BESTSELLERS = RowType(
    code="bestsellers",
    title=lambda params: pgettext("personalization", "Bestsellers"),
    explanation=lambda params: pgettext("personalization", "What customers buy most"),
    discloses_activity=False,
    propose=propose_bestsellers,
    fallback=propose_bestsellers_from_analytics,
    min_items=1,
)
BESTSELLERS_IN_CATEGORY = RowType(
    code="bestsellers_in_category",
    title=lambda params: pgettext("personalization", "Bestsellers in %(category)s") % params,
    explanation=lambda params: _("What customers buy most in this category"),
    discloses_activity=False,
    propose=propose_bestsellers_in_category,
)
POPULAR_IN_LIKED_CATEGORY = RowType(
    code="popular_in_liked_category",
    title=lambda params: pgettext("personalization", "Popular in %(category)s") % params,
    explanation=lambda params: _("Bestsellers in a category that you said you like"),
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
)
row_types = (BESTSELLERS, BESTSELLERS_IN_CATEGORY, POPULAR_IN_LIKED_CATEGORY, TRENDING)
