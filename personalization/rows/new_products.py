"""What was added to the shop last."""

from collections.abc import Iterator

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from personalization.decide import selection
from personalization.decide.slate import Candidate, Reason, RowCandidate, RowType, product_ref
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.recommenders import DAY
from personalization.shop import catalogue

MAX_NEW_SHARE = 0.5
"""Where a larger part of the catalogue is new, being new tells nobody anything."""


def propose_new_in(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """What was added within the policy's `new_product_days`, the newest first, nothing with a date ahead; nothing where
    most of the shop is new."""
    created = snapshot.arrays["product.created_at"]
    is_new = (created > visit.timestamp - visit.policy.new_product_days * DAY) & (created <= visit.timestamp)
    if np.count_nonzero(is_new) > MAX_NEW_SHARE * len(is_new):
        return
    indices, since = selection.top_k(np.where(is_new, created, 0))
    yield RowCandidate(
        [
            Candidate(product_ref(key), day, Reason("new", {"created": day}))
            for key, day in zip(snapshot.ids[indices].tolist(), since.tolist(), strict=True)
        ]
    )


def propose_latest(visit: Visit) -> Iterator[RowCandidate]:
    """The newest products, whatever their age: there are some in any shop that sells anything."""
    reason = Reason(LATEST.code)
    newest = catalogue.newest_products(selection.MAX_CANDIDATES, visit.timestamp)
    yield RowCandidate([Candidate(product_ref(key), 0, reason) for key in newest])


def propose_latest_in_young_shop(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """The newest products, where so few are bought often enough that the rows of bestsellers are one."""
    size = 2 * visit.policy.row_size
    if len(selection.popularity(snapshot, visit.policy.popularity_window_days, size).indices) < size:
        created = snapshot.arrays["product.created_at"]
        indices, since = selection.top_k(np.where(created <= visit.timestamp, created, 0))
        keys = zip(snapshot.ids[indices].tolist(), since.tolist(), strict=True)
        yield RowCandidate([Candidate(product_ref(key), day, Reason(LATEST.code)) for key, day in keys])


NEW_IN = RowType(
    code="new_in",
    title=lambda params: pgettext("personalization", "New in"),
    explanation=lambda params: _("Recently added to the shop"),
    discloses_activity=False,
    propose=propose_new_in,
)
LATEST = RowType(
    code="latest",
    title=lambda params: pgettext("personalization", "Latest additions"),
    explanation=lambda params: _("The newest products in the shop"),
    discloses_activity=False,
    propose=propose_latest_in_young_shop,
    fallback=propose_latest,
    min_items=1,
)
row_types = (NEW_IN, LATEST)
