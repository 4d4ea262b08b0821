"""What was added to the shop last."""

from collections.abc import Iterator

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from numpy.typing import NDArray

from personalization.decide import selection
from personalization.decide.slate import Candidate, Reason, RowCandidate, RowType, product_ref
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.recommenders import DAY
from personalization.shop import catalogue

MORE = "more"
"""Whether the row of new products stands on the page, so that two rows would be called the same."""
MAX_NEW_SHARE = 0.5
"""Where a larger part of the catalogue is new, being new tells nobody anything."""


def propose_new_in(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """What was added within the policy's `new_product_days`, the newest first, nothing with a date ahead; nothing where
    most of the shop is new."""
    created, is_new = snapshot.arrays["product.created_at"], _new_products(visit, snapshot)
    if _is_most(is_new):
        return
    indices, since = selection.top_k(np.where(is_new, created, 0))
    yield RowCandidate(
        [
            Candidate(product_ref(key), day, Reason("new", {"created": day}))
            for key, day in zip(snapshot.ids[indices].tolist(), since.tolist(), strict=True)
        ]
    )


def _new_products(visit: Visit, snapshot: SnapshotArrays) -> NDArray[np.bool_]:
    created = snapshot.arrays["product.created_at"]
    return (created > visit.timestamp - visit.policy.new_product_days * DAY) & (created <= visit.timestamp)


def _is_most(is_new: NDArray[np.bool_]) -> bool:
    return bool(np.count_nonzero(is_new) > MAX_NEW_SHARE * len(is_new))


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
        candidates = [Candidate(product_ref(key), day, Reason(LATEST.code)) for key, day in keys]
        is_new = _new_products(visit, snapshot)
        yield RowCandidate(candidates, {MORE: bool(np.any(is_new)) and not _is_most(is_new)})


NEW_IN = RowType(
    code="new_in",
    title=lambda params: pgettext("personalization", "New in"),
    explanation=lambda params: _("Recently added to the shop"),
    discloses_activity=False,
    propose=propose_new_in,
)
LATEST = RowType(
    code="latest",
    title=lambda params: (
        pgettext("personalization", "More from the shop")
        if params.get(MORE) is True
        else pgettext("personalization", "Latest additions")
    ),
    explanation=lambda params: _("The newest products in the shop"),
    discloses_activity=False,
    propose=propose_latest_in_young_shop,
    fallback=propose_latest,
    min_items=1,
)
row_types = (NEW_IN, LATEST)
