"""What a visitor is asked of whom the shop does not know what they like: up to three categories, each a yes or a no."""

import numpy as np

from personalization.decide.preferences import PERMANENT_TYPES, active_preferences, dismissed_rows
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays

QUESTIONS_KEY = "interest_questions"
"""The key of the questions among the rows that a visitor does not want to see."""


def categories_to_ask(visit: Visit, snapshot: SnapshotArrays | None) -> list[int]:
    """The keys of the categories to ask this visitor about: the policy's, or else the shop's largest, of different
    kinds as far as there are. None that they answered for or buy from, and none at all once they skipped the questions.
    An interest that they stated anywhere counts as an answer: nobody is asked more often than the policy allows."""
    preferences = active_preferences(visit)
    stated = {int(one.key) for one in preferences if one.type == PERMANENT_TYPES}
    remaining = visit.policy.max_interest_questions - len(stated)
    if remaining <= 0 or QUESTIONS_KEY in dismissed_rows(preferences):
        return []
    left_out = stated | {row[0] for row in visit.genome.categories}
    offered = visit.policy.interest_categories or (largest_distinct_categories(snapshot) if snapshot else ())
    return [key for key in dict.fromkeys(offered) if key not in left_out][:remaining]


def largest_distinct_categories(snapshot: SnapshotArrays) -> list[int]:
    """The keys of the categories that sell most, on the level on which rows of categories are: first the largest below
    each top category, then the others."""
    depth, share = snapshot.arrays["category.depth"], snapshot.arrays["category.share"]
    level = np.flatnonzero((depth == min(2, depth.max(initial=1))) & (share > 0))
    by_size = level[np.argsort(-share[level], kind="stable")]
    keys: list[int] = snapshot.arrays["category.id"][by_size].tolist()
    parents = snapshot.arrays.get("category.parent")
    if parents is None or depth.max(initial=1) < 2:  # a snapshot of an earlier release has no parents
        return keys
    largest: dict[int, int] = {}
    for key, parent in zip(keys, parents[by_size].tolist(), strict=True):
        largest.setdefault(parent, key)
    return list(dict.fromkeys([*largest.values(), *keys]))
