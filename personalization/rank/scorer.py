"""One score from many features: by a learned ranker, or by default weights where too little was learned.

A ranker is a sum of decision trees (LambdaMART). Its trees are stored as arrays and evaluated as QuickScorer does: each
test that fails rules out the leaves on its left, and the first leaf that remains is the tree's. That takes a few bit
operations for all candidates and trees at once.

References
----------
C. Burges: From RankNet to LambdaRank to LambdaMART: An overview. Microsoft Research, 2010.
C. Lucchese et al.: QuickScorer: A fast algorithm to rank documents with additive ensembles of regression trees. SIGIR
2015.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from personalization.rank.features import feature_names
from personalization.rank.query_features import QUERY_FEATURES
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rank.tasks import SEARCH, RankingTask

MAX_LEAVES = 8
"""Of one tree, so that the leaves that remain fit into the bits of a byte."""
SCORE_DECIMALS = 6
"""Scores are rounded, so that ties break the same on every machine."""
TIE_BREAK = 1e-3
"""The share of the default weights where one feature sorts."""
LOWEST_SET_BIT = np.array([0] + [(byte & -byte).bit_length() - 1 for byte in range(1, 256)], np.intp)
"""The first leaf that remains, by byte."""
FINGERPRINT = "ranker.fingerprint"
"""The array that holds the fingerprint of the features that a snapshot's rankers were learned from."""


@dataclass(frozen=True)
class TreeEnsemble:
    """A learned sum of decision trees. Three arrays have the shape (trees, tests), `value` has (trees, leaves)."""

    feature: NDArray[np.int32]
    """The row of the feature that is tested."""
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    """As bits, the leaves that remain when the feature is above the threshold; a tree with fewer tests keeps all."""
    value: NDArray[np.float64]
    """What each leaf adds to the score."""
    calibration: NDArray[np.float64]
    """Slope and offset that turn the score into the log-odds of a purchase (Platt scaling)."""

    def scores(self, table: NDArray[np.float32]) -> NDArray[np.float64]:
        """The sum of the trees for each column of a table of shape (features, candidates)."""
        trees, tests = self.feature.shape
        above = table[self.feature.ravel()] > self.threshold.reshape(-1, 1)
        left = above.view(np.uint8) - np.uint8(1)  # all leaves where the test holds, none where it fails ...
        left |= self.left.astype(np.uint8).reshape(-1, 1)  # ... but those that remain then
        leaf = LOWEST_SET_BIT[np.bitwise_and.reduce(left.reshape(trees, tests, -1), axis=1)]
        leaf += np.arange(0, trees * MAX_LEAVES, MAX_LEAVES)[:, None]
        total: NDArray[np.float64] = self.value.ravel()[leaf].sum(axis=0)
        return total


def score_candidates(task: RankingTask, learned: SnapshotArrays, table: NDArray[np.float32]) -> NDArray[np.float64]:
    """The score of each candidate, a column of the table of features; higher is better."""
    trees = load_trees(task, learned)
    return np.round(chosen_score(task, learned, table) if trees is None else trees.scores(table), SCORE_DECIMALS)


def purchase_probabilities(
    task: RankingTask, learned: SnapshotArrays, scores: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The calibrated probability that each candidate is bought within the evaluation weeks, in 0..1; with default
    weights, each score's share of all."""
    trees = load_trees(task, learned)
    if trees is None:
        return scores / max(float(scores.sum()), 1e-9)
    log_odds = np.clip(trees.calibration[0] * scores + trees.calibration[1], -30, 30)
    probability: NDArray[np.float64] = 1 / (1 + np.exp(-log_odds))
    return probability


def load_trees(task: RankingTask, learned: SnapshotArrays) -> TreeEnsemble | None:
    """The learned ranker of a task; None when the snapshot has none, or it was learned from other features."""
    arrays = learned.arrays
    if task.array_name("value") not in arrays or not _has_same_features(learned):
        return None
    parts = ("feature", "threshold", "left", "value", "calibration")
    return TreeEnsemble(*(arrays[task.array_name(part)] for part in parts))


def _has_same_features(learned: SnapshotArrays) -> bool:
    return int(learned.arrays[FINGERPRINT][0]) == feature_fingerprint(learned)


def feature_fingerprint(learned: SnapshotArrays) -> int:
    """A number that changes when the features of a snapshot or their sequence change."""
    return zlib.crc32(" ".join(task_feature_names(SEARCH, learned)).encode())


def task_feature_names(task: RankingTask, learned: SnapshotArrays) -> list[str]:
    """The names of the rows of a task's table: the features of a candidate, then, for a search, those of the match."""
    return [*feature_names(learned), *(one.name for one in QUERY_FEATURES if task.is_search)]


def default_score(task: RankingTask, learned: SnapshotArrays, table: NDArray[np.float32]) -> NDArray[np.float64]:
    """The score by the task's default weights, each feature as a share of its highest among the candidates."""
    rows = {name: row for row, name in enumerate(task_feature_names(task, learned))}
    return _weighted_sum({rows[name]: weight for name, weight in task.default_weights.items()}, table)


def chosen_score(task: RankingTask, learned: SnapshotArrays, table: NDArray[np.float32]) -> NDArray[np.float64]:
    """The score by the weights that training chose for the shop, else by the default weights."""
    weights = learned.arrays.get(task.array_name("weights"))
    if weights is None or len(weights) != len(table) or not _has_same_features(learned):
        return default_score(task, learned, table)
    return _weighted_sum({row: float(weights[row]) for row in np.flatnonzero(weights).tolist()}, table)


def weights_by_feature(task: RankingTask, learned: SnapshotArrays, feature_name: str) -> NDArray[np.float64]:
    """Weights for `chosen_score` that sort by one feature, and what is equal in it by the default weights."""
    names = task_feature_names(task, learned)
    weights = np.array([TIE_BREAK * task.default_weights.get(name, 0.0) for name in names])
    weights[names.index(feature_name)] += 1.0
    return weights


def _weighted_sum(weights: Mapping[int, float], table: NDArray[np.float32]) -> NDArray[np.float64]:
    total = np.zeros(table.shape[1])
    for number, weight in weights.items():
        row = table[number].astype(np.float64)
        total += weight * row / max(float(row.max(initial=0)), 1e-9)
    return total
