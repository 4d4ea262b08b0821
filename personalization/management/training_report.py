"""What a training run says to the shop's owner, in sentences."""

from collections.abc import Iterator

from personalization.train.effort import Effort
from personalization.train.evaluate import METRIC, Evaluation
from personalization.train.metrics import BESTSELLERS, CURRENT_RANKER, SEARCH_ENGINE, EvaluationResult

MIN_EXAMPLES = 30
"""With fewer examples no percentage is said."""
NOTICEABLE = 0.02
"""A smaller difference is none."""
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
    for task, subject in SUBJECTS.items():
        if results := evaluation.results.get(task):
            yield f"{subject}: {_compared(results, SEARCH_ENGINE if task == 'search' else BESTSELLERS)}."
    if evaluation.effort:
        yield effort_sentence(evaluation.effort)


def effort_sentence(effort: Effort) -> str:
    """How much work it is to fill the next basket."""
    percent = round(100 * effort.saved)
    change = f"takes {abs(percent)}% {'less' if percent > 0 else 'more'} work" if percent else "takes as much work"
    return (
        f"Filling the next basket {change} than with the search engine alone: {effort.actions:.2f} instead of "
        f"{effort.engine_actions:.2f} actions per product ({effort.purchases:,} purchases looked for)."
    )


def _compared(results: dict[str, EvaluationResult], baseline: str) -> str:
    ours, simple = results[CURRENT_RANKER], results.get(baseline)
    if ours.examples < MIN_EXAMPLES:
        return f"too few customers have come back yet to tell how good it is ({ours.examples} cases)"
    if simple is None or not simple.mean[METRIC]:
        return f"nothing to compare with yet ({ours.examples} cases)"
    gain = ours.mean[METRIC] / simple.mean[METRIC] - 1
    if abs(gain) < NOTICEABLE:
        return f"as good as {BASELINES[baseline]} ({ours.examples:,} cases)"
    return f"{abs(gain):.0%} {'better' if gain > 0 else 'worse'} than {BASELINES[baseline]} ({ours.examples:,} cases)"
