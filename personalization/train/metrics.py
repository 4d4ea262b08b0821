"""Offline evaluation: how good ranked lists are, by what evaluation customers went on to buy.

References
----------
K. Järvelin, J. Kekäläinen: Cumulated gain-based evaluation of IR techniques. ACM TOIS 20(4), 2002 (NDCG).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from personalization.rank import scorer
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rank.tasks import RankingTask
from personalization.rank.training_quality import BESTSELLERS, CURRENT_RANKER, SEARCH_ENGINE
from personalization.train.learning_to_rank import feature_table, is_evaluation_customer
from personalization.train.ranking_examples import Backtest, RankingExample, examples_of_windows

DEFAULT_WEIGHTS = "default weights"

SIMPLE_WAYS = {
    BESTSELLERS: "popular",
    "all-time bestsellers": "all_time_popular",
    "own purchases": "purchase.weight",
    "repeat purchases": "purchase.expected",
    "similar customers (user-kNN)": "user_knn.score",
    "bought together": "bought_together.basket",
    SEARCH_ENGINE: "query.engine_rank",
}
"""Ways to rank that any shop has by itself, and the feature that each goes by: what serves must do as well."""

TOP_K = 10
"""The metrics look at the first ten products of a list."""
MAX_LEAD = 99.0
GAIN = 1 / np.log2(np.arange(TOP_K) + 2)
METRICS = ("NDCG@10", "recall@10", "MRR", "hit rate", "novelty")


@dataclass(frozen=True)
class EvaluationResult:
    """How good one way to rank is at one task."""

    examples: int
    mean: dict[str, float]
    """By metric. Novelty is the mean of -log2(share of customers who bought it) over the products shown, in bits."""
    interval: dict[str, float]
    """Half the width of the 95 % confidence interval of each mean."""
    coverage: float
    """The share of all products that stood in some list."""
    ranker_lead: float = 0.0
    """By how many standard errors the ranker's NDCG@10 exceeds that of this way, example by example."""


def evaluate_ranker(
    windows: Sequence[Backtest], task: RankingTask, *, everybody: bool = False
) -> dict[str, EvaluationResult]:
    """Compares ways to rank, by the examples of evaluation customers only: the ranker (the learned trees, where
    `learned` has some), the default weights, the shop's bestsellers, and each recommender by itself.

    Parameters
    ----------
    windows : one or several cuts of one history.
    everybody : by the examples of all customers, where nothing is compared that was learned from them.

    Returns
    -------
    Results by way to rank: none where there are no such customers, and none for a recommender that lists nothing.
    """
    accumulators: dict[str, MetricAccumulator] = {}
    for example, past in examples_of_windows(windows, task):
        if not everybody and not is_evaluation_customer(example.customer):
            continue
        table = feature_table(example, past)
        scores_by_way = {
            way: table[row].astype(np.float64) for way, row in single_feature_rankers(task, past.learned).items()
        }
        scores_by_way[DEFAULT_WEIGHTS] = scorer.default_score(task, past.learned, table)
        scores_by_way[CURRENT_RANKER] = scorer.score_candidates(task, past.learned, table)
        for way, scores in scores_by_way.items():
            rounded = np.round(scores, scorer.SCORE_DECIMALS)
            accumulators.setdefault(way, MetricAccumulator()).add(example, rounded, past)
    ranker = accumulators.get(CURRENT_RANKER)
    return {
        way: replace(accumulator.result(windows[0]), ranker_lead=_lead(ranker, accumulator))
        for way, accumulator in accumulators.items()
        if accumulator.shown or way in (CURRENT_RANKER, DEFAULT_WEIGHTS)
    }


def single_feature_rankers(task: RankingTask, learned: SnapshotArrays) -> dict[str, int]:
    """The features that are a way to rank by themselves, with their rows in a task's table: one or two of each
    recommender."""
    rows = {name: row for row, name in enumerate(scorer.task_feature_names(task, learned))}
    return {way: rows[name] for way, name in single_feature_names(learned).items() if name in rows}


def single_feature_names(learned: SnapshotArrays) -> dict[str, str]:
    """By way to rank, the feature that it ranks by."""
    names = {
        **SIMPLE_WAYS,
        **{name: name for name in learned.score_recommenders() if not name.startswith("repurchase_")},
    }
    for name in learned.neighbour_recommenders():
        names |= {f"{name}, own purchases": f"{name}.purchases", f"{name}, basket": f"{name}.basket"}
    doubled = {"popular", "all_time_popular", "bought_together, basket"}
    return {way: name for way, name in names.items() if way not in doubled}


@dataclass
class MetricAccumulator:
    """The metrics of one way to rank, example by example."""

    values: list[tuple[float, ...]] = field(default_factory=list)
    """By example, in the sequence of METRICS."""
    shown: set[int] = field(default_factory=set)
    """Indices of the products that stood in the first ten of some list."""

    def add(self, example: RankingExample, scores: NDArray[np.float64], past: Backtest) -> None:
        """Adds the list of one example. Where no score is negative, a score of 0 means that this way to rank knows
        nothing of the candidate, which is then not listed."""
        best_first = np.lexsort((example.candidates, -scores))
        unknown = -np.inf if (scores < 0).any() else 0
        listed = example.candidates[best_first[scores[best_first] > unknown]]
        hits = np.isin(listed, example.bought)
        top = hits[:TOP_K]
        self.values.append(
            (
                float(GAIN[: len(top)][top].sum() / GAIN[: len(example.bought)].sum()),
                float(top.sum() / len(example.bought)),
                float(1 / (np.argmax(hits) + 1)) if hits.any() else 0.0,
                float(top.any()),
                _novelty(listed[:TOP_K], past),
            )
        )
        self.shown.update(listed[:TOP_K].tolist())

    def result(self, past: Backtest) -> EvaluationResult:
        """The means over all examples."""
        values = np.array(self.values)
        mean = values.mean(axis=0)
        width = 1.96 * values.std(axis=0) / np.sqrt(len(values))
        return EvaluationResult(
            examples=len(values),
            mean=dict(zip(METRICS, np.round(mean, 4).tolist(), strict=True)),
            interval=dict(zip(METRICS, np.round(width, 4).tolist(), strict=True)),
            coverage=round(len(self.shown) / max(past.train_history.products, 1), 4),
        )


def _lead(ranker: MetricAccumulator | None, other: MetricAccumulator) -> float:
    """The mean difference of their first metric, in standard errors of it; at most MAX_LEAD either way."""
    if ranker is None:
        return 0.0
    gain = np.array(ranker.values)[:, 0] - np.array(other.values)[:, 0]
    error = float(gain.std()) / np.sqrt(len(gain))
    return round(float(np.clip(gain.mean() / max(error, 1e-9), -MAX_LEAD, MAX_LEAD)), 2)


def _novelty(listed: NDArray[np.int64], past: Backtest) -> float:
    """The mean over these products of -log2 of the share of customers who bought each, in bits."""
    customers = past.learned.scores("all_time_popular").customers
    share = np.maximum(customers[listed], 1) / max(past.customers_before, 1)
    return float(-np.log2(np.minimum(share, 1)).mean()) if len(listed) else 0.0
