"""The home page: what this customer comes back to, what goes with it, and what the whole shop buys."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from personalization import conf
from personalization.decide import lists, pick
from personalization.decide.slate import Candidate, Draft, Reason
from personalization.decide.visit import Visit
from personalization.decide.wishes import stated_interests
from personalization.models.events import Name
from personalization.oscar import catalogue
from personalization.rank.learned import Learned
from personalization.recommenders import DAY
from personalization.surfaces import Surface

ANCHORS = 2
"""At most so many rows "Because you bought ...", and so many "Popular in ..."."""

LOOKING = (Name.VIEWED, Name.CLICKED)


def ranking(visit: Visit, snapshot: Learned) -> Iterator[Candidate]:
    """What this visitor is likely to buy next, old or new."""
    return lists.in_order(lists.for_visitor(visit, snapshot))


def new(visit: Visit, snapshot: Learned) -> Iterator[Candidate]:
    """What they are likely to buy next and never bought before."""
    return lists.in_order(lists.for_new(visit, snapshot))


def personal(visit: Visit, snapshot: Learned) -> Iterator[Draft]:
    """The rows that speak of this visitor. Each is worth what its products are expected to be bought."""
    yield from because_you_looked_at(visit, snapshot)
    yield from popular_where_you_like(visit, snapshot)
    if not visit.genome.products:
        return
    scored = lists.for_visitor(visit, snapshot)
    worth = dict(zip(snapshot.ids[scored.places].tolist(), scored.chance.tolist(), strict=True))
    for draft in (
        *buy_again(visit, scored),
        *because_you_bought(visit, snapshot),
        *popular_in_category(visit, snapshot),
    ):
        shown = draft.candidates[: conf.current().row_size]
        yield replace(draft, strength=sum(worth.get(candidate.product, 0.0) for candidate in shown))


def because_you_looked_at(visit: Visit, snapshot: Learned) -> Iterator[Draft]:
    """What goes with the product that the visitor looked at last; worth the less the longer ago that was."""
    looks = ((did.product, did.at) for did in visit.recent if did.product is not None and did.name in LOOKING)
    product, at = next(looks, (0, 0.0))
    (place,) = snapshot.places([product]).tolist()
    if place < 0:
        return
    reason = Reason("because_you_looked_at", {"product": product})
    seen = {did.product for did in visit.recent}
    near, closeness = pick.like(snapshot, place)
    candidates = [
        Candidate(other, float(score), reason)
        for other, score in zip(snapshot.ids[near].tolist(), closeness, strict=True)
        if other not in seen
    ]
    yield Draft(reason, candidates, personal=True, strength=0.5 ** (max(visit.now - at, 0) / DAY))


def popular_where_you_like(visit: Visit, snapshot: Learned) -> Iterator[Draft]:
    """The bestsellers of the categories that the visitor said they like."""
    score = snapshot.scores("popular").score
    for category in stated_interests(visit.wishes)[:ANCHORS]:
        places = snapshot.category(category)[: pick.DEPTH]
        reason = Reason("popular_where_you_like", {"category": category})
        yield Draft(reason, _bought_by(snapshot, places, score[places]), personal=True, strength=1.0)


def buy_again(visit: Visit, scored: lists.Scored) -> Iterator[Draft]:
    """What the customer bought repeatedly, or once if it is of the kind that is bought again."""
    own = np.flatnonzero(np.isin(scored.places, pick.bought_again(scored.snapshot, scored.person)))[: pick.DEPTH]
    yield Draft(Reason("buy_again"), [scored.candidate(row) for row in own.tolist()], personal=True, fewest=2)


def because_you_bought(visit: Visit, snapshot: Learned) -> Iterator[Draft]:
    """For a telling product of the customer's, what lies in one basket with it and is new to them."""
    owned = {row[0] for row in visit.genome.products}
    for anchor in pick.anchors(snapshot, visit.genome, ANCHORS):
        reason = Reason("because_you_bought", {"product": int(snapshot.ids[anchor])})
        near, closeness = pick.goes_with(snapshot, anchor)
        candidates = [
            Candidate(product, float(score), reason)
            for product, score in zip(snapshot.ids[near].tolist(), closeness, strict=True)
            if product not in owned
        ]
        yield Draft(reason, candidates, personal=True)


def popular_in_category(visit: Visit, snapshot: Learned) -> Iterator[Draft]:
    """The bestsellers of the categories that set the customer apart, without what they come back to anyway."""
    score = snapshot.scores("popular").score
    repeated = {row[0] for row in visit.genome.products if row[2] > 1}
    for category, purchases in pick.favourite_categories(snapshot, visit.genome)[:ANCHORS]:
        reason = Reason("popular_in_category", {"category": category, "purchases": purchases})
        places = snapshot.category(category)[: pick.DEPTH]
        candidates = [
            candidate for candidate in _bought_by(snapshot, places, score[places]) if candidate.product not in repeated
        ]
        yield Draft(reason, candidates, personal=True)


def bestsellers(visit: Visit, snapshot: Learned) -> Iterator[Draft]:
    """What most customers bought lately."""
    places, score = pick.best(snapshot.scores("popular").score)
    yield Draft(Reason("bestsellers"), _bought_by(snapshot, places, score), fewest=1)


def trending(visit: Visit, snapshot: Learned) -> Iterator[Draft]:
    """What sells more than in its usual week."""
    places, times = pick.best(snapshot.scores("trending").score)
    rows = zip(snapshot.ids[places].tolist(), times.tolist(), strict=True)
    yield Draft(Reason("trending"), [Candidate(key, rise, Reason("rising", {"times": rise})) for key, rise in rows])


def new_in(visit: Visit, snapshot: Learned) -> Iterator[Draft]:
    """What was added lately, the newest first."""
    created = snapshot.arrays["product.created"]
    new = created > visit.now - conf.current().new_days * DAY
    places, since = pick.best(np.where(new, created, 0))
    rows = zip(snapshot.ids[places].tolist(), since.tolist(), strict=True)
    yield Draft(Reason("new_in"), [Candidate(key, day, Reason("since", {"created": day})) for key, day in rows])


def bestsellers_in_category(visit: Visit, snapshot: Learned) -> Iterator[Draft]:
    """The bestsellers of the categories that sell most, unless the visitor has a row of their own there."""
    score = snapshot.scores("popular").score
    own = {category for category, _ in pick.favourite_categories(snapshot, visit.genome)[:ANCHORS]}
    for category in pick.largest_categories(snapshot):
        if category not in own:
            places = snapshot.category(category)[: pick.DEPTH]
            candidates = _bought_by(snapshot, places, score[places])
            yield Draft(Reason("bestsellers_in_category", {"category": category}), candidates)


def bestsellers_by_oscar(visit: Visit) -> Iterator[Draft]:
    """What was bought most, as Oscar's own analytics count it: known before any training."""
    rows = catalogue.bestsellers(pick.DEPTH)
    candidates = [Candidate(key, times, Reason("bought_times", {"times": times})) for key, times in rows]
    yield Draft(Reason("bestsellers"), candidates, fewest=1)


def latest(visit: Visit) -> Iterator[Draft]:
    """The newest products: there are some in any shop that sells anything."""
    reason = Reason("latest")
    yield Draft(reason, [Candidate(key, 0, reason) for key in catalogue.newest(pick.DEPTH)], fewest=1)


def _bought_by(snapshot: Learned, places: NDArray, score: NDArray) -> list[Candidate]:
    rows = zip(snapshot.ids[places].tolist(), places.tolist(), score.tolist(), strict=True)
    found = [Candidate(key, value, lists.bought_by(snapshot, place)) for key, place, value in rows]
    return [candidate for candidate in found if candidate.reason.code == "bought_by"]


surface = Surface(
    name="home",
    ranking=ranking,
    new=new,
    rows=(
        personal,
        bestsellers,
        trending,
        new_in,
        bestsellers_in_category,
    ),
    ladder=(bestsellers_by_oscar, latest),
)
