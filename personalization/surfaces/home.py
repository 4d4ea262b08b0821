"""The home page: what this customer buys regularly, what goes with it, and what the whole shop buys."""

from collections.abc import Iterator
from dataclasses import replace

from personalization.decide import scoring
from personalization.decide.slate import Candidate
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rows.bestsellers import (
    BESTSELLERS,
    BESTSELLERS_IN_CATEGORY,
    POPULAR_IN_LIKED_CATEGORY,
    TRENDING,
)
from personalization.rows.continue_shopping import BECAUSE_YOU_VIEWED, CONTINUE_SHOPPING
from personalization.rows.new_products import LATEST, NEW_IN
from personalization.rows.purchase_history import BECAUSE_YOU_BOUGHT, BUY_AGAIN, POPULAR_IN_CATEGORY
from personalization.rows.seen_in_posts import SEEN_IN_POST
from personalization.surfaces import Surface

BUY_AGAIN_LINES = 4
"""Even the cards of its fourth line are bought more often than those of any other personal row."""


def rank_home(visit: Visit, snapshot: SnapshotArrays) -> Iterator[Candidate]:
    """What this visitor is likely to buy next, old or new."""
    return scoring.sorted_candidates(scoring.score_for_visitor(visit, snapshot))


def rank_discovery(visit: Visit, snapshot: SnapshotArrays) -> Iterator[Candidate]:
    """What they are likely to buy next and never bought before."""
    return scoring.sorted_candidates(scoring.score_discovery(visit, snapshot))


surface = Surface(
    name="home",
    ranking=rank_home,
    discovery=rank_discovery,
    rows=(
        CONTINUE_SHOPPING,
        BECAUSE_YOU_VIEWED,
        POPULAR_IN_LIKED_CATEGORY,
        replace(BUY_AGAIN, lines=BUY_AGAIN_LINES),
        BECAUSE_YOU_BOUGHT,
        POPULAR_IN_CATEGORY,
        BESTSELLERS,
        TRENDING,
        NEW_IN,
        SEEN_IN_POST,
        BESTSELLERS_IN_CATEGORY,
        LATEST,
    ),
    fallback_rows=(CONTINUE_SHOPPING, BESTSELLERS, SEEN_IN_POST, LATEST),
    whole_page=True,
)
