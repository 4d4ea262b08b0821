"""Candidate generation: which products are worth scoring for a visitor, a few hundred of however many there are."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rank.visitor_history import NO_BASKET, VisitorHistory

MAX_CANDIDATES = 500
"""The most candidates of one decision."""
MAX_PURCHASED = 250
MAX_FROM_NEIGHBOURS = 150
MAX_POPULAR = 100
MAX_ANCHORS = 60
"""The neighbours of this many of the visitor's products are candidates ..."""
NEIGHBOURS_PER_ANCHOR = 6
"""... and this many neighbours of each, by every recommender that links products."""


def visitor_candidates(
    history: VisitorHistory, learned: SnapshotArrays, basket: NDArray[Any] = NO_BASKET, country: str = ""
) -> NDArray[np.int64]:
    """The visitor's purchases, the purchases of similar customers, what goes with the visitor's purchases, and
    bestsellers: those of the country first for a visitor without purchases.

    Returns
    -------
    Indices of products, each once, at most MAX_CANDIDATES.
    """
    return _merge_sources(
        [
            history.purchased[:MAX_PURCHASED],
            history.neighbour_products[:MAX_FROM_NEIGHBOURS],
            *_linked_products(history.purchased[:MAX_ANCHORS], learned, NEIGHBOURS_PER_ANCHOR),
            popular_candidates(learned, "" if len(history.purchased) else country),
        ]
    )


def discovery_candidates(
    history: VisitorHistory, learned: SnapshotArrays, basket: NDArray[Any] = NO_BASKET, country: str = ""
) -> NDArray[np.int64]:
    """Candidates as for `visitor_candidates`, none of which the visitor bought before."""
    found = _merge_sources(
        [
            history.neighbour_products,
            *_linked_products(history.purchased[:MAX_ANCHORS], learned, 2 * NEIGHBOURS_PER_ANCHOR),
            popular_candidates(learned, "" if len(history.purchased) else country),
        ],
        limit=MAX_CANDIDATES + len(history.purchased),
    )
    return found[~np.isin(found, history.purchased)][:MAX_CANDIDATES]


def basket_candidates(
    history: VisitorHistory, learned: SnapshotArrays, basket: NDArray[Any] = NO_BASKET, country: str = ""
) -> NDArray[np.int64]:
    """What goes with the basket, the visitor's purchases, and bestsellers; nothing that lies in the basket."""
    found = _merge_sources(
        [
            *(
                learned.neighbours(name).index[basket].T.ravel()[:MAX_CANDIDATES]
                for name in ("bought_together", "co_purchased_by_customer")
            ),
            history.purchased[: MAX_PURCHASED - MAX_POPULAR],
            popular_candidates(learned),
            *_linked_products(basket, learned, NEIGHBOURS_PER_ANCHOR),
        ],
        limit=MAX_CANDIDATES + len(basket),
    )
    return found[~np.isin(found, basket)][:MAX_CANDIDATES]


def popular_candidates(learned: SnapshotArrays, country: str = "") -> NDArray[np.int64]:
    """The bestsellers of the country, where one is given and in the snapshot, then those of the shop, best first."""
    bestsellers = learned.arrays["product.bestsellers"][:MAX_POPULAR].astype(np.int64)
    if not country:
        return bestsellers
    return np.concatenate([learned.country_products(country)[:MAX_POPULAR].astype(np.int64), bestsellers])


def _linked_products(anchors: NDArray[np.int64], learned: SnapshotArrays, count: int) -> list[NDArray[Any]]:
    """The first `count` neighbours of each anchor, by each recommender that links products."""
    names = learned.neighbour_recommenders()
    return [learned.neighbours(name).index[anchors, :count].ravel() for name in names]


def _merge_sources(sources: Iterable[NDArray[Any]], limit: int = MAX_CANDIDATES) -> NDArray[np.int64]:
    """The first `limit` distinct indices of the sources, in their sequence."""
    indices = np.concatenate([source.astype(np.int64) for source in sources])
    indices = indices[indices >= 0]
    found, first = np.unique(indices, return_index=True)
    return found[np.argsort(first, kind="stable")][:limit]
