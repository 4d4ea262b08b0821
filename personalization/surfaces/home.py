"""The home page: what this customer comes back to, what goes with it, and what the whole shop buys."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from personalization import conf
from personalization.decide import scoring, selection
from personalization.decide.preferences import liked_categories
from personalization.decide.slate import Candidate, Reason, RowCandidate
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.recommenders import DAY
from personalization.rows.continue_shopping import continue_shopping
from personalization.rows.shared import (
    because_you_viewed,
    bestsellers,
    bestsellers_from_analytics,
    buy_again,
    candidates_by_popularity,
    latest_products,
)
from personalization.surfaces import Surface

MAX_SEEDS = 2
"""At most so many rows "Because you bought ...", and so many "Popular in ..."."""


def rank_home(visit: Visit, snapshot: SnapshotArrays) -> Iterator[Candidate]:
    """What this visitor is likely to buy next, old or new."""
    return scoring.sorted_candidates(scoring.score_for_visitor(visit, snapshot))


def rank_discovery(visit: Visit, snapshot: SnapshotArrays) -> Iterator[Candidate]:
    """What they are likely to buy next and never bought before."""
    return scoring.sorted_candidates(scoring.score_discovery(visit, snapshot))


def personal_rows(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """The rows that speak of this visitor. Each is worth what its products are expected to be bought."""
    yield from because_you_viewed(visit, snapshot)
    yield from popular_in_liked_category(visit, snapshot)
    if not visit.genome.products:
        return
    scored = scoring.score_for_visitor(visit, snapshot)
    worth = dict(zip(snapshot.ids[scored.product_indices].tolist(), scored.purchase_probability.tolist(), strict=True))
    for draft in (
        *buy_again(visit, scored),
        *because_you_bought(visit, snapshot),
        *popular_in_category(visit, snapshot),
    ):
        shown = draft.candidates[: conf.get_settings().ROW_SIZE]
        yield replace(draft, expected_share=sum(worth.get(candidate.item, 0.0) for candidate in shown))


def popular_in_liked_category(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """The bestsellers of the categories that the visitor said they like."""
    score = snapshot.scores("popular").score
    for category in liked_categories(visit.preferences)[:MAX_SEEDS]:
        places = snapshot.category_products(category)[: selection.MAX_CANDIDATES]
        reason = Reason("popular_in_liked_category", {"category": category})
        yield RowCandidate(
            reason, candidates_by_popularity(snapshot, places, score[places]), personal=True, expected_share=1.0
        )


def because_you_bought(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """For a telling product of the customer's, what lies in one basket with it and is new to them."""
    owned = {row[0] for row in visit.genome.products}
    for anchor in selection.seed_products(snapshot, visit.genome, MAX_SEEDS):
        reason = Reason("because_you_bought", {"product": int(snapshot.ids[anchor])})
        near, closeness = selection.co_purchased(snapshot, anchor)
        candidates = [
            Candidate(product, float(score), reason)
            for product, score in zip(snapshot.ids[near].tolist(), closeness, strict=True)
            if product not in owned
        ]
        yield RowCandidate(reason, candidates, personal=True)


def popular_in_category(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """The bestsellers of the categories that set the customer apart, without what they come back to anyway."""
    score = snapshot.scores("popular").score
    repeated = {row[0] for row in visit.genome.products if row[2] > 1}
    for category, purchases in selection.distinctive_categories(snapshot, visit.genome)[:MAX_SEEDS]:
        reason = Reason("popular_in_category", {"category": category, "purchases": purchases})
        places = snapshot.category_products(category)[: selection.MAX_CANDIDATES]
        candidates = [
            candidate
            for candidate in candidates_by_popularity(snapshot, places, score[places])
            if candidate.item not in repeated
        ]
        yield RowCandidate(reason, candidates, personal=True)


def trending(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """What sells more than in its usual week."""
    places, times = selection.top_k(snapshot.scores("trending").score)
    rows = zip(snapshot.ids[places].tolist(), times.tolist(), strict=True)
    yield RowCandidate(
        Reason("trending"), [Candidate(key, rise, Reason("sales_rising", {"times": rise})) for key, rise in rows]
    )


def new_in(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """What was added lately, the newest first."""
    created = snapshot.arrays["product.created_at"]
    new = created > visit.timestamp - conf.get_settings().NEW_PRODUCT_DAYS * DAY
    places, since = selection.top_k(np.where(new, created, 0))
    rows = zip(snapshot.ids[places].tolist(), since.tolist(), strict=True)
    yield RowCandidate(Reason("new_in"), [Candidate(key, day, Reason("new", {"created": day})) for key, day in rows])


def bestsellers_in_category(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """The bestsellers of the categories that sell most, unless the visitor has a row of their own there."""
    score = snapshot.scores("popular").score
    own = {category for category, _ in selection.distinctive_categories(snapshot, visit.genome)[:MAX_SEEDS]}
    for category in selection.largest_categories(snapshot):
        if category not in own:
            places = snapshot.category_products(category)[: selection.MAX_CANDIDATES]
            candidates = candidates_by_popularity(snapshot, places, score[places])
            yield RowCandidate(Reason("bestsellers_in_category", {"category": category}), candidates)


surface = Surface(
    name="home",
    ranking=rank_home,
    discovery=rank_discovery,
    rows=(
        continue_shopping,
        personal_rows,
        bestsellers,
        trending,
        new_in,
        bestsellers_in_category,
    ),
    fallback_rows=(continue_shopping, bestsellers_from_analytics, latest_products),
    whole_page=True,
)
