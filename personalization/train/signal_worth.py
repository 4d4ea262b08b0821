"""What views and clicks are worth: the lists with and without them, by what evaluation customers went on to buy."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from personalization.models import Event
from personalization.rank import scorer
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rank.tasks import CATEGORY, DISCOVERY, HOME, RankingTask
from personalization.rank.training_quality import CURRENT_RANKER
from personalization.recommenders import ViewArrays
from personalization.train.click_ratios import ClickRatios, click_ratios
from personalization.train.dataset import Progress, TrainingDataset
from personalization.train.evaluate import Evaluation, evaluate_and_fit
from personalization.train.fit import fit_arrays
from personalization.train.learning_to_rank import feature_table, is_evaluation_customer
from personalization.train.metrics import EvaluationResult, MetricAccumulator
from personalization.train.ranking_examples import Backtest, ranking_examples

CLICK_DAYS = 56
"""Clicks of so many days before the evaluation weeks are counted."""
TASKS = (HOME, DISCOVERY, CATEGORY)
"""Lists that show products in places."""


@dataclass(frozen=True)
class SignalWorth:
    """The results of the rankers by task: as they are, and with or without something."""

    with_views: dict[str, EvaluationResult] = field(default_factory=dict)
    without_views: dict[str, EvaluationResult] = field(default_factory=dict)
    """Empty where nothing was viewed."""
    ratios: ClickRatios = field(default_factory=ClickRatios)
    before_clicks: dict[str, EvaluationResult] = field(default_factory=dict)
    with_clicks: dict[str, EvaluationResult] = field(default_factory=dict)
    """Each probability multiplied with the product's clicks over expected clicks, over the newest evaluation weeks."""


def measure_signals(
    shop: TrainingDataset, evaluation: Evaluation, evaluation_seconds: float, progress: Progress
) -> SignalWorth:
    """What the signals of this shop are worth. Trains once more without views, where there are any, and once more for
    the clicks before the evaluation weeks, where there are enough."""
    tasks = [task for task in TASKS if CURRENT_RANKER in evaluation.results.get(task.name, {})]
    without: dict[str, EvaluationResult] = {}
    if tasks and len(shop.history.views.product):
        history = replace(shop.history, views=ViewArrays.empty())
        blind = evaluate_and_fit(
            replace(shop, history=history, views_by_device={}), evaluation_seconds, progress, tasks
        )
        without = _current(blind, tasks)
    ratios = _ratios_before(shop.history.now - evaluation_seconds)
    before: dict[str, EvaluationResult] = {}
    after: dict[str, EvaluationResult] = {}
    if tasks and ratios.has_enough:
        past = _newest_window(shop, evaluation, evaluation_seconds, progress)
        by_index = ratios.of_products(shop.product_id)
        before = _weigh_probabilities(past, tasks, np.ones(len(by_index)))
        after = _weigh_probabilities(past, tasks, by_index)
    return SignalWorth(_current(evaluation, tasks), without, ratios, before, after)


def _current(evaluation: Evaluation, tasks: Iterable[RankingTask]) -> dict[str, EvaluationResult]:
    results = {task.name: evaluation.results.get(task.name, {}) for task in tasks}
    return {name: ways[CURRENT_RANKER] for name, ways in results.items() if CURRENT_RANKER in ways}


def _ratios_before(cut: float) -> ClickRatios:
    until = datetime.fromtimestamp(cut, UTC)
    span = until - timedelta(days=CLICK_DAYS), until
    return click_ratios(Event.objects.cards_seen(*span), Event.objects.cards_clicked(*span))


def _newest_window(
    shop: TrainingDataset, evaluation: Evaluation, evaluation_seconds: float, progress: Progress
) -> Backtest:
    """The last evaluation weeks, with the rankers that were learned."""
    before = shop.history.until(shop.history.now - evaluation_seconds)
    learned = fit_arrays(shop, before, progress, for_rows=False)
    return Backtest.cutoff(shop.history, before, SnapshotArrays({**learned.arrays, **evaluation.arrays}))


def _weigh_probabilities(
    past: Backtest, tasks: Iterable[RankingTask], weight: NDArray[np.float64]
) -> dict[str, EvaluationResult]:
    """By task, how good the rankers are if each product's probability is multiplied with its weight."""
    found: dict[str, EvaluationResult] = {}
    for task in tasks:
        metrics = MetricAccumulator()
        for example in ranking_examples(past, task):
            if is_evaluation_customer(example.customer):
                scores = scorer.score_candidates(task, past.learned, feature_table(example, past))
                probability = scorer.purchase_probabilities(task, past.learned, scores)
                metrics.add(example, probability * weight[example.candidates], past)
        if metrics.values:
            found[task.name] = metrics.result(past)
    return found
