"""The backtest of a training run: learns from all but the last weeks of the shop's own orders, the evaluation weeks,
and looks at what was bought in them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization import conf, plugins
from personalization.models import Snapshot, snapshot_files
from personalization.rank import scorer
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rank.tasks import RANKING_TASKS, SEARCH, RankingTask
from personalization.rank.training_quality import CURRENT_RANKER, METRIC, readable_metrics
from personalization.recommenders import DAY, HistoryArrays, is_ranking_feature
from personalization.train.dataset import Progress, TrainingDataset
from personalization.train.effort import Effort, measure_effort
from personalization.train.engines.local import BlockStore
from personalization.train.fit import fit_arrays
from personalization.train.kept_texts import KEPT_ARRAYS
from personalization.train.learning_to_rank import MIN_EXAMPLES, RankerUnavailable, fit_ranker
from personalization.train.metrics import (
    DEFAULT_WEIGHTS,
    SIMPLE_WAYS,
    EvaluationResult,
    evaluate_ranker,
)
from personalization.train.ranking_examples import Backtest
from personalization.train.search_examples import observe_searches

FITTED = "learned from the shop's own past"
TOO_LITTLE = f"default weights: fewer than {MIN_EXAMPLES} examples to learn from"
TOO_SHORT = "default weights: the history is not twice as long as the evaluation weeks"
NO_BETTER = "default weights: the learned ranker did no better"
MIN_HISTORY_RATIO = 2
"""The history must be this many times as long as the evaluation weeks."""
MAX_WINDOWS = 5
"""At most this many cuts of the history are learned from."""
LINES_OF_WINDOWS = 300_000
"""All cuts together learn from about this many order lines at most, so that a large shop's training costs little more
than with one cut."""
MIN_JUDGES = 100
"""With fewer examples of evaluation customers, everybody's tell which simple way to rank is the best."""
MIN_LEAD = 1.0
"""With so few, a learned ranker serves if it leads by this many standard errors."""
PRICE_OF_NEW = 0.03
"""This share of the metric may be lost where a task grades what is new to a customer higher."""
WINDOW_SECONDS = "ranker.window_seconds"
"""The array that holds how long a time was predicted."""
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

    effort: Effort | None = None
    """How much work it is to fill the next basket; None where that cannot be told."""
    kept_arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """What else the run kept whose rankers are reused, see `kept_texts`."""

    @classmethod
    def from_summary(cls, summary: dict[str, Any]) -> "Evaluation | None":
        """The evaluation in a snapshot's summary; None when it has none."""
        if not summary.get("evaluation"):
            return None
        results = {
            task: {way: EvaluationResult(**result) for way, result in ways.items()}
            for task, ways in summary["evaluation"].items()
        }
        effort = Effort(**summary["effort"]) if summary.get("effort") else None
        return cls(weights=summary["weights"], results=results, effort=effort)

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
    cuts = window_cuts(whole, evaluation_seconds)
    if not cuts:
        return Evaluation(weights=dict.fromkeys((task.name for task in tasks), TOO_SHORT))
    windows = []
    for cut in cuts:
        before = whole.until(cut)
        learned = fit_arrays(shop, before, progress, blocks, for_rows=False)
        windows.append(Backtest.cutoff(whole, before, learned, until=cut + evaluation_seconds))
    if SEARCH in tasks:
        windows[0] = windows[0].with_searches(observe_searches(windows[0], shop, progress))
    evaluation = Evaluation(
        arrays={
            scorer.FINGERPRINT: np.array([scorer.feature_fingerprint(windows[0].learned)], np.int64),
            FITTED_AT: np.array([whole.now]),
            WINDOW_SECONDS: np.array([evaluation_seconds]),
        }
    )
    for task in progress(tasks, "Learning to rank", len(tasks)):
        _fit_and_evaluate(task, windows, evaluation)
    newest = _with_arrays(windows[0], evaluation.arrays, evaluation)
    return replace(evaluation, effort=measure_effort(newest, shop.names))


def window_cuts(history: HistoryArrays, evaluation_seconds: float) -> list[float]:
    """Where a history is cut, the latest first: what was bought within the evaluation time after each cut is predicted
    from what lies before it, at least as long a time. A young shop has few examples and many cuts, a large one few."""
    if not len(history.ordered_at):
        return []
    most = int(np.clip(LINES_OF_WINDOWS // len(history.ordered_at), 1, MAX_WINDOWS))
    cuts = [history.now - number * evaluation_seconds for number in range(1, most + 1)]
    return [cut for cut in cuts if history.ordered_at.min() <= cut - (MIN_HISTORY_RATIO - 1) * evaluation_seconds]


def reuse_ranker(snapshot: Snapshot, now: float) -> Evaluation | None:
    """The evaluation and the rankers of an earlier run, while they are younger than RANKER_REFIT_DAYS and were learned
    from the features and recommenders that there are now; else None."""
    try:
        learned = SnapshotArrays(snapshot_files.read_snapshot(snapshot.name, snapshot.manifest_sha256))
    except (snapshot_files.BrokenSnapshot, snapshot_files.MissingSnapshot):
        return None
    evaluation, arrays = Evaluation.from_summary(readable_metrics(snapshot.metrics)), learned.arrays
    if evaluation is None or FITTED_AT not in arrays:
        return None
    if not _learned_alike(learned):
        return None
    if not 0 <= now - float(arrays[FITTED_AT][0]) < conf.get_settings().RANKER_REFIT_DAYS * DAY:
        return None
    rankers = {name: np.array(array) for name, array in arrays.items() if name.startswith("ranker.")}
    evaluation.arrays.update(rankers)
    return replace(evaluation, kept_arrays={name: arrays[name] for name in KEPT_ARRAYS if name in arrays})


def _learned_alike(learned: SnapshotArrays) -> bool:
    """Whether rankers were learned from the features, recommenders and evaluation time that there are now."""
    recommenders = {*learned.score_recommenders(), *learned.neighbour_recommenders()}
    registered = plugins.registered_recommenders()
    seconds = float(learned.arrays.get(WINDOW_SECONDS, np.zeros(1))[0])
    return (
        recommenders == {name for name, recommender in registered.items() if is_ranking_feature(recommender)}
        and int(learned.arrays[scorer.FINGERPRINT][0]) == scorer.feature_fingerprint(learned)
        and seconds == conf.get_settings().EVALUATION_DAYS * DAY
    )


def _fit_and_evaluate(task: RankingTask, windows: Sequence[Backtest], evaluation: Evaluation) -> None:
    """Adds the ranker of one task to the evaluation, or the way to rank that did best, if that is not the default
    weights: what serves is never worse than a trivial list on the shop's own past."""
    try:
        trees, without = fit_ranker(windows, task), TOO_LITTLE
    except RankerUnavailable as error:
        trees, without = {}, f"default weights: {error}"
    results = evaluate_ranker([_with_arrays(past, trees, evaluation) for past in windows], task)
    simple = _simple_results(results)
    best = max(simple, key=lambda way: simple[way].mean[METRIC], default=DEFAULT_WEIGHTS)
    if trees and results and _is_better(task, results[CURRENT_RANKER], simple[best]):
        evaluation.arrays.update(trees)
        evaluation.weights[task.name] = FITTED
    else:
        chosen, wording = _choose_simple_way(task, windows, simple), NO_BETTER if trees else without
        if chosen != DEFAULT_WEIGHTS:
            weights = scorer.weights_by_feature(task, windows[0].learned, SIMPLE_WAYS[chosen])
            evaluation.arrays[task.array_name("weights")] = weights
            wording = f"sorted by {chosen}, which did better on the shop's own past"
        if results:  # what lists nothing for evaluation customers may have won by everybody's
            results[CURRENT_RANKER] = results.get(chosen, results[DEFAULT_WEIGHTS])
        evaluation.weights[task.name] = wording
    evaluation.results[task.name] = results


def _is_better(task: RankingTask, ranker: EvaluationResult, simple: EvaluationResult) -> bool:
    """Whether a learned ranker does better than a simple way; by a clear lead where few examples tell. One that learned
    to favour what is new gives up a little of a metric that does not."""
    few = ranker.examples < MIN_JUDGES
    if task.new_grade > 1 and not few:
        return ranker.mean[METRIC] > (1 - PRICE_OF_NEW) * simple.mean[METRIC]
    return ranker.mean[METRIC] > simple.mean[METRIC] and (not few or simple.ranker_lead >= MIN_LEAD)


def _choose_simple_way(task: RankingTask, windows: Sequence[Backtest], simple: dict[str, EvaluationResult]) -> str:
    """The default weights, unless another way did better: by evaluation customers where they are many, else by
    everybody, as nothing was learned from them for it."""
    if sum(result.examples for result in simple.values()) < MIN_JUDGES * len(simple):
        simple = _simple_results(evaluate_ranker(windows, task, everybody=True))
    if DEFAULT_WEIGHTS not in simple:
        return DEFAULT_WEIGHTS
    best = max(simple, key=lambda way: simple[way].mean[METRIC])
    return best if simple[best].mean[METRIC] > simple[DEFAULT_WEIGHTS].mean[METRIC] else DEFAULT_WEIGHTS


def _simple_results(results: dict[str, EvaluationResult]) -> dict[str, EvaluationResult]:
    return {way: results[way] for way in (DEFAULT_WEIGHTS, *SIMPLE_WAYS) if way in results}


def _with_arrays(past: Backtest, trees: dict[str, NDArray[Any]], evaluation: Evaluation) -> Backtest:
    fingerprint = {scorer.FINGERPRINT: evaluation.arrays[scorer.FINGERPRINT]}
    return past.with_learned(SnapshotArrays({**past.learned.arrays, **trees, **fingerprint}))
