"""One score from many features: by what the shop's own past taught, or by stated weights where it taught too little.

Learned trees are stored as arrays and read as QuickScorer does (Lucchese et al., SIGIR 2015): every test that fails
rules out the leaves on its left, and the first leaf that is left is the tree's. That is a few operations on bytes for
all candidates and trees at once.
"""

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from personalization.rank import features
from personalization.rank.snapshot_arrays import SnapshotArrays

MAX_LEAVES = 8
"""Of a tree at most, so that those that are left fit into a byte."""
SCORE_DECIMALS = 6
"""Scores are rounded, so that ties break the same everywhere."""
LOWEST_SET_BIT = np.array([0] + [(byte & -byte).bit_length() - 1 for byte in range(1, 256)], np.intp)
"""The lowest leaf that is left, by byte."""

HOME, NEW, BASKET, GUEST_BASKET, CATEGORY = "home", "new", "basket", "guest_basket", "listing"
RANKING_TASKS = (HOME, NEW, BASKET, GUEST_BASKET, CATEGORY)
"""What is learned by itself: the next purchases, those among them that are new to the customer, the rest of a basket
when its owner is known and when not, and the choice within a listing."""

DEFAULT_WEIGHTS: dict[str, dict[str, float]] = {
    HOME: {"own.expected": 1.0, "near": 0.3, "co_purchased_by_customer.own": 0.1, "popular": 0.01},
    NEW: {"near": 0.5, "co_purchased_by_customer.own": 1.0, "kind.own": 0.5, "popular": 0.5},
    BASKET: {"own.weight": 1.0, "bought_together.basket": 0.5, "popular": 0.01},
    GUEST_BASKET: {"bought_together.basket": 1.0, "popular": 0.02},
    CATEGORY: {"own.expected": 1.0, "near": 0.3, "popular": 0.3},
}
"""The weights where too little was learned; each feature counts as a share of its highest among the candidates."""


@dataclass(frozen=True)
class TreeEnsemble:
    """A learned sum of decision trees. The first three arrays are shaped (trees, tests), `value` (trees, leaves)."""

    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    """The leaves that stay when the feature is above the threshold, as bits; a tree with fewer tests keeps all."""
    value: NDArray[np.float64]
    calibration: NDArray[np.float64]
    """Slope and offset that make the sum a log-odds."""

    def scores(self, table: NDArray[np.float32]) -> NDArray[np.float64]:
        """The sum of the trees for each column of the features."""
        trees, tests = self.feature.shape
        above = table[self.feature.ravel()] > self.threshold.reshape(-1, 1)
        left = above.view(np.uint8) - np.uint8(1)  # all leaves where the test holds, none where it fails ...
        left |= self.left.astype(np.uint8).reshape(-1, 1)  # ... but those that stay then
        leaf = LOWEST_SET_BIT[np.bitwise_and.reduce(left.reshape(trees, tests, -1), axis=1)]
        leaf += np.arange(0, trees * MAX_LEAVES, MAX_LEAVES)[:, None]
        return self.value.ravel()[leaf].sum(axis=0)


def score_candidates(surface: str, learned: SnapshotArrays, table: NDArray[np.float32]) -> NDArray[np.float64]:
    """The score of each candidate whose features are a column of the table; higher is better."""
    trees = load_trees(surface, learned)
    return np.round(default_score(surface, learned, table) if trees is None else trees.scores(table), SCORE_DECIMALS)


def purchase_probabilities(surface: str, learned: SnapshotArrays, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """About how likely each candidate is to be bought within the weeks that were held back, where that was learned;
    else each score's share of all."""
    trees = load_trees(surface, learned)
    if trees is None:
        return scores / max(float(scores.sum()), 1e-9)
    return 1 / (1 + np.exp(-np.clip(trees.calibration[0] * scores + trees.calibration[1], -30, 30)))


def load_trees(surface: str, learned: SnapshotArrays) -> TreeEnsemble | None:
    """The trees of this surface; None when none were learned, or from other features than this release has."""
    arrays = learned.arrays
    if f"{surface}.value" not in arrays or int(arrays["blend.features"][0]) != feature_fingerprint(learned):
        return None
    return TreeEnsemble(
        *(arrays[f"{surface}.{name}"] for name in ("feature", "threshold", "left", "value", "calibration"))
    )


def feature_fingerprint(learned: SnapshotArrays) -> int:
    """A number that changes when the features or their order change."""
    return zlib.crc32(" ".join(features.feature_names(learned)).encode())


def default_score(surface: str, learned: SnapshotArrays, table: NDArray[np.float32]) -> NDArray[np.float64]:
    """The score by the stated weights."""
    rows = {name: row for row, name in enumerate(features.feature_names(learned))}
    total = np.zeros(table.shape[1])
    for name, weight in DEFAULT_WEIGHTS[surface].items():
        row = table[rows[name]].astype(np.float64)
        total += weight * row / max(float(row.max(initial=0)), 1e-9)
    return total
