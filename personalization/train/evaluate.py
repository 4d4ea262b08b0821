"""Holds back the last weeks of the shop's own orders, learns from the rest, and asks what was bought in them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

from personalization import conf, recommenders
from personalization.models import Snapshot, snapshot_files
from personalization.rank import scorer
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.recommenders import DAY
from personalization.train.dataset import Progress, TrainingDataset
from personalization.train.engines.local import BlockStore
from personalization.train.fit import fit_arrays
from personalization.train.learning_to_rank import MIN_EXAMPLES, RankerUnavailable, fit_ranker
from personalization.train.metrics import CURRENT_RANKER, DEFAULT_WEIGHTS, EvaluationResult, evaluate_ranker
from personalization.train.ranking_examples import Backtest

FITTED = "learned from the shop's own past"
TOO_LITTLE = f"stated weights: fewer than {MIN_EXAMPLES} questions that the past answers"
TOO_SHORT = "stated weights: the history is not twice as long as what would be held back of it"
NO_BETTER = "stated weights: those that were learned did no better"
SHORTEST = 2
"""The history must be so many times as long as what is held back of it."""


@dataclass(frozen=True)
class Evaluation:
    """What the weeks that were held back taught."""

    arrays: dict[str, NDArray] = field(default_factory=dict)
    """Learned weights, for a snapshot."""
    weights: dict[str, str] = field(default_factory=dict)
    """For each kind of question, where the weights come from, in words."""
    results: dict[str, dict[str, EvaluationResult]] = field(default_factory=dict)
    """For each kind of question, by way to rank."""

    @classmethod
    def of(cls, summary: dict) -> "Evaluation | None":
        """What the summary of a snapshot says of it; None when it says nothing."""
        if not summary.get("evaluation"):
            return None
        verdicts = {
            kind: {way: EvaluationResult(**found) for way, found in ways.items()}
            for kind, ways in summary["evaluation"].items()
        }
        return cls(weights=summary["weights"], results=verdicts)

    def as_data(self) -> dict[str, dict]:
        """The verdicts as JSON takes them."""
        return {kind: {way: asdict(found) for way, found in ways.items()} for kind, ways in self.results.items()}


def evaluate_and_fit(
    shop: TrainingDataset,
    held_back: float,
    progress: Progress,
    kinds: Sequence[str] = scorer.RANKING_TASKS,
    blocks: BlockStore | None = None,
) -> Evaluation:
    """Learns weights from the last `held_back` seconds and judges them, by customers whose purchases taught nothing."""
    whole = shop.history
    cut = whole.now - held_back
    if not len(whole.ordered_at) or whole.ordered_at.min() > whole.now - SHORTEST * held_back:
        return Evaluation(weights=dict.fromkeys(kinds, TOO_SHORT))
    before = whole.until(cut)
    past = Backtest.cutoff(whole, before, fit_arrays(shop, before, progress, blocks))
    found = Evaluation(
        arrays={
            "blend.features": np.array([scorer.feature_fingerprint(past.learned)], np.int64),
            "blend.moment": np.array([whole.now]),
        }
    )
    for kind in progress(kinds, "Weighing", len(kinds)):
        _fit_and_evaluate(kind, past, found)
    return found


def reuse_ranker(snapshot: Snapshot, now: float) -> Evaluation | None:
    """What an earlier run found out, while it is younger than `weights_days` and of this release's features."""
    try:
        learned = SnapshotArrays(snapshot_files.read_snapshot(snapshot.name, snapshot.manifest_sha256))
    except (snapshot_files.BrokenSnapshot, OSError):
        return None
    found, arrays = Evaluation.of(snapshot.metrics), learned.arrays
    shelf = [recommender.name for recommender in recommenders.registered_recommenders()]
    known = {*learned.score_recommenders(), *learned.neighbour_recommenders()} == set(shelf)
    if found is None or not known or "blend.moment" not in arrays:
        return None
    age = now - float(arrays["blend.moment"][0])
    same = int(arrays["blend.features"][0]) == scorer.feature_fingerprint(learned)
    if not same or not 0 <= age < conf.get_settings().RANKER_REFIT_DAYS * DAY:
        return None
    mine = tuple(f"{kind}." for kind in ("blend", *scorer.RANKING_TASKS))
    found.arrays.update({name: np.array(array) for name, array in arrays.items() if name.startswith(mine)})
    return found


def _fit_and_evaluate(kind: str, past: Backtest, found: Evaluation) -> None:
    """Adds the weights of one kind of question to what was found, if they do better than the stated ones."""
    try:
        trees, without = fit_ranker(past, kind), TOO_LITTLE
    except RankerUnavailable as missing:
        trees, without = {}, f"stated weights: {missing}"
    arrays = {**past.learned.arrays, **trees, "blend.features": found.arrays["blend.features"]}
    verdicts = evaluate_ranker(past.with_learned(SnapshotArrays(arrays)), kind)
    better = (
        CURRENT_RANKER in verdicts
        and verdicts[CURRENT_RANKER].mean["NDCG@10"] > verdicts[DEFAULT_WEIGHTS].mean["NDCG@10"]
    )
    if trees and better:
        found.arrays.update(trees)
    elif verdicts:
        verdicts[CURRENT_RANKER] = verdicts[DEFAULT_WEIGHTS]
    found.weights[kind] = FITTED if trees and better else NO_BETTER if trees else without
    found.results[kind] = verdicts
