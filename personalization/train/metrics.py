"""How good the lists are, by what customers whose purchases taught nothing went on to buy."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from personalization.rank import features as described
from personalization.rank import scorer
from personalization.rank.snapshot_arrays import Learned
from personalization.train.learning_to_rank import described as features_of
from personalization.train.learning_to_rank import judges
from personalization.train.ranking_examples import Past, Question, questions

SERVED, STATED, BESTSELLERS = "served", "stated weights", "bestsellers"

TOP = 10
"""The metrics look at so many products of a list."""
GAIN = 1 / np.log2(np.arange(TOP) + 2)
METRICS = ("NDCG@10", "recall@10", "MRR", "hit rate", "novelty")


@dataclass(frozen=True)
class Verdict:
    """What one way to rank is worth for one kind of question."""

    questions: int
    mean: dict[str, float]
    """By metric. Novelty is the mean of -log2(share of customers who bought it) over the products shown, in bits."""
    interval: dict[str, float]
    """Half the width of the 95 % interval of each mean."""
    coverage: float
    """The share of all products that stood in some list."""


def judge(past: Past, kind: str) -> dict[str, Verdict]:
    """By way to rank, its verdict: what serves (the learned trees when there are some), the stated weights, the shop's
    bestsellers, and each recommender by itself. Only judges are asked; there is no verdict where nobody is, and none
    for a recommender that never has an answer."""
    rows = ways_alone(past.learned)
    tallies: dict[str, Tally] = {}
    for question in questions(past, kind):
        if not judges(question.customer):
            continue
        table = features_of(question, past)
        ways = {name: table[row].astype(np.float64) for name, row in rows.items()}
        ways[STATED] = scorer.by_default(kind, past.learned, table)
        ways[SERVED] = scorer.score(kind, past.learned, table)
        for name, scores in ways.items():
            tallies.setdefault(name, Tally()).take(question, np.round(scores, scorer.DECIMALS), past)
    return {name: tally.verdict(past) for name, tally in tallies.items() if tally.shown or name in (SERVED, STATED)}


def ways_alone(learned: Learned) -> dict[str, int]:
    """The features that are a way to rank by themselves, with their rows: one or two of each recommender."""
    alone = {"own.weight": "own purchases", "own.expected": "repeat purchase", "near": "similar customers"}
    alone |= {name: name for name in learned.scoring() if not name.startswith("repurchase_")}
    alone |= {"popular": BESTSELLERS}
    for name in learned.linking():
        alone |= {f"{name}.own": f"{name}, own purchases", f"{name}.basket": f"{name}, basket"}
    return {alone[name]: row for row, name in enumerate(described.names(learned)) if name in alone}


@dataclass
class Tally:
    """What one way to rank has achieved so far."""

    values: list[tuple[float, ...]] = field(default_factory=list)
    """By question, in the order of METRICS."""
    shown: set[int] = field(default_factory=set)

    def take(self, question: Question, scores: NDArray[np.float64], past: Past) -> None:
        """Takes in one question's list. Where no score is negative, 0 says nothing of a candidate: it is not listed."""
        order = np.lexsort((question.places, -scores))
        silent = -np.inf if (scores < 0).any() else 0
        listed = question.places[order[scores[order] > silent]]
        hits = np.isin(listed, question.wanted)
        top = hits[:TOP]
        self.values.append(
            (
                float(GAIN[: len(top)][top].sum() / GAIN[: len(question.wanted)].sum()),
                float(top.sum() / len(question.wanted)),
                float(1 / (np.argmax(hits) + 1)) if hits.any() else 0.0,
                float(top.any()),
                _surprise(listed[:TOP], past),
            )
        )
        self.shown.update(listed[:TOP].tolist())

    def verdict(self, past: Past) -> Verdict:
        """What came of it."""
        values = np.array(self.values)
        mean = values.mean(axis=0)
        width = 1.96 * values.std(axis=0) / np.sqrt(len(values))
        return Verdict(
            questions=len(values),
            mean=dict(zip(METRICS, np.round(mean, 4).tolist(), strict=True)),
            interval=dict(zip(METRICS, np.round(width, 4).tolist(), strict=True)),
            coverage=round(len(self.shown) / max(past.before.products, 1), 4),
        )


def _surprise(listed: NDArray[np.int64], past: Past) -> float:
    """The mean of -log2 of the share of customers who bought each product."""
    customers = past.learned.scores("all_time_popular").customers
    share = np.maximum(customers[listed], 1) / max(past.customers_before, 1)
    return float(-np.log2(np.minimum(share, 1)).mean()) if len(listed) else 0.0
