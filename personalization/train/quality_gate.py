"""Keeps a snapshot that is clearly worse from replacing the one that serves."""

from collections.abc import Iterator

from personalization.models import Snapshot
from personalization.train.metrics import BESTSELLERS, CURRENT_RANKER

METRIC = "NDCG@10"
MAX_COVERAGE_LOSS = 0.5
"""With less than this share of the order lines that the serving snapshot learned from, something is missing."""
GATED_TASKS = 30
"""By fewer answered questions nothing is clearly worse: where a few agree, their interval is too narrow."""


class QualityRegression(Exception):
    """What was learned is clearly worse than what serves; the message says in what."""


def check_quality(summary: dict, serving: Snapshot | None) -> None:
    """Raises Worse when a new snapshot, by its summary, should not replace the one that serves."""
    reasons = list(_regressions(summary, serving.metrics)) if serving else []
    if reasons:
        raise QualityRegression("; ".join(reasons))


def _regressions(new: dict, old: dict) -> Iterator[str]:
    lines = new["lines"], old.get("lines", 0)
    if lines[0] < MAX_COVERAGE_LOSS * lines[1]:
        yield f"{lines[0]} order lines, active snapshot {lines[1]}"
    for kind, ways in new["evaluation"].items():
        before = old.get("evaluation", {}).get(kind, {}).get(CURRENT_RANKER)
        now = ways.get(CURRENT_RANKER)
        judged = min(now["examples"], before["examples"]) if now and before else 0
        if (
            judged >= GATED_TASKS
            and _upper_bound(now) < _lower_bound(before)
            and _lift_over_popular(ways) < _lift_over_popular(old["evaluation"][kind])
        ):
            yield (
                f"{kind}: {METRIC} {now['mean'][METRIC]:.3f} ± {now['interval'][METRIC]:.3f}, "
                f"active snapshot {before['mean'][METRIC]:.3f} ± {before['interval'][METRIC]:.3f}"
            )


def _lift_over_popular(ways: dict) -> float:
    """How many times better than bestsellers: a season in which everything is harder to guess is no fault."""
    return ways[CURRENT_RANKER]["mean"][METRIC] / max(
        ways.get(BESTSELLERS, {"mean": {METRIC: 0}})["mean"][METRIC], 1e-6
    )


def _upper_bound(verdict: dict) -> float:
    return verdict["mean"][METRIC] + verdict["interval"][METRIC]


def _lower_bound(verdict: dict) -> float:
    return verdict["mean"][METRIC] - verdict["interval"][METRIC]
