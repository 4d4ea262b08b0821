"""Whether personalisation works, for monitoring; contains nothing that is not public."""

from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.utils.decorators import method_decorator
from django.utils.timezone import now
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from personalization.api.openapi import operation
from personalization.api.views_base import APIEndpoint
from personalization.decide import active_snapshot
from personalization.models import Snapshot
from personalization.privacy import retention

OVERDUE_HOURS = 48
"""After this time a daily job has certainly been missed once. Pages are served all the same."""


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
        help_text=f"Whether either is over {OVERDUE_HOURS} hours, or null: a daily job does not run."
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
    try:
        Snapshot.objects.active().first()
        overdue = retention.hours_overdue(moment)
    except DatabaseError:
        return {
            "ready": False,
            "database": False,
            "snapshot_age_hours": None,
            "retention_overdue_hours": None,
            "jobs_overdue": True,
        }
    snapshot = active_snapshot.get_active_snapshot()
    age = None if snapshot is None else max(moment.timestamp() - snapshot.trained_at, 0) / 3600
    overdue_hours = overdue / timedelta(hours=1)
    return {
        "ready": snapshot is not None,
        "database": True,
        "snapshot_age_hours": None if age is None else round(age, 1),
        "retention_overdue_hours": round(overdue_hours, 1),
        "jobs_overdue": age is None or max(age, overdue_hours) > OVERDUE_HOURS,
    }
