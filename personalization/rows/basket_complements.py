"""What complements a basket: likely enough to be bought with it, and no substitute for anything in it."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from numpy.typing import NDArray

from personalization.decide import scoring, selection
from personalization.decide.slate import Candidate, Reason, RowCandidate, RowType, product_ref
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.recommenders import bought_together

SUBSTITUTE_THRESHOLD = 0.5
"""From this similarity on, by `substitutes`, two products do the same job, and one basket needs one."""
REMAINING_SHARE = 0.6
"""The share of the products of a final basket that is still to come when the basket page is shown. Where nothing was
learned, it turns a share of baskets into a probability. Measured: see docs/evaluation.md."""
BOUGHT_WITH_BASKET = "bought_together_with_basket"
"""The code of the reason that names what in the basket a product is bought together with."""
MAX_ADD_ONS = 4
"""At most this many products are added to a basket that is not empty."""


def propose_add_ons(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """What is likely enough to be bought with the basket: often nothing, never more than a few."""
    yield RowCandidate(_explained_as("add_ons", visit, snapshot))


def propose_after_order(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """What is likely enough to be bought with the order; on its page the visit's basket holds what was just bought."""
    yield RowCandidate(_explained_as("after_order", visit, snapshot))


def _explained_as(row_code: str, visit: Visit, snapshot: SnapshotArrays) -> list[Candidate]:
    """The first complements, each with a reason that says what the row says: that it is bought with the basket, or with
    which of its products. That the visitor bought it before is true of some, and no reason to stand here."""
    complements = islice(basket_complements(visit, snapshot), selection.MAX_CANDIDATES)
    kept = BOUGHT_WITH_BASKET if len(visit.basket) > 1 else row_code
    return [one if one.reason.code == kept else replace(one, reason=Reason(row_code)) for one in complements]


def basket_complements(visit: Visit, snapshot: SnapshotArrays) -> Iterator[Candidate]:
    """What is likely enough to be bought with the basket, best first.

    All of it was put in one basket with something that is there by enough customers, and none is a substitute for
    anything there. A line that cannot be bought does not count.
    """
    available = visit.basket - set(visit.unavailable_basket_products)
    scored = scoring.score_for_basket(replace(visit, basket=available), snapshot)
    if not len(scored.basket):
        return
    share, min_probability = _share_of_baskets(scored), visit.policy.add_on_min_probability
    probability = scored.purchase_probability if scored.learned else REMAINING_SHARE * share
    likely = (share > 0) & (probability >= min_probability)
    basket = snapshot.product_indices(visit.basket)
    substitute = _substitutes_for_basket(scored.product_indices, basket[basket >= 0], snapshot)
    if visit.trace is not None:
        causes = {"never_in_one_basket": share == 0, "too_unlikely": (share > 0) & ~likely, "substitute": substitute}
        for cause, applies in causes.items():
            keys = snapshot.ids[scored.product_indices[applies]].tolist()
            facts = {"min_probability": min_probability} if cause == "too_unlikely" else {}
            visit.trace.add_filter(cause, map(product_ref, keys), **facts)
    yield from (scored.to_candidate(row) for row in np.flatnonzero(likely & ~substitute).tolist())


def _share_of_baskets(scored: scoring.ScoredCandidates) -> NDArray[np.float64]:
    """For each candidate: of the baskets with a product of this basket the share that holds the candidate, too. The
    highest among the products; 0 where too few customers put any of them together."""
    neighbours = scored.snapshot.neighbours("bought_together")
    purchases = scored.snapshot.scores("all_time_popular").score
    index, weight = neighbours.index[scored.basket], neighbours.weight[scored.basket]
    share = bought_together.basket_share(weight, purchases[scored.basket][:, None], purchases[index])
    highest = np.zeros(len(scored.snapshot.ids))
    np.maximum.at(highest, index[index >= 0], share[index >= 0])
    return highest[scored.product_indices]


def _substitutes_for_basket(
    indices: NDArray[np.int64], basket: NDArray[np.int64], snapshot: SnapshotArrays
) -> NDArray[np.bool_]:
    """Which of these products are substitutes for something in the basket: those that are very similar to it, and those
    of its leaf category that customers do not buy together with anything of that category."""
    return _is_substitute(indices, basket, snapshot) | _same_category_never_co_purchased(indices, basket, snapshot)


def _is_substitute(
    indices: NDArray[np.int64], basket: NDArray[np.int64], snapshot: SnapshotArrays
) -> NDArray[np.bool_]:
    neighbours = snapshot.neighbours("substitutes")
    of_basket = neighbours.index[basket][neighbours.weight[basket] >= SUBSTITUTE_THRESHOLD]
    similar = neighbours.weight[indices] >= SUBSTITUTE_THRESHOLD
    to_basket = (np.isin(neighbours.index[indices], basket) & similar).any(axis=1)
    return np.isin(indices, of_basket) | to_basket


def _same_category_never_co_purchased(
    indices: NDArray[np.int64], basket: NDArray[np.int64], snapshot: SnapshotArrays
) -> NDArray[np.bool_]:
    category = snapshot.arrays["product.leaf_category"]
    neighbours = snapshot.neighbours("bought_together").index[basket]
    together = neighbours[(neighbours >= 0) & (category[neighbours] == category[basket][:, None])]
    same = (category[indices] >= 0) & np.isin(category[indices], category[basket])
    return same & ~np.isin(indices, together)


ADD_ONS = RowType(
    code="add_ons",
    title=lambda params: pgettext("personalization", "You might also need"),
    explanation=lambda params: _("Frequently bought with the products in your basket"),
    discloses_activity=False,
    propose=propose_add_ons,
    personal=True,
    min_items=1,
    max_items=MAX_ADD_ONS,
)
AFTER_ORDER = RowType(
    code="after_order",
    title=lambda params: pgettext("personalization", "For next time"),
    explanation=lambda params: _("Frequently bought with the products you just ordered"),
    discloses_activity=False,
    propose=propose_after_order,
    personal=True,
)
row_types = (ADD_ONS, AFTER_ORDER)
