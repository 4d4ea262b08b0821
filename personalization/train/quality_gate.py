"""Keeps a snapshot that is clearly worse from replacing the active one."""

from collections.abc import Iterator
from typing import Any

from personalization.models import Snapshot
from personalization.rank.training_quality import BESTSELLERS, CURRENT_RANKER, METRIC, MIN_EXAMPLES, readable_metrics

MAX_COVERAGE_LOSS = 0.5
"""With less than this share of the order lines of the active snapshot, data is missing."""


class QualityRegression(Exception):
    """A new snapshot is clearly worse than the active one; the message says in what."""


def check_quality(summary: dict[str, Any], active: Snapshot | None) -> None:
    """Raises QualityRegression when a new snapshot, by its summary, should not replace the active one."""
    reasons = list(_regressions(summary, readable_metrics(active.metrics))) if active else []
    if reasons:
        raise QualityRegression("; ".join(reasons))


def _regressions(new: dict[str, Any], old: dict[str, Any]) -> Iterator[str]:
    lines = new["lines"], old.get("lines", 0)
    if lines[0] < MAX_COVERAGE_LOSS * lines[1]:
        yield f"it learned from {lines[0]} order lines, the active snapshot from {lines[1]}"
    for task, ways in new["evaluation"].items():
        before = old.get("evaluation", {}).get(task, {}).get(CURRENT_RANKER)
        now = ways.get(CURRENT_RANKER)
        examples = min(now["examples"], before["examples"]) if now and before else 0
        if (
            examples >= MIN_EXAMPLES  # where a few agree, their interval is too narrow
            and _upper_bound(now) < _lower_bound(before)
            and _lift_over_popular(ways) < _lift_over_popular(old["evaluation"][task])
        ):
            yield (
                f"{task}: {METRIC} {now['mean'][METRIC]:.3f} ± {now['interval'][METRIC]:.3f}, "
                f"that of the active snapshot {before['mean'][METRIC]:.3f} ± {before['interval'][METRIC]:.3f}"
            )


def _lift_over_popular(ways: dict[str, Any]) -> float:
    """The ranker's metric as a multiple of that of bestsellers: a season that is harder to predict is no regression."""
    popular = ways.get(BESTSELLERS, {"mean": {METRIC: 0}})["mean"][METRIC]
    return float(ways[CURRENT_RANKER]["mean"][METRIC] / max(popular, 1e-6))


def _upper_bound(result: dict[str, Any]) -> float:
    return float(result["mean"][METRIC] + result["interval"][METRIC])


def _lower_bound(result: dict[str, Any]) -> float:
    return float(result["mean"][METRIC] - result["interval"][METRIC])
