"""Which products are worth scoring for a visitor: a few hundred of however many there are."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rank.visitor_history import VisitorHistory

MAX_CANDIDATES = 500
"""So many candidates one decision has at most."""
MAX_PURCHASED = 250
MAX_FROM_NEIGHBOURS = 150
MAX_POPULAR = 100
MAX_ANCHORS = 60
"""So many of the visitor's products speak for others ..."""
NEIGHBOURS_PER_ANCHOR = 6
"""... and so many each, by every recommender that links products."""


def visitor_candidates(person: VisitorHistory, learned: SnapshotArrays, country: str = "") -> NDArray[np.int64]:
    """What the visitor bought, what people like them buy, what goes with it, and what everybody buys; for somebody who
    bought nothing yet, first what everybody in their country buys."""
    return _merge_sources(
        [
            person.purchased[:MAX_PURCHASED],
            person.neighbour_products[:MAX_FROM_NEIGHBOURS],
            *(
                learned.neighbours(name).index[person.purchased[:MAX_ANCHORS], :NEIGHBOURS_PER_ANCHOR].ravel()
                for name in learned.neighbour_recommenders()
            ),
            popular_candidates(learned, "" if len(person.purchased) else country),
        ]
    )


def discovery_candidates(person: VisitorHistory, learned: SnapshotArrays, country: str = "") -> NDArray[np.int64]:
    """The same without what the visitor bought before."""
    found = _merge_sources(
        [
            person.neighbour_products,
            *(
                learned.neighbours(name).index[person.purchased[:MAX_ANCHORS], : 2 * NEIGHBOURS_PER_ANCHOR].ravel()
                for name in learned.neighbour_recommenders()
            ),
            popular_candidates(learned, "" if len(person.purchased) else country),
        ],
        most=MAX_CANDIDATES + len(person.purchased),
    )
    return found[~np.isin(found, person.purchased)][:MAX_CANDIDATES]


def basket_candidates(person: VisitorHistory, basket: NDArray[np.int64], learned: SnapshotArrays) -> NDArray[np.int64]:
    """What goes with a basket, what the visitor bought, what everybody buys; nothing that lies in the basket."""
    found = _merge_sources(
        [
            *(
                learned.neighbours(name).index[basket].T.ravel()[:MAX_CANDIDATES]
                for name in ("bought_together", "co_purchased_by_customer")
            ),
            person.purchased[: MAX_PURCHASED - MAX_POPULAR],
            popular_candidates(learned),
            *(
                learned.neighbours(name).index[basket, :NEIGHBOURS_PER_ANCHOR].ravel()
                for name in learned.neighbour_recommenders()
            ),
        ],
        most=MAX_CANDIDATES + len(basket),
    )
    return found[~np.isin(found, basket)][:MAX_CANDIDATES]


def popular_candidates(learned: SnapshotArrays, country: str = "") -> NDArray[np.int64]:
    """The bestsellers of the country, where one is given and known, then those of the shop, best first."""
    shops = learned.arrays["product.popular"][:MAX_POPULAR].astype(np.int64)
    return (
        np.concatenate([learned.country_products(country)[:MAX_POPULAR].astype(np.int64), shops]) if country else shops
    )


def _merge_sources(sources: Iterable[NDArray], most: int = MAX_CANDIDATES) -> NDArray[np.int64]:
    """The places of the sources, each once, in their order, so many at most."""
    places = np.concatenate([source.astype(np.int64) for source in sources])
    places = places[places >= 0]
    found, first = np.unique(places, return_index=True)
    return found[np.argsort(first, kind="stable")][:most]
