"""The products of a shoppable post as a row."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from personalization.decide.post_feed import sort_feed
from personalization.decide.slate import Candidate, Reason, RowCandidate, RowType, product_ref
from personalization.decide.visit import Visit
from personalization.merchandising.posts import FEED_SLOT
from personalization.rank.snapshot_arrays import SnapshotArrays

MIN_PRODUCTS = 2
"""With fewer products in its picture a post makes no row."""


def propose_seen_in_post(visit: Visit, snapshot: SnapshotArrays | None) -> Iterator[RowCandidate]:
    """The products of the post that suits the visitor best, in their reading order. What stands in a slot of a page is
    there already, so only posts of the page of posts make rows."""
    for block in sort_feed(visit, snapshot).posts:
        if block.slot == FEED_SLOT and block.post and len(block.post.spots) >= MIN_PRODUCTS:
            params = {"title": block.text_in(visit.language, visit.language).title}
            reason = Reason(SEEN_IN_POST.code, params)
            yield RowCandidate([Candidate(product_ref(one.product), 0.0, reason) for one in block.post.spots], params)
            return


def _propose_without_snapshot(visit: Visit) -> Iterator[RowCandidate]:
    return propose_seen_in_post(visit, None)


def _row_title(params: dict[str, Any]) -> str:
    return pgettext("personalization", "As seen in “%(title)s”") % params


SEEN_IN_POST = RowType(
    code="seen_in_post",
    title=_row_title,
    explanation=lambda params: _("What the picture of a post shows"),
    discloses_activity=False,
    propose=propose_seen_in_post,
    fallback=_propose_without_snapshot,
    takes_pins=False,
    min_items=MIN_PRODUCTS,
)
row_types = (SEEN_IN_POST,)
