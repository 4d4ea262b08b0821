"""The home page: what this customer comes back to, what goes with it, and what the whole shop buys."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from personalization import conf
from personalization.decide import rank
from personalization.decide.slate import Candidate, Draft, Reason
from personalization.decide.snapshot import LoadedSnapshot
from personalization.decide.visit import Visit
from personalization.oscar import catalogue
from personalization.recommenders import DAY
from personalization.surfaces import Surface

ANCHORS = 2
"""At most so many rows "Because you bought ...", and so many "Popular in ..."."""


def buy_again(visit: Visit, snapshot: LoadedSnapshot) -> Iterator[Draft]:
    """What the customer bought repeatedly, or once if it is of the kind that is bought again."""
    history = {product: (days, last) for product, _, days, last in visit.genome.products}
    candidates = []
    for product, score in rank.bought_again(snapshot, visit.genome).items():
        days, last = history[product]
        candidates.append(Candidate(product, score, Reason("bought_before", {"days": days, "last": last})))
    strength = rank.repeat_share(snapshot, visit.genome) * _coverage(candidate.score for candidate in candidates)
    yield Draft(Reason("buy_again"), candidates, personal=True, strength=strength, fewest=2)


def because_you_bought(visit: Visit, snapshot: LoadedSnapshot) -> Iterator[Draft]:
    """For a telling product of the customer's, what lies in one basket with it and is new to them."""
    owned = {product: weight for product, weight, _, _ in visit.genome.products}
    new_share = 1 - rank.repeat_share(snapshot, visit.genome)
    for anchor in rank.anchors(snapshot, visit.genome, ANCHORS):
        bought = int(snapshot.ids[anchor])
        reason = Reason("because_you_bought", {"product": bought})
        near, closeness = rank.goes_with(snapshot, anchor)
        candidates = [
            Candidate(product, float(score), reason)
            for product, score in zip(snapshot.ids[near].tolist(), closeness, strict=True)
            if product not in owned
        ]
        together = sum(candidate.score for candidate in candidates[: conf.current().row_size])
        anchor_share = owned[bought] / sum(owned.values())
        yield Draft(reason, candidates, personal=True, strength=new_share * anchor_share * together)


def popular_in_category(visit: Visit, snapshot: LoadedSnapshot) -> Iterator[Draft]:
    """The bestsellers of the categories that set the customer apart, without what they come back to anyway."""
    score = snapshot.scores("popular").score
    repeated = {product for product, _, days, _ in visit.genome.products if days > 1}
    new_share = 1 - rank.repeat_share(snapshot, visit.genome)
    for category, share, purchases in rank.favourite_categories(snapshot, visit.genome)[:ANCHORS]:
        reason = Reason("popular_in_category", {"category": category, "purchases": purchases})
        places = snapshot.category(category)
        candidates = [
            candidate
            for candidate in _bought_by(snapshot, places[: rank.DEPTH], score[places[: rank.DEPTH]])
            if candidate.product not in repeated
        ]
        strength = new_share * share * _coverage(score[places].tolist())
        yield Draft(reason, candidates, personal=True, strength=strength)


def bestsellers(visit: Visit, snapshot: LoadedSnapshot) -> Iterator[Draft]:
    """What most customers bought lately."""
    places, score = rank.best(snapshot.scores("popular").score)
    yield Draft(Reason("bestsellers"), _bought_by(snapshot, places, score), fewest=1)


def trending(visit: Visit, snapshot: LoadedSnapshot) -> Iterator[Draft]:
    """What sells more than in its usual week."""
    places, times = rank.best(snapshot.scores("trending").score)
    rows = zip(snapshot.ids[places].tolist(), times.tolist(), strict=True)
    yield Draft(Reason("trending"), [Candidate(key, rise, Reason("rising", {"times": rise})) for key, rise in rows])


def new_in(visit: Visit, snapshot: LoadedSnapshot) -> Iterator[Draft]:
    """What was added lately, the newest first."""
    created = snapshot.arrays["product.created"]
    new = created > visit.now - conf.current().new_days * DAY
    places, since = rank.best(np.where(new, created, 0))
    rows = zip(snapshot.ids[places].tolist(), since.tolist(), strict=True)
    yield Draft(Reason("new_in"), [Candidate(key, day, Reason("since", {"created": day})) for key, day in rows])


def bestsellers_in_category(visit: Visit, snapshot: LoadedSnapshot) -> Iterator[Draft]:
    """The bestsellers of the categories that sell most, unless the visitor has a row of their own there."""
    score = snapshot.scores("popular").score
    own = {category for category, _, _ in rank.favourite_categories(snapshot, visit.genome)[:ANCHORS]}
    for category in rank.largest_categories(snapshot):
        if category not in own:
            places = snapshot.category(category)[: rank.DEPTH]
            candidates = _bought_by(snapshot, places, score[places])
            yield Draft(Reason("bestsellers_in_category", {"category": category}), candidates)


def bestsellers_by_oscar(visit: Visit) -> Iterator[Draft]:
    """What was bought most, as Oscar's own analytics count it: known before any training."""
    rows = catalogue.bestsellers(rank.DEPTH)
    candidates = [Candidate(key, times, Reason("bought_times", {"times": times})) for key, times in rows]
    yield Draft(Reason("bestsellers"), candidates, fewest=1)


def latest(visit: Visit) -> Iterator[Draft]:
    """The newest products: there are some in any shop that sells anything."""
    reason = Reason("latest")
    yield Draft(reason, [Candidate(key, 0, reason) for key in catalogue.newest(rank.DEPTH)], fewest=1)


def _coverage(scores: Iterable[float]) -> float:
    """The share of all these scores that the products of one row hold, best first."""
    scores = list(scores)
    return sum(scores[: conf.current().row_size]) / max(sum(scores), 1e-9)


def _bought_by(snapshot: LoadedSnapshot, places: NDArray, score: NDArray) -> list[Candidate]:
    customers = snapshot.scores("popular").customers[places].tolist()
    period = conf.current().popular_days
    return [
        Candidate(key, float(value), Reason("bought_by", {"customers": count, "period": period}))
        for key, value, count in zip(snapshot.ids[places].tolist(), score, customers, strict=True)
        if count
    ]


surface = Surface(
    name="home",
    rows=(
        buy_again,
        because_you_bought,
        popular_in_category,
        bestsellers,
        trending,
        new_in,
        bestsellers_in_category,
    ),
    ladder=(bestsellers_by_oscar, latest),
)
