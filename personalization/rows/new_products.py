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
    is_new = _new_products(visit, snapshot)
    if _is_most(is_new, snapshot):
        return
    indices = is_new[: selection.MAX_CANDIDATES]
    since = snapshot.arrays["product.created_at"][indices]
    yield RowCandidate(
        [
            Candidate(product_ref(key), day, Reason("new", {"created": day}))
            for key, day in zip(snapshot.ids[indices].tolist(), since.tolist(), strict=True)
        ]
    )


def _new_products(visit: Visit, snapshot: SnapshotArrays) -> NDArray[np.int32]:
    """The newest first."""
    return snapshot.created_between(visit.timestamp - visit.policy.new_product_days * DAY, visit.timestamp)


def _is_most(is_new: NDArray[np.int32], snapshot: SnapshotArrays) -> bool:
    return len(is_new) > MAX_NEW_SHARE * len(snapshot.ids)


def propose_latest(visit: Visit) -> Iterator[RowCandidate]:
    """The newest products, whatever their age: there are some in any shop that sells anything."""
    reason = Reason(LATEST.code)
    newest = catalogue.newest_products(selection.MAX_CANDIDATES, visit.timestamp)
    yield RowCandidate([Candidate(product_ref(key), 0, reason) for key in newest])


def propose_latest_in_young_shop(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """The newest products, where so few are bought often enough that the rows of bestsellers are one."""
    size = 2 * visit.policy.row_size
    if len(selection.popularity(snapshot, visit.policy.popularity_window_days, size).indices) < size:
        indices = snapshot.created_between(0, visit.timestamp)[: selection.MAX_CANDIDATES]
        since = snapshot.arrays["product.created_at"][indices]
        keys = zip(snapshot.ids[indices].tolist(), since.tolist(), strict=True)
        candidates = [Candidate(product_ref(key), day, Reason(LATEST.code)) for key, day in keys]
        is_new = _new_products(visit, snapshot)
        yield RowCandidate(candidates, {MORE: bool(len(is_new)) and not _is_most(is_new, snapshot)})


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
    keeps_order=True,
    min_items=1,
)
row_types = (NEW_IN, LATEST)
