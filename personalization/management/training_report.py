"""What a training run says to the shop's owner, in sentences."""

from collections.abc import Iterator, Mapping

from personalization.rank.training_quality import BESTSELLERS, METRIC, SEARCH_ENGINE, TaskQuality, compare_tasks
from personalization.recommenders.click_ratio import MIN_CARDS_SEEN
from personalization.train.effort import Effort
from personalization.train.evaluate import Evaluation
from personalization.train.metrics import EvaluationResult
from personalization.train.signal_worth import SignalWorth

SUBJECTS = {
    "home": "Home page",
    "discovery": "New products for a customer",
    "basket": "Add-ons for a customer's basket",
    "guest_basket": "Add-ons for a stranger's basket",
    "category": "Category pages",
    "search": "Search",
}
BASELINES = {BESTSELLERS: "bestsellers", SEARCH_ENGINE: "the search engine's own order"}


def report_lines(evaluation: Evaluation) -> Iterator[str]:
    """A sentence for each task, and one for the work that is saved."""
    for quality in compare_tasks(evaluation.as_data()):
        yield f"{SUBJECTS[quality.task]}: {_comparison(quality)}."
    if evaluation.effort:
        yield effort_sentence(evaluation.effort)


def shared_work_sentence(blocks: Mapping[str, int]) -> str:
    """Who else took part in a training run."""
    if "spark" in blocks:
        return f"Spark counted for {blocks['spark']} fits of recommenders."
    if not blocks["others"]:
        return f"No worker took part: the training process did all {blocks['own']:,} blocks itself."
    return f"Workers did {blocks['others']:,} blocks, the training process {blocks['own']:,}."


def signal_lines(worth: SignalWorth) -> Iterator[str]:
    """What views and clicks are worth, a line for each list."""
    if not worth.without_views:
        yield "Views: none to learn from."
    for task, without in worth.without_views.items():
        yield f"Views, {SUBJECTS[task]}: {_pair(without, worth.with_signals[task])}."
    seen = f"{worth.cards_seen:,} cards seen, {worth.clicks:,} clicks"
    if not worth.without_clicks:
        yield f"Clicks over expected clicks: too few yet ({seen}; from {MIN_CARDS_SEEN:,} cards on)."
    for task, without in worth.without_clicks.items():
        yield f"Clicks over expected clicks, {SUBJECTS[task]}: {_pair(without, worth.with_signals[task])} ({seen})."


def _pair(without: EvaluationResult, with_signal: EvaluationResult) -> str:
    means = f"{METRIC} {without.mean[METRIC]:.4f} without, {with_signal.mean[METRIC]:.4f} with"
    return f"{means}, ± {with_signal.interval[METRIC]:.4f}"


def effort_sentence(effort: Effort) -> str:
    """How much work it is to fill the next basket."""
    percent = round(100 * effort.saved)
    change = f"takes {abs(percent)}% {'less' if percent > 0 else 'more'} work" if percent else "takes as much work"
    return (
        f"Filling the next basket {change} than with the search engine alone: {effort.actions:.2f} instead of "
        f"{effort.engine_actions:.2f} actions per product ({effort.purchases:,} purchases looked for)."
    )


def _comparison(quality: TaskQuality) -> str:
    if not quality.has_enough_examples:
        return f"too few customers have come back yet to tell how good it is ({quality.examples} cases)"
    if quality.gain is None:
        return f"nothing to compare with yet ({quality.examples} cases)"
    baseline = BASELINES[quality.baseline]
    if not quality.is_noticeable:
        return f"as good as {baseline} ({quality.examples:,} cases)"
    direction = "better" if quality.gain > 0 else "worse"
    return f"{abs(quality.gain):.0%} {direction} than {baseline} ({quality.examples:,} cases)"
