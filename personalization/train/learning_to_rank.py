"""Learning to rank: fits a ranker for a task from examples of the shop's own past (LambdaMART, then Platt scaling).

References
----------
C. Burges: From RankNet to LambdaRank to LambdaMART: An overview. Microsoft Research, 2010.
J. Platt: Probabilistic outputs for support vector machines and comparisons to regularized likelihood methods. Advances
in Large Margin Classifiers, 1999.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.rank import scorer
from personalization.rank.features import compute_features
from personalization.rank.query_features import compute_query_features
from personalization.rank.tasks import RankingTask
from personalization.recommenders import GUEST
from personalization.train.ranking_examples import Backtest, RankingExample, examples_of_windows

EVALUATION_FOLDS = 5
"""Every fifth customer is an evaluation customer: nothing is learned from their examples."""
MIN_EXAMPLES = 200
"""With fewer examples no ranker is learned: the default weights serve."""
MAX_TREES = 80
LEAF_SIZES = (20, 200)
"""The smallest leaf holds a thousandth of all candidates, but no fewer and no more than these."""
CALIBRATION_CANDIDATES = 200_000
"""About this many candidates calibrate the scores."""
BOOSTER = {
    "objective": "lambdarank",
    "num_leaves": scorer.MAX_LEAVES,
    "learning_rate": 0.1,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "seed": 1,
    "verbosity": -1,
}


class RankerUnavailable(Exception):
    """No ranker can be learned on this machine; the message says why."""


def is_evaluation_customer(customer: int) -> bool:
    """Whether this customer's examples are kept for the evaluation."""
    return customer != GUEST and (customer * 2_654_435_761 >> 7) % EVALUATION_FOLDS == 0


@dataclass
class TrainingSet:
    """The candidates of many examples, for LightGBM: one table and one mask for each example."""

    task: RankingTask
    tables: list[NDArray[np.float32]] = field(default_factory=list)
    """Shape (candidates, features)."""
    bought: list[NDArray[np.bool_]] = field(default_factory=list)
    grades: list[NDArray[np.int8]] = field(default_factory=list)
    """The relevance of each candidate; 0 for what was not bought."""
    weights: list[float] = field(default_factory=list)
    """How much each example counts."""

    def add(self, example: RankingExample, table: NDArray[np.float32]) -> None:
        """Adds an example of which some candidate was bought: those that were, and a sample of those that were not."""
        bought = np.isin(example.candidates, example.bought)
        if bought.any():
            own = np.isin(example.candidates, example.history.purchased)
            chose_new = bool(own.any() and (bought & ~own).any())
            grades = np.where(own | (not own.any()), bought, bought * self.task.new_grade)
            hashed = (example.candidates * 2_654_435_761 + len(self.tables) * 2_246_822_519) % 2**32
            kept = bought | (hashed < 2**32 // self.task.negative_sampling)
            self.tables.append(np.ascontiguousarray(table[:, kept].T))
            self.bought.append(bought[kept])
            self.grades.append(grades[kept].astype(np.int8))
            self.weights.append(self.task.new_weight if chose_new else 1.0)


def fit_ranker(windows: Sequence[Backtest], task: RankingTask) -> dict[str, NDArray[Any]]:
    """Learns the ranker of a task from all but the evaluation customers, in one or several cuts of their history.

    Returns
    -------
    The arrays of a `scorer.TreeEnsemble` by their names in a snapshot; none when there are too few examples.

    Raises
    ------
    RankerUnavailable : LightGBM cannot be loaded.
    """
    training_set = TrainingSet(task)
    for example, past in examples_of_windows(windows, task):
        if not is_evaluation_customer(example.customer):
            training_set.add(example, feature_table(example, past))
    if len(training_set.tables) < MIN_EXAMPLES:
        return {}
    trees = _fit_lambdamart(training_set)
    return {task.array_name(part): array for part, array in vars(trees).items()}


def feature_table(example: RankingExample, past: Backtest) -> NDArray[np.float32]:
    """The features of an example's candidates at the moment of the cut, shape (features, candidates)."""
    table = compute_features(example.history, past.learned, past.train_history.now, example.candidates, example.basket)
    if example.hits is None:
        return table
    return np.concatenate([table, compute_query_features(example.hits, past.learned, example.candidates)])


def _fit_lambdamart(training_set: TrainingSet) -> scorer.TreeEnsemble:
    lightgbm = _import_lightgbm()
    sizes = [len(bought) for bought in training_set.bought]
    table, bought = np.concatenate(training_set.tables), np.concatenate(training_set.bought)
    training_set.tables.clear()  # one copy is enough
    rows = len(table)
    settings = {**BOOSTER, "min_data_in_leaf": int(np.clip(rows // 1_000, *LEAF_SIZES))}
    grades, counts = np.concatenate(training_set.grades), np.repeat(training_set.weights, sizes)
    booster = lightgbm.train(settings, lightgbm.Dataset(table, grades, group=sizes, weight=counts), MAX_TREES)
    arrays = _trees_to_arrays(booster.dump_model()["tree_info"])
    sample = slice(None, None, rows // CALIBRATION_CANDIDATES + 1)
    scores = scorer.TreeEnsemble(*arrays, np.array([1.0, 0.0])).scores(np.ascontiguousarray(table[sample].T))
    weight = np.where(bought[sample], 1, training_set.task.negative_sampling)
    return scorer.TreeEnsemble(*arrays, fit_platt_scaling(scores, bought[sample], weight))


def _import_lightgbm() -> ModuleType:
    """LightGBM needs a library of the system (libgomp), which may be missing."""
    try:
        return import_module("lightgbm")
    except (ImportError, OSError) as error:
        raise RankerUnavailable(f"LightGBM cannot be loaded: {error}") from None


def _trees_to_arrays(trees: list[dict[str, Any]]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """LightGBM's trees as the first four arrays of a TreeEnsemble."""
    tests = scorer.MAX_LEAVES - 1
    feature = np.zeros((len(trees), tests), np.int32)
    threshold = np.zeros((len(trees), tests), np.float32)
    left = np.full((len(trees), tests), 255, np.int32)
    value = np.zeros((len(trees), scorer.MAX_LEAVES))
    for number, tree in enumerate(trees):
        leaves, found = _flatten_tree(tree["tree_structure"])
        value[number, : len(leaves)] = np.round(leaves, scorer.SCORE_DECIMALS)
        for test, (node, first, last) in enumerate(found):
            feature[number, test] = node["split_feature"]
            threshold[number, test] = _single_precision(node["threshold"])
            left[number, test] = 255 - sum(1 << leaf for leaf in range(first, last))
    return feature, threshold, left, value


def _flatten_tree(node: dict[str, Any], first: int = 0) -> tuple[list[float], list[tuple[dict[str, Any], int, int]]]:
    """The values of the leaves from left to right; the tests, each with the range of the leaves on its left side."""
    if "leaf_value" in node:
        return [node["leaf_value"]], []
    left, left_tests = _flatten_tree(node["left_child"], first)
    right, right_tests = _flatten_tree(node["right_child"], first + len(left))
    return left + right, [(node, first, first + len(left)), *left_tests, *right_tests]


def _single_precision(threshold: float) -> np.float32:
    """The highest single-precision number that is not above the threshold: single-precision features compare with it as
    with the threshold."""
    single = np.float32(threshold)
    return np.nextafter(single, np.float32(-np.inf)) if float(single) > threshold else single


def fit_platt_scaling(scores: NDArray[Any], bought: NDArray[Any], weight: NDArray[Any]) -> NDArray[np.float64]:
    """Slope and offset that turn a score into the log-odds of a purchase: logistic regression by Newton's method.

    As in Platt's paper the targets are smoothed, so that nothing is certain. A step that does not lower the loss is
    halved until it does.

    Parameters
    ----------
    scores, bought, weight : one entry for each candidate; `bought` is boolean.
    """
    design = np.stack([scores, np.ones(len(scores))])
    positives, negatives = float(weight[bought].sum()), float(weight[~bought].sum())
    target = np.where(bought, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    loss = partial(_log_loss, design=design, target=target, weight=weight)
    line = np.array([0.0, np.log((positives + 1) / (negatives + 1))])
    for _ in range(25):
        probability = 1 / (1 + np.exp(-np.clip(line @ design, -30, 30)))
        curvature = weight * np.maximum(probability * (1 - probability), 1e-9)
        hessian = (design * curvature) @ design.T + 1e-6 * np.eye(2)
        step = np.linalg.solve(hessian, design @ (weight * (target - probability)))
        while np.abs(step).max() > 1e-6 and loss(line + step) > loss(line):
            step = step / 2
        line = line + step
    return np.round(line, 4)


def _log_loss(line: NDArray[Any], design: NDArray[Any], target: NDArray[Any], weight: NDArray[Any]) -> float:
    log_odds = line @ design
    return float(weight @ (np.logaddexp(0, log_odds) - target * log_odds))
