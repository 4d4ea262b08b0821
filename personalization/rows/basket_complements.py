"""What still belongs in a basket: likely enough to be bought with it, and no alternative to what lies there."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from personalization import conf
from personalization.decide import scoring
from personalization.decide.slate import Candidate
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.recommenders import bought_together

SUBSTITUTE_THRESHOLD = 0.5
"""From this likeness on, of the `substitutes`, two products do the same job: nobody needs both."""
REMAINING_SHARE = 0.6
"""Of what lies in one basket with a product, so much is still to come when a basket is asked about: where nothing was
learned, this makes a chance of a share of baskets. Measured: see docs/evaluation.md."""


def basket_complements(visit: Visit, snapshot: SnapshotArrays) -> Iterator[Candidate]:
    """What is likely enough to be bought with what lies in the basket, best first.

    All of it was put in one basket with something that lies there by enough customers, and none is an alternative to
    anything there. A line that cannot be had says nothing of what goes with it.
    """
    scored = scoring.score_for_basket(
        replace(visit, basket=visit.basket - set(visit.unavailable_basket_products)), snapshot
    )
    if not len(scored.basket):
        return
    share = _share_of_baskets(scored)
    chance = scored.purchase_probability if scored.learned else REMAINING_SHARE * share
    likely = (share > 0) & (chance >= conf.get_settings().ADD_ON_MIN_PROBABILITY)
    there = snapshot.product_indices(visit.basket)
    fit = likely & ~_drop_substitutes(scored.product_indices, there[there >= 0], snapshot)
    yield from (scored.to_candidate(row) for row in np.flatnonzero(fit).tolist())


def _share_of_baskets(scored: scoring.ScoredCandidates) -> NDArray[np.float64]:
    """For each candidate the share of the baskets with a product of this one that hold the candidate, too: the highest
    among the products, and 0 where too few customers put any of them together."""
    near, times = scored.snapshot.neighbours("bought_together"), scored.snapshot.scores("all_time_popular").score
    index, weight = near.index[scored.basket], near.weight[scored.basket]
    share = bought_together.basket_share(weight, times[scored.basket][:, None], times[index])
    best = np.zeros(len(scored.snapshot.ids))
    np.maximum.at(best, index[index >= 0], share[index >= 0])
    return best[scored.product_indices]


def _drop_substitutes(
    places: NDArray[np.int64], basket: NDArray[np.int64], snapshot: SnapshotArrays
) -> NDArray[np.bool_]:
    """Which of these products do the job of something in the basket: those that are very like it, and those of its kind
    that nobody is known to put in one basket with anything of that kind there."""
    return _is_substitute(places, basket, snapshot) | _same_category_never_co_purchased(places, basket, snapshot)


def _is_substitute(places: NDArray[np.int64], basket: NDArray[np.int64], snapshot: SnapshotArrays) -> NDArray[np.bool_]:
    near = snapshot.neighbours("substitutes")
    theirs = near.index[basket][near.weight[basket] >= SUBSTITUTE_THRESHOLD]
    mine = (np.isin(near.index[places], basket) & (near.weight[places] >= SUBSTITUTE_THRESHOLD)).any(axis=1)
    return np.isin(places, theirs) | mine


def _same_category_never_co_purchased(
    places: NDArray[np.int64], basket: NDArray[np.int64], snapshot: SnapshotArrays
) -> NDArray[np.bool_]:
    kind, near = snapshot.arrays["product.leaf_category"], snapshot.neighbours("bought_together").index[basket]
    together = near[(near >= 0) & (kind[near] == kind[basket][:, None])]
    return (kind[places] >= 0) & np.isin(kind[places], kind[basket]) & ~np.isin(places, together)
