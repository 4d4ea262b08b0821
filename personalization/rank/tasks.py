"""The ranking tasks: each is a question of its own, so each learns its own ranker.

This table is the only list of them. `train.ranking_examples` says for each how the shop's past answers it, and
`decide.scoring` which page asks it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from personalization.rank.candidates import basket_candidates, discovery_candidates, visitor_candidates
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rank.visitor_history import VisitorHistory


@dataclass(frozen=True)
class RankingTask:
    """One question, and how a ranker for it is learned."""

    name: str
    """Also the name of its ranker's arrays in a snapshot."""
    question: str
    """What is asked, in a sentence."""
    default_weights: Mapping[str, float] = field(hash=False)
    """By feature, the weights of the score while no ranker is learned; see `scorer.default_score`."""
    candidates: Callable[[VisitorHistory, SnapshotArrays, NDArray[Any], str], NDArray[Any]] | None
    """Gathers candidates from (history, snapshot, basket, country); None where the list is given."""
    max_examples: int
    """At most this many examples are learned from, so that training costs the same in a shop of any size."""
    negative_sampling: int
    """Of the candidates that were not bought one in this many is learned from; their weight makes up for it."""

    new_grade: int = 1
    """The relevance of what was chosen and is new to the customer, where that of their own is 1; a grade gains
    2 ** grade - 1."""
    new_weight: float = 1.0
    """How much an example counts in which the customer had products of their own to choose from, and chose a new
    one."""
    is_search: bool = False
    """Whether a query is given, so that there are features of how well a candidate matches it."""

    def array_name(self, part: str) -> str:
        """The name of an array of its ranker in a snapshot, "ranker.home_threshold" for instance."""
        return f"ranker.{self.name}_{part}"


HOME = RankingTask(
    "home",
    question="Which products will the customer buy in the evaluation weeks?",
    default_weights={
        "purchase.expected": 1.0,
        "user_knn.score": 0.3,
        "co_purchased_by_customer.purchases": 0.1,
        "popular": 0.01,
    },
    candidates=visitor_candidates,
    max_examples=2_000,
    negative_sampling=4,
)
DISCOVERY = RankingTask(
    "discovery",
    question="Which products that they never bought before will the customer buy?",
    default_weights={
        "user_knn.score": 0.5,
        "co_purchased_by_customer.purchases": 1.0,
        "category.purchase_share": 0.5,
        "popular": 0.5,
    },
    candidates=discovery_candidates,
    max_examples=2_000,
    negative_sampling=4,
)
BASKET = RankingTask(
    "basket",
    question="What else is in an order, given a part of it and the customer?",
    default_weights={"purchase.weight": 1.0, "bought_together.basket": 0.5, "popular": 0.01},
    candidates=basket_candidates,
    max_examples=8_000,
    negative_sampling=2,
)
GUEST_BASKET = RankingTask(
    "guest_basket",
    question="What else is in an order, given a part of it only?",
    default_weights={"bought_together.basket": 1.0, "popular": 0.02},
    candidates=basket_candidates,
    max_examples=6_000,
    negative_sampling=2,
)
CATEGORY = RankingTask(
    "category",
    question="Which products of one category does the customer choose?",
    default_weights={"purchase.expected": 1.0, "user_knn.score": 0.3, "popular": 0.3},
    candidates=None,
    max_examples=12_000,
    negative_sampling=2,
)
SEARCH = RankingTask(
    "search",
    question="Which of the products that a search finds does the customer choose?",
    default_weights={
        "purchase.expected": 1.0,
        "user_knn.score": 0.1,
        "popular": 0.6,
        "query.engine_rank": 0.1,
        "query.title_head": 0.1,
        "query.category_coverage": 0.5,
        "query.category_head": 0.4,
        "query.title_coverage": 0.1,
    },
    candidates=None,
    max_examples=5_000,
    negative_sampling=2,
    new_grade=3,
    new_weight=1.5,
    is_search=True,
)

RANKING_TASKS = {task.name: task for task in (HOME, DISCOVERY, BASKET, GUEST_BASKET, CATEGORY, SEARCH)}
"""All tasks by name."""
