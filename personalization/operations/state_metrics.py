"""What is looked up when Prometheus asks: the age of the snapshot, breakers, messages that wait, runs of jobs."""

import os
from collections.abc import Iterator
from datetime import datetime
from importlib import import_module
from typing import Any

from django.utils.timezone import now

from personalization.cache_access import cache_is_paused
from personalization.decide import active_snapshot
from personalization.metrics import prometheus
from personalization.models import JobRun, query_limits
from personalization.models.fail_open import fail_open


class StateCollector:
    """Of the process that answers, and of the database: one query."""

    def collect(self) -> Iterator[Any]:
        """The metrics of this moment."""
        gauge, moment = prometheus.metrics_core.GaugeMetricFamily, now()
        snapshot = active_snapshot.get_active_snapshot()
        if snapshot is not None:
            age = max(moment.timestamp() - snapshot.trained_at, 0.0)
            yield gauge("personalization_snapshot_age_seconds", "Since when nothing new was learned.", value=age)
        paused = [*query_limits.paused_names(), *(["cache"] if cache_is_paused() else [])]
        yield gauge("personalization_breakers_open", "What this process asks less often.", value=len(paused))
        with fail_open("Reading the runs of jobs for Prometheus"):
            yield from _job_metrics(moment, gauge)


def _job_metrics(moment: datetime, gauge: Any) -> Iterator[Any]:
    runs = JobRun.objects.by_job(moment)
    late = max((moment - runs.oldest_due).total_seconds(), 0.0) if runs.oldest_due else 0.0
    yield gauge("personalization_outbox_late_seconds", "Since when the oldest message is due.", value=late)
    last = gauge("personalization_job_last_success_timestamp_seconds", "When a job ended well.", labels=["job"])
    failed = gauge("personalization_job_failed", "Whether the last run failed.", labels=["job"])
    for run in runs.by_name.values():
        failed.add_metric([run.job], float(bool(run.failure)))
        if run.succeeded_at:
            last.add_metric([run.job], run.succeeded_at.timestamp())
    yield from (last, failed)


def metrics_text() -> tuple[bytes, str]:
    """All metrics of ours and of the process, of all processes in multi-process mode, and their content type."""
    registry = prometheus.CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        import_module("prometheus_client.multiprocess").MultiProcessCollector(registry)
        others = b""
    else:
        others = prometheus.generate_latest(prometheus.REGISTRY)
    registry.register(StateCollector())
    return others + prometheus.generate_latest(registry), prometheus.CONTENT_TYPE_LATEST
