"""What views and clicks are worth: the lists with and without them, by what evaluation customers went on to buy."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from personalization.rank.tasks import CATEGORY, DISCOVERY, HOME, RankingTask
from personalization.rank.training_quality import CURRENT_RANKER
from personalization.recommenders import NOTHING_SHOWN, HistoryArrays, ViewArrays
from personalization.recommenders.click_ratio import MIN_CARDS_SEEN
from personalization.train.dataset import Progress, TrainingDataset
from personalization.train.evaluate import Evaluation, evaluate_and_fit
from personalization.train.metrics import EvaluationResult

TASKS = (HOME, DISCOVERY, CATEGORY)
"""Lists that show products in places."""


@dataclass(frozen=True)
class SignalWorth:
    """The results of the rankers by task: as they are, and without something."""

    with_signals: dict[str, EvaluationResult] = field(default_factory=dict)
    without_views: dict[str, EvaluationResult] = field(default_factory=dict)
    """Empty where nothing was viewed."""
    without_clicks: dict[str, EvaluationResult] = field(default_factory=dict)
    """Empty where too few cards were seen before the evaluation weeks."""
    cards_seen: int = 0
    """Before the evaluation weeks."""
    clicks: int = 0


def measure_signals(
    shop: TrainingDataset, evaluation: Evaluation, evaluation_seconds: float, progress: Progress
) -> SignalWorth:
    """What the signals of this shop are worth. Trains once more without views, where there are any, and once more
    without clicks, where there are enough."""
    tasks = [task for task in TASKS if CURRENT_RANKER in evaluation.results.get(task.name, {})]
    before = shop.history.until(shop.history.now - evaluation_seconds).shown
    seen, clicks = int(before.cards.sum()), int(before.clicks.sum())

    def without(history: HistoryArrays) -> dict[str, EvaluationResult]:
        blind = replace(shop, history=history, views_by_device={})
        return _results_of(evaluate_and_fit(blind, evaluation_seconds, progress, tasks), tasks)

    has_views, has_clicks = len(shop.history.views.product) > 0, seen >= MIN_CARDS_SEEN and clicks > 0
    return SignalWorth(
        with_signals=_results_of(evaluation, tasks),
        without_views=without(replace(shop.history, views=ViewArrays.empty())) if tasks and has_views else {},
        without_clicks=without(replace(shop.history, shown=NOTHING_SHOWN)) if tasks and has_clicks else {},
        cards_seen=seen,
        clicks=clicks,
    )


def _results_of(evaluation: Evaluation, tasks: Iterable[RankingTask]) -> dict[str, EvaluationResult]:
    results = {task.name: evaluation.results.get(task.name, {}) for task in tasks}
    return {name: ways[CURRENT_RANKER] for name, ways in results.items() if CURRENT_RANKER in ways}
