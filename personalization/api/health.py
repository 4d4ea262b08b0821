"""Whether personalisation works, for monitoring; contains nothing that is not public."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.decorators import method_decorator
from django.utils.timezone import now
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from personalization.api.openapi import operation
from personalization.api.views_base import APIEndpoint
from personalization.health import OVERDUE, read_health


class HealthAnswer(serializers.Serializer):
    """What works, and how old the results of the daily jobs are."""

    ready = serializers.BooleanField(help_text="Whether pages can be personal.")
    database = serializers.BooleanField()
    snapshot_age_hours = serializers.FloatField(
        allow_null=True, help_text="The age of the active snapshot; null without one."
    )
    retention_overdue_hours = serializers.FloatField(
        allow_null=True,
        help_text="How long the oldest event should have been deleted; null when the database fails.",
    )
    jobs_overdue = serializers.BooleanField(
        help_text=f"Whether either is over {OVERDUE // timedelta(hours=1)} hours, or null: a daily job does not run."
    )


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class HealthEndpoint(APIEndpoint):
    """For monitoring, every few seconds: without a limit, as nobody may use up the monitoring's. It costs less than any
    page of the shop."""

    throttle_classes = ()

    def get_authenticators(self) -> list[BaseAuthentication]:
        """None: the answer does not depend on the requester."""
        return []

    @operation(operation_id="health", responses={200: HealthAnswer, 503: HealthAnswer})
    def get(self, request: Request) -> Response:
        """200 when pages can be personalised, else 503."""
        data = _health_data(now())
        return Response(data, status=200 if data["ready"] else 503)


def _health_data(moment: datetime) -> dict[str, Any]:
    found = read_health(moment)
    return {
        "ready": found.is_ready,
        "database": found.has_database,
        "snapshot_age_hours": _in_hours(found.snapshot_age),
        "retention_overdue_hours": _in_hours(found.retention_overdue),
        "jobs_overdue": found.jobs_overdue,
    }


def _in_hours(duration: timedelta | None) -> float | None:
    return None if duration is None else round(duration / timedelta(hours=1), 1)
