"""How good a training run found its rankers, from the numbers that it stored with its snapshot."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

CURRENT_RANKER, BESTSELLERS, SEARCH_ENGINE = "ranker", "bestsellers", "search engine"
METRIC = "NDCG@10"
METRICS_FORMAT = 1
"""Of the metrics that are stored with a snapshot; those without a number are of this one too."""
MIN_EXAMPLES = 30
"""With fewer examples no percentage is said."""
NOTICEABLE = 0.02
"""A smaller difference is none."""
TASKS = ("home", "discovery", "basket", "guest_basket", "category", "search")
"""In the sequence in which people read them."""


@dataclass(frozen=True)
class TaskQuality:
    """How the ranker of one task compares with what the shop has without it."""

    task: str
    baseline: str
    """BESTSELLERS, or SEARCH_ENGINE for the task "search"."""
    examples: int
    gain: float | None
    """The metric as a multiple of the baseline's, less 1; None where there is nothing to compare with."""

    @property
    def has_enough_examples(self) -> bool:
        """Whether a percentage may be said."""
        return self.examples >= MIN_EXAMPLES

    @property
    def is_noticeable(self) -> bool:
        """Whether there is a difference."""
        return self.gain is not None and abs(self.gain) >= NOTICEABLE


def readable_metrics(metrics: Mapping[str, Any] | None) -> dict[str, Any]:
    """The metrics of a snapshot; none where a newer version wrote them, before it was taken back."""
    stored = metrics or {}
    return dict(stored) if stored.get("format", METRICS_FORMAT) == METRICS_FORMAT else {}


def compare_tasks(evaluation: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Iterator[TaskQuality]:
    """One comparison for each task that was evaluated; `evaluation` as in the metrics of a snapshot."""
    for task in TASKS:
        results = evaluation.get(task, {})
        if CURRENT_RANKER not in results:
            continue
        baseline = SEARCH_ENGINE if task == "search" else BESTSELLERS
        ours, simple = results[CURRENT_RANKER], results.get(baseline)
        base = float(simple["mean"][METRIC]) if simple else 0.0
        gain = float(ours["mean"][METRIC]) / base - 1 if base else None
        yield TaskQuality(task, baseline, int(ours["examples"]), gain)
