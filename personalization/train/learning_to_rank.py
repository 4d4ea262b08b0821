"""Learns, from questions that the shop's own past answers, how much to trust each feature."""

from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.rank import scorer
from personalization.rank.features import compute_features
from personalization.recommenders import GUEST
from personalization.train.ranking_examples import Backtest, RankingExample, ranking_examples

EVALUATION_FOLDS = 5
"""Every fifth customer only judges: nothing is learned from them."""
MIN_EXAMPLES = 200
"""With fewer answered questions than this nothing is learned: the stated weights serve."""
MAX_TREES = 80
LEAF_SIZES = (20, 200)
"""A leaf holds a thousandth of all candidates, and within these."""
NEGATIVE_SAMPLING = {scorer.HOME: 4, scorer.NEW: 4, scorer.BASKET: 2, scorer.GUEST_BASKET: 2, scorer.CATEGORY: 2}
"""Of the candidates that were not bought, one of so many is looked at."""
CALIBRATION_FOLD = 200_000
"""So many candidates make of scores chances."""
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
    """Nothing can be learned on this machine; the message says why."""


def is_evaluation_customer(customer: int) -> bool:
    """Whether this customer's questions are kept for judging."""
    return customer != GUEST and (customer * 2_654_435_761 >> 7) % EVALUATION_FOLDS == 0


@dataclass
class TrainingSet:
    """The candidates of many questions, for LightGBM."""

    passed_over: int
    tables: list[NDArray[np.float32]] = field(default_factory=list)
    bought: list[NDArray[np.bool_]] = field(default_factory=list)

    def add(self, table: NDArray[np.float32], bought: NDArray[np.bool_], places: NDArray[np.int64]) -> None:
        """Takes in a question that some candidate answers: all that was bought, and a part of what was not."""
        if bought.any():
            lot = (places * 2_654_435_761 + len(self.tables) * 2_246_822_519) % 2**32 < 2**32 // self.passed_over
            kept = bought | lot
            self.tables.append(np.ascontiguousarray(table[:, kept].T))
            self.bought.append(bought[kept])


def fit_ranker(past: Backtest, kind: str) -> dict[str, NDArray]:
    """The trees of one kind of question as arrays of a snapshot; none when there are too few questions."""
    lessons = TrainingSet(NEGATIVE_SAMPLING[kind])
    for question in ranking_examples(past, kind):
        if not is_evaluation_customer(question.customer):
            lessons.add(feature_table(question, past), np.isin(question.places, question.wanted), question.places)
    if len(lessons.tables) < MIN_EXAMPLES:
        return {}
    trees = _fit_lambdarank(lessons)
    return {f"{kind}.{name}": array for name, array in vars(trees).items()}


def feature_table(question: RankingExample, past: Backtest) -> NDArray[np.float32]:
    """The features of a question's candidates, as they were at the moment of the question."""
    return compute_features(question.person, past.learned, past.train_history.now, question.places, question.basket)


def _fit_lambdarank(lessons: TrainingSet) -> scorer.TreeEnsemble:
    lightgbm = _import_lightgbm()
    sizes = [len(answers) for answers in lessons.bought]
    table, bought = np.concatenate(lessons.tables), np.concatenate(lessons.bought)
    lessons.tables.clear()
    rows = len(table)
    settings = {**BOOSTER, "min_data_in_leaf": int(np.clip(rows // 1_000, *LEAF_SIZES))}
    booster = lightgbm.train(settings, lightgbm.Dataset(table, bought.astype(np.int8), group=sizes), MAX_TREES)
    arrays = _trees_to_arrays(booster.dump_model()["tree_info"])
    some = slice(None, None, rows // CALIBRATION_FOLD + 1)
    scores = scorer.TreeEnsemble(*arrays, np.array([1.0, 0.0])).scores(np.ascontiguousarray(table[some].T))
    chance = fit_platt_scaling(scores, bought[some], np.where(bought[some], 1, lessons.passed_over))
    return scorer.TreeEnsemble(*arrays, chance)


def _import_lightgbm() -> ModuleType:
    """LightGBM, which needs a library of the system (libgomp); Unavailable says so where it is missing."""
    try:
        return import_module("lightgbm")
    except (ImportError, OSError) as error:
        raise RankerUnavailable(f"LightGBM cannot be loaded: {error}") from None


def _trees_to_arrays(trees: list[dict[str, Any]]) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """LightGBM's trees as the arrays of `blend.Trees`."""
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
            threshold[number, test] = _left_leaves(node["threshold"])
            left[number, test] = 255 - sum(1 << leaf for leaf in range(first, last))
    return feature, threshold, left, value


def _flatten_tree(node: dict[str, Any], first: int = 0) -> tuple[list[float], list[tuple[dict[str, Any], int, int]]]:
    """(values of the leaves from left to right, tests with the leaves from first to before last on their left side)."""
    if "leaf_value" in node:
        return [node["leaf_value"]], []
    left, left_tests = _flatten_tree(node["left_child"], first)
    right, right_tests = _flatten_tree(node["right_child"], first + len(left))
    return left + right, [(node, first, first + len(left)), *left_tests, *right_tests]


def _left_leaves(threshold: float) -> np.float32:
    """The highest single-precision number that is not above the threshold: single-precision features compare alike."""
    single = np.float32(threshold)
    return np.nextafter(single, np.float32(-np.inf)) if float(single) > threshold else single


def fit_platt_scaling(scores: NDArray, bought: NDArray, weight: NDArray) -> NDArray[np.float64]:
    """Slope and offset that make of a score the log-odds of a purchase (Platt's scaling, by Newton's method).

    As Platt does, nothing is taken for quite certain; a step that does not help is halved until it does.
    """
    design = np.stack([scores, np.ones(len(scores))])
    many, few = float(weight[bought].sum()), float(weight[~bought].sum())
    target = np.where(bought, (many + 1) / (many + 2), 1 / (few + 2))
    loss = partial(_log_loss, design=design, target=target, weight=weight)
    line = np.array([0.0, np.log((many + 1) / (few + 1))])
    for _ in range(25):
        chance = 1 / (1 + np.exp(-np.clip(line @ design, -30, 30)))
        curve = (design * (weight * np.maximum(chance * (1 - chance), 1e-9))) @ design.T + 1e-6 * np.eye(2)
        step = np.linalg.solve(curve, design @ (weight * (target - chance)))
        while np.abs(step).max() > 1e-6 and loss(line + step) > loss(line):
            step = step / 2
        line = line + step
    return np.round(line, 4)


def _log_loss(line: NDArray, design: NDArray, target: NDArray, weight: NDArray) -> float:
    odds = line @ design
    return float(weight @ (np.logaddexp(0, odds) - target * odds))
