"""The home page: what this customer comes back to, what goes with it, and what the whole shop buys."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from personalization import conf
from personalization.decide import scoring, selection
from personalization.decide.preferences import stated_interests
from personalization.decide.slate import Candidate, Draft, Reason
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import Learned
from personalization.recommenders import DAY
from personalization.rows.continue_shopping import where_you_stopped
from personalization.rows.shared import (
    because_you_looked_at,
    bestsellers,
    bestsellers_by_oscar,
    bought_by,
    buy_again,
    latest,
)
from personalization.surfaces import Surface

ANCHORS = 2
"""At most so many rows "Because you bought ...", and so many "Popular in ..."."""


def ranking(visit: Visit, snapshot: Learned) -> Iterator[Candidate]:
    """What this visitor is likely to buy next, old or new."""
    return scoring.in_order(scoring.for_visitor(visit, snapshot))


def new(visit: Visit, snapshot: Learned) -> Iterator[Candidate]:
    """What they are likely to buy next and never bought before."""
    return scoring.in_order(scoring.for_new(visit, snapshot))


def personal(visit: Visit, snapshot: Learned) -> Iterator[Draft]:
    """The rows that speak of this visitor. Each is worth what its products are expected to be bought."""
    yield from because_you_looked_at(visit, snapshot)
    yield from popular_where_you_like(visit, snapshot)
    if not visit.genome.products:
        return
    scored = scoring.for_visitor(visit, snapshot)
    worth = dict(zip(snapshot.ids[scored.places].tolist(), scored.chance.tolist(), strict=True))
    for draft in (
        *buy_again(visit, scored),
        *because_you_bought(visit, snapshot),
        *popular_in_category(visit, snapshot),
    ):
        shown = draft.candidates[: conf.current().row_size]
        yield replace(draft, strength=sum(worth.get(candidate.product, 0.0) for candidate in shown))


def popular_where_you_like(visit: Visit, snapshot: Learned) -> Iterator[Draft]:
    """The bestsellers of the categories that the visitor said they like."""
    score = snapshot.scores("popular").score
    for category in stated_interests(visit.wishes)[:ANCHORS]:
        places = snapshot.category(category)[: selection.DEPTH]
        reason = Reason("popular_where_you_like", {"category": category})
        yield Draft(reason, bought_by(snapshot, places, score[places]), personal=True, strength=1.0)


def because_you_bought(visit: Visit, snapshot: Learned) -> Iterator[Draft]:
    """For a telling product of the customer's, what lies in one basket with it and is new to them."""
    owned = {row[0] for row in visit.genome.products}
    for anchor in selection.anchors(snapshot, visit.genome, ANCHORS):
        reason = Reason("because_you_bought", {"product": int(snapshot.ids[anchor])})
        near, closeness = selection.goes_with(snapshot, anchor)
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
    for category, purchases in selection.favourite_categories(snapshot, visit.genome)[:ANCHORS]:
        reason = Reason("popular_in_category", {"category": category, "purchases": purchases})
        places = snapshot.category(category)[: selection.DEPTH]
        candidates = [
            candidate for candidate in bought_by(snapshot, places, score[places]) if candidate.product not in repeated
        ]
        yield Draft(reason, candidates, personal=True)


def trending(visit: Visit, snapshot: Learned) -> Iterator[Draft]:
    """What sells more than in its usual week."""
    places, times = selection.best(snapshot.scores("trending").score)
    rows = zip(snapshot.ids[places].tolist(), times.tolist(), strict=True)
    yield Draft(Reason("trending"), [Candidate(key, rise, Reason("rising", {"times": rise})) for key, rise in rows])


def new_in(visit: Visit, snapshot: Learned) -> Iterator[Draft]:
    """What was added lately, the newest first."""
    created = snapshot.arrays["product.created"]
    new = created > visit.now - conf.current().new_days * DAY
    places, since = selection.best(np.where(new, created, 0))
    rows = zip(snapshot.ids[places].tolist(), since.tolist(), strict=True)
    yield Draft(Reason("new_in"), [Candidate(key, day, Reason("since", {"created": day})) for key, day in rows])


def bestsellers_in_category(visit: Visit, snapshot: Learned) -> Iterator[Draft]:
    """The bestsellers of the categories that sell most, unless the visitor has a row of their own there."""
    score = snapshot.scores("popular").score
    own = {category for category, _ in selection.favourite_categories(snapshot, visit.genome)[:ANCHORS]}
    for category in selection.largest_categories(snapshot):
        if category not in own:
            places = snapshot.category(category)[: selection.DEPTH]
            candidates = bought_by(snapshot, places, score[places])
            yield Draft(Reason("bestsellers_in_category", {"category": category}), candidates)


surface = Surface(
    name="home",
    ranking=ranking,
    new=new,
    rows=(
        where_you_stopped,
        personal,
        bestsellers,
        trending,
        new_in,
        bestsellers_in_category,
    ),
    ladder=(where_you_stopped, bestsellers_by_oscar, latest),
    whole_page=True,
)
