"""The backtest of a training run: learns from all but the last weeks of the shop's own orders, the evaluation weeks,
and looks at what was bought in them.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization import conf, plugins
from personalization.models import Snapshot, snapshot_files
from personalization.rank import scorer
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rank.tasks import RANKING_TASKS, RankingTask
from personalization.recommenders import DAY
from personalization.train.dataset import Progress, TrainingDataset
from personalization.train.engines.local import BlockStore
from personalization.train.fit import fit_arrays
from personalization.train.learning_to_rank import MIN_EXAMPLES, RankerUnavailable, fit_ranker
from personalization.train.metrics import CURRENT_RANKER, DEFAULT_WEIGHTS, EvaluationResult, evaluate_ranker
from personalization.train.ranking_examples import Backtest
from personalization.train.search_examples import observe_searches

FITTED = "learned from the shop's own past"
TOO_LITTLE = f"default weights: fewer than {MIN_EXAMPLES} examples to learn from"
TOO_SHORT = "default weights: the history is not twice as long as the evaluation weeks"
NO_BETTER = "default weights: the learned ranker did no better"
MIN_HISTORY_RATIO = 2
"""The history must be this many times as long as the evaluation weeks."""
FITTED_AT = "ranker.fitted_at"
"""The array that holds when the rankers were learned, in seconds since 1970."""


@dataclass(frozen=True)
class Evaluation:
    """What the evaluation weeks taught: the rankers, and how good they are."""

    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    """Learned rankers, for a snapshot."""
    weights: dict[str, str] = field(default_factory=dict)
    """By task, in words, whether a ranker was learned or why the default weights serve."""
    results: dict[str, dict[str, EvaluationResult]] = field(default_factory=dict)
    """By task, then by way to rank."""

    @classmethod
    def from_summary(cls, summary: dict[str, Any]) -> "Evaluation | None":
        """The evaluation in a snapshot's summary; None when it has none."""
        if not summary.get("evaluation"):
            return None
        results = {
            task: {way: EvaluationResult(**result) for way, result in ways.items()}
            for task, ways in summary["evaluation"].items()
        }
        return cls(weights=summary["weights"], results=results)

    def as_data(self) -> dict[str, dict[str, Any]]:
        """The results as JSON takes them."""
        return {task: {way: asdict(result) for way, result in ways.items()} for task, ways in self.results.items()}


def evaluate_and_fit(
    shop: TrainingDataset,
    evaluation_seconds: float,
    progress: Progress,
    tasks: Iterable[RankingTask] = tuple(RANKING_TASKS.values()),
    blocks: BlockStore | None = None,
) -> Evaluation:
    """Learns a ranker for each task from the last `evaluation_seconds`, and evaluates it by customers from whom nothing
    was learned."""
    whole, tasks = shop.history, list(tasks)
    cut = whole.now - evaluation_seconds
    if not len(whole.ordered_at) or whole.ordered_at.min() > whole.now - MIN_HISTORY_RATIO * evaluation_seconds:
        return Evaluation(weights=dict.fromkeys((task.name for task in tasks), TOO_SHORT))
    before = whole.until(cut)
    past = Backtest.cutoff(whole, before, fit_arrays(shop, before, progress, blocks))
    if RANKING_TASKS["search"] in tasks:
        past = past.with_searches(observe_searches(past, shop, progress))
    fingerprint = np.array([scorer.feature_fingerprint(past.learned)], np.int64)
    evaluation = Evaluation(arrays={scorer.FINGERPRINT: fingerprint, FITTED_AT: np.array([whole.now])})
    for task in progress(tasks, "Learning to rank", len(tasks)):
        _fit_and_evaluate(task, past, evaluation)
    return evaluation


def reuse_ranker(snapshot: Snapshot, now: float) -> Evaluation | None:
    """The evaluation and the rankers of an earlier run, while they are younger than RANKER_REFIT_DAYS and were learned
    from the features and recommenders that there are now; else None."""
    try:
        learned = SnapshotArrays(snapshot_files.read_snapshot(snapshot.name, snapshot.manifest_sha256))
    except (snapshot_files.BrokenSnapshot, OSError):
        return None
    evaluation, arrays = Evaluation.from_summary(snapshot.metrics), learned.arrays
    if evaluation is None or FITTED_AT not in arrays:
        return None
    recommenders = {*learned.score_recommenders(), *learned.neighbour_recommenders()}
    if recommenders != set(plugins.registered_recommenders()):
        return None
    if int(arrays[scorer.FINGERPRINT][0]) != scorer.feature_fingerprint(learned):
        return None
    if not 0 <= now - float(arrays[FITTED_AT][0]) < conf.get_settings().RANKER_REFIT_DAYS * DAY:
        return None
    rankers = {name: np.array(array) for name, array in arrays.items() if name.startswith("ranker.")}
    evaluation.arrays.update(rankers)
    return evaluation


def _fit_and_evaluate(task: RankingTask, past: Backtest, evaluation: Evaluation) -> None:
    """Adds the ranker of one task to the evaluation, if it does better than the default weights."""
    try:
        trees, without = fit_ranker(past, task), TOO_LITTLE
    except RankerUnavailable as error:
        trees, without = {}, f"default weights: {error}"
    arrays = {**past.learned.arrays, **trees, scorer.FINGERPRINT: evaluation.arrays[scorer.FINGERPRINT]}
    results = evaluate_ranker(past.with_learned(SnapshotArrays(arrays)), task)
    better = (
        CURRENT_RANKER in results and results[CURRENT_RANKER].mean["NDCG@10"] > results[DEFAULT_WEIGHTS].mean["NDCG@10"]
    )
    if trees and better:
        evaluation.arrays.update(trees)
    elif results:
        results[CURRENT_RANKER] = results[DEFAULT_WEIGHTS]
    evaluation.weights[task.name] = FITTED if trees and better else NO_BETTER if trees else without
    evaluation.results[task.name] = results
