"""The rows of the shop's own: what its merchants chose, in the order that suits the visitor."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from personalization.decide import scoring, selection
from personalization.decide.slate import Candidate, Reason, RowCandidate, RowType, product_ref
from personalization.decide.visit import Visit
from personalization.merchandising.compiled_rows import RowSettings, RowSource
from personalization.rank.snapshot_arrays import SnapshotArrays

MAX_SCORED = 200
"""Of a larger Range only so many products are scored for a visitor: those that most customers bought."""


def make_own_row_type(settings: RowSettings) -> RowType:
    """The row type of a row that a merchandiser made."""
    return RowType(
        code=settings.code,
        title=lambda params: source_title(settings.source),
        explanation=lambda params: source_explanation(settings.source),
        discloses_activity=False,
        propose=partial(_propose, settings),
        fallback=partial(_propose_newest, settings),
        keeps_order=settings.source is RowSource.NEWEST,
    )


def source_title(source: RowSource | None) -> str:
    """The title of a row of this source, for readers of a language in which it has none of its own."""
    if source is RowSource.NEWEST:
        return pgettext("personalization", "New in")
    if source is RowSource.ON_OFFER:
        return pgettext("personalization", "On offer")
    return pgettext("personalization", "Chosen by us")


def source_explanation(source: RowSource | None) -> str:
    """Why there is a row of this source, as a sentence without a full stop."""
    if source is RowSource.NEWEST:
        return _("The newest products in the shop")
    if source is RowSource.ON_OFFER:
        return pgettext("personalization", "On offer at the moment")
    return pgettext("personalization", "Chosen by us")


def _propose(settings: RowSettings, visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """The newest products as they are; others those first that the visitor is likely to choose, then what the snapshot
    does not know yet, the newest first."""
    if settings.source is RowSource.NEWEST:
        yield from _propose_newest(settings, visit)
        return
    indices = snapshot.product_indices(settings.product_ids)
    scored = _most_popular(snapshot.ids[indices[indices >= 0]], snapshot)
    candidates = list(scoring.sorted_candidates(scoring.score_products(visit, snapshot, scored)))
    unscored = settings.product_ids[indices < 0].tolist()
    yield RowCandidate([*candidates, *_unscored(settings, unscored)][: max(MAX_SCORED, selection.MAX_CANDIDATES)])


def _propose_newest(settings: RowSettings, visit: Visit) -> Iterator[RowCandidate]:
    yield RowCandidate(_unscored(settings, settings.product_ids[: selection.MAX_CANDIDATES].tolist()))


def _unscored(settings: RowSettings, product_ids: list[int]) -> list[Candidate]:
    """Candidates that are there for the row's own reason."""
    reason = Reason(settings.code)
    return [Candidate(product_ref(key), 0.0, reason) for key in product_ids]


def _most_popular(product_ids: Any, snapshot: SnapshotArrays) -> list[int]:
    """Those of these products that most customers bought, MAX_SCORED at most."""
    if len(product_ids) <= MAX_SCORED:
        return list(product_ids.tolist())
    customers = snapshot.scores("popular").score[snapshot.product_indices(product_ids)]
    return list(product_ids[np.argsort(-customers, kind="stable")[:MAX_SCORED]].tolist())


row_types = ()
"""None of its own: each is made from what a merchandiser set."""
