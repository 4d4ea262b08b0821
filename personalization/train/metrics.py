"""How good the lists are, by what customers whose purchases taught nothing went on to buy."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from personalization.rank import features as described
from personalization.rank import scorer
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.train.learning_to_rank import feature_table as features_of
from personalization.train.learning_to_rank import is_evaluation_customer
from personalization.train.ranking_examples import Backtest, RankingExample, ranking_examples

CURRENT_RANKER, DEFAULT_WEIGHTS, BESTSELLERS = "served", "stated weights", "bestsellers"

TOP_K = 10
"""The metrics look at so many products of a list."""
GAIN = 1 / np.log2(np.arange(TOP_K) + 2)
METRICS = ("NDCG@10", "recall@10", "MRR", "hit rate", "novelty")


@dataclass(frozen=True)
class EvaluationResult:
    """What one way to rank is worth for one kind of question."""

    examples: int
    mean: dict[str, float]
    """By metric. Novelty is the mean of -log2(share of customers who bought it) over the products shown, in bits."""
    interval: dict[str, float]
    """Half the width of the 95 % interval of each mean."""
    coverage: float
    """The share of all products that stood in some list."""


def evaluate_ranker(past: Backtest, kind: str) -> dict[str, EvaluationResult]:
    """By way to rank, its verdict: what serves (the learned trees when there are some), the stated weights, the shop's
    bestsellers, and each recommender by itself. Only judges are asked; there is no verdict where nobody is, and none
    for a recommender that never has an answer."""
    rows = single_feature_rankers(past.learned)
    tallies: dict[str, MetricAccumulator] = {}
    for question in ranking_examples(past, kind):
        if not is_evaluation_customer(question.customer):
            continue
        table = features_of(question, past)
        ways = {name: table[row].astype(np.float64) for name, row in rows.items()}
        ways[DEFAULT_WEIGHTS] = scorer.default_score(kind, past.learned, table)
        ways[CURRENT_RANKER] = scorer.score_candidates(kind, past.learned, table)
        for name, scores in ways.items():
            tallies.setdefault(name, MetricAccumulator()).add(question, np.round(scores, scorer.SCORE_DECIMALS), past)
    return {
        name: tally.result(past)
        for name, tally in tallies.items()
        if tally.shown or name in (CURRENT_RANKER, DEFAULT_WEIGHTS)
    }


def single_feature_rankers(learned: SnapshotArrays) -> dict[str, int]:
    """The features that are a way to rank by themselves, with their rows: one or two of each recommender."""
    alone = {"own.weight": "own purchases", "own.expected": "repeat purchase", "near": "similar customers"}
    alone |= {name: name for name in learned.score_recommenders() if not name.startswith("repurchase_")}
    alone |= {"popular": BESTSELLERS}
    for name in learned.neighbour_recommenders():
        alone |= {f"{name}.own": f"{name}, own purchases", f"{name}.basket": f"{name}, basket"}
    return {alone[name]: row for row, name in enumerate(described.feature_names(learned)) if name in alone}


@dataclass
class MetricAccumulator:
    """What one way to rank has achieved so far."""

    values: list[tuple[float, ...]] = field(default_factory=list)
    """By question, in the order of METRICS."""
    shown: set[int] = field(default_factory=set)

    def add(self, question: RankingExample, scores: NDArray[np.float64], past: Backtest) -> None:
        """Takes in one question's list. Where no score is negative, 0 says nothing of a candidate: it is not listed."""
        order = np.lexsort((question.places, -scores))
        silent = -np.inf if (scores < 0).any() else 0
        listed = question.places[order[scores[order] > silent]]
        hits = np.isin(listed, question.wanted)
        top = hits[:TOP_K]
        self.values.append(
            (
                float(GAIN[: len(top)][top].sum() / GAIN[: len(question.wanted)].sum()),
                float(top.sum() / len(question.wanted)),
                float(1 / (np.argmax(hits) + 1)) if hits.any() else 0.0,
                float(top.any()),
                _novelty(listed[:TOP_K], past),
            )
        )
        self.shown.update(listed[:TOP_K].tolist())

    def result(self, past: Backtest) -> EvaluationResult:
        """What came of it."""
        values = np.array(self.values)
        mean = values.mean(axis=0)
        width = 1.96 * values.std(axis=0) / np.sqrt(len(values))
        return EvaluationResult(
            examples=len(values),
            mean=dict(zip(METRICS, np.round(mean, 4).tolist(), strict=True)),
            interval=dict(zip(METRICS, np.round(width, 4).tolist(), strict=True)),
            coverage=round(len(self.shown) / max(past.train_history.products, 1), 4),
        )


def _novelty(listed: NDArray[np.int64], past: Backtest) -> float:
    """The mean of -log2 of the share of customers who bought each product."""
    customers = past.learned.scores("all_time_popular").customers
    share = np.maximum(customers[listed], 1) / max(past.customers_before, 1)
    return float(-np.log2(np.minimum(share, 1)).mean()) if len(listed) else 0.0
