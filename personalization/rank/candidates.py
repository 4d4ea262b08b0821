"""Which products are worth scoring for a visitor: a few hundred of however many there are."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from personalization.rank.snapshot_arrays import Learned
from personalization.rank.visitor_history import Person

MOST = 500
"""So many candidates one decision has at most."""
OWN = 250
NEAR = 150
POPULAR = 100
ANCHORS = 60
"""So many of the visitor's products speak for others ..."""
EACH = 6
"""... and so many each, by every recommender that links products."""


def for_visitor(person: Person, learned: Learned, country: str = "") -> NDArray[np.int64]:
    """What the visitor bought, what people like them buy, what goes with it, and what everybody buys; for somebody who
    bought nothing yet, first what everybody in their country buys."""
    return _first(
        [
            person.own[:OWN],
            person.near[:NEAR],
            *(learned.neighbours(name).index[person.own[:ANCHORS], :EACH].ravel() for name in learned.linking()),
            popular(learned, "" if len(person.own) else country),
        ]
    )


def for_new(person: Person, learned: Learned, country: str = "") -> NDArray[np.int64]:
    """The same without what the visitor bought before."""
    found = _first(
        [
            person.near,
            *(learned.neighbours(name).index[person.own[:ANCHORS], : 2 * EACH].ravel() for name in learned.linking()),
            popular(learned, "" if len(person.own) else country),
        ],
        most=MOST + len(person.own),
    )
    return found[~np.isin(found, person.own)][:MOST]


def for_basket(person: Person, basket: NDArray[np.int64], learned: Learned) -> NDArray[np.int64]:
    """What goes with a basket, what the visitor bought, what everybody buys; nothing that lies in the basket."""
    found = _first(
        [
            *(
                learned.neighbours(name).index[basket].T.ravel()[:MOST]
                for name in ("bought_together", "co_purchased_by_customer")
            ),
            person.own[: OWN - POPULAR],
            popular(learned),
            *(learned.neighbours(name).index[basket, :EACH].ravel() for name in learned.linking()),
        ],
        most=MOST + len(basket),
    )
    return found[~np.isin(found, basket)][:MOST]


def popular(learned: Learned, country: str = "") -> NDArray[np.int64]:
    """The bestsellers of the country, where one is given and known, then those of the shop, best first."""
    shops = learned.arrays["product.popular"][:POPULAR].astype(np.int64)
    return np.concatenate([learned.country(country)[:POPULAR].astype(np.int64), shops]) if country else shops


def _first(sources: Iterable[NDArray], most: int = MOST) -> NDArray[np.int64]:
    """The places of the sources, each once, in their order, so many at most."""
    places = np.concatenate([source.astype(np.int64) for source in sources])
    places = places[places >= 0]
    found, first = np.unique(places, return_index=True)
    return found[np.argsort(first, kind="stable")][:most]
