"""Numbers for Prometheus, where `prometheus_client` is installed (the extra `metrics`); else nothing, at no cost.

They are in the package's default registry, which django-prometheus shows, too. With several processes set
PROMETHEUS_MULTIPROC_DIR, as its documentation says. No label names a person, a product or a search.
"""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

try:
    prometheus: Any = import_module("prometheus_client")
except ImportError:
    prometheus = None

MILLISECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.3, 1.0)
MINUTES = (1, 10, 60, 300, 600, 1_800, 3_600, 7_200, 14_400)

if prometheus is not None:
    _decisions = prometheus.Counter("personalization_decisions", "Slates that were decided.", ["surface", "rung"])
    _decision_seconds = prometheus.Histogram(
        "personalization_decision_seconds", "How long a slate took.", ["surface"], buckets=MILLISECONDS
    )
    _events = prometheus.Counter("personalization_events", "Events by what became of them.", ["outcome"])
    _job_seconds = prometheus.Histogram(
        "personalization_job_seconds", "How long a job ran.", ["job", "outcome"], buckets=MINUTES
    )


def count_decision(surface: str, rung: str, seconds: float) -> None:
    """A slate was decided. Parameters: `rung`, of the ladder: "personal", "general", "fallback" or "empty"."""
    if prometheus is not None:
        _decisions.labels(surface, rung).inc()
        _decision_seconds.labels(surface).observe(seconds)


def count_accepted(events: int) -> None:
    """Events were taken in."""
    if prometheus is not None and events:
        _events.labels("accepted").inc(events)


def count_turned_away(codes: Iterable[str]) -> None:
    """Events were not taken in, or kept apart; each with its code."""
    if prometheus is not None:
        for code in codes:
            _events.labels(code).inc()


def observe_job(job: str, seconds: float, *, failed: bool) -> None:
    """A job ended."""
    if prometheus is not None:
        _job_seconds.labels(job, "failed" if failed else "done").observe(seconds)
