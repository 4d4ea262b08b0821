"""What spoke for a product when the ranker scored it: what its score would be if it were ordinary in one feature."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from personalization.decide.slate import ItemRef
from personalization.decide.trace import Scoring
from personalization.rank import scorer
from personalization.rank.tasks import RANKING_TASKS

MAX_EFFECTS = 3
"""As many features are named of a product."""


@dataclass(frozen=True)
class FeatureEffect:
    """How far one feature moved a product."""

    feature: str
    rank_without: int
    """From 1: the product's rank among the candidates if its value were the middle one of them."""


@dataclass(frozen=True)
class ScoredProduct:
    """A product in one run of the ranker."""

    task: str
    rank: int
    """From 1."""
    candidates: int
    probability: float
    effects: tuple[FeatureEffect, ...]
    """What spoke for it most, the strongest first; only what moved it up."""


def explain_scores(scoring: Scoring, items: Sequence[ItemRef]) -> dict[ItemRef, ScoredProduct]:
    """Those of these products that were scored in this run. All of them are scored anew at once, each with one feature
    after the other set to the middle value of all candidates."""
    task = RANKING_TASKS[scoring.task]
    columns = _columns(scoring, items)
    middle = np.median(scoring.features, axis=1).astype(np.float32)
    variants, owners = [], []
    for item, column in columns.items():
        values = scoring.features[:, column]
        for row in np.flatnonzero(values != middle).tolist():
            variant = values.copy()
            variant[row] = middle[row]
            variants.append(variant)
            owners.append((item, row))
    table = np.column_stack([scoring.features, *variants]) if variants else scoring.features
    scores = scorer.score_candidates(task, scoring.snapshot, table)
    usual, changed = scores[: scoring.features.shape[1]], scores[scoring.features.shape[1] :]
    return {
        item: _scored_product(
            scoring,
            usual,
            column,
            [(row, score) for (owner, row), score in zip(owners, changed.tolist(), strict=True) if owner == item],
        )
        for item, column in columns.items()
    }


def _columns(scoring: Scoring, items: Sequence[ItemRef]) -> dict[ItemRef, int]:
    """The column of each of these products that was a candidate."""
    position = {index: column for column, index in enumerate(scoring.product_indices.tolist())}
    indices = scoring.snapshot.product_indices([item.id for item in items]).tolist()
    return {item: position[index] for item, index in zip(items, indices, strict=True) if index in position}


def _scored_product(
    scoring: Scoring, usual: NDArray[np.float64], column: int, changed: list[tuple[int, float]]
) -> ScoredProduct:
    own = float(usual[column])
    strongest = sorted(((own - score, row, score) for row, score in changed if score < own), reverse=True)
    effects = [
        FeatureEffect(scoring.feature_names[row], 1 + int((np.delete(usual, column) > score).sum()))
        for _lost, row, score in strongest[:MAX_EFFECTS]
    ]
    rank = 1 + int((usual > own).sum())
    return ScoredProduct(
        scoring.task,
        rank,
        len(usual),
        float(scoring.purchase_probability[column]),
        tuple(effects),
    )
