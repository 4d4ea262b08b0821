"""Whether we can do our work, for who watches the shop; says nothing that anybody may not know."""

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

LATE_HOURS = 48
"""What is done daily has then been missed once for certain. Pages are served all the same."""


class HealthAnswer(serializers.Serializer):
    """What works."""

    ready = serializers.BooleanField(help_text="Whether pages can be personal.")
    database = serializers.BooleanField()
    snapshot_hours = serializers.FloatField(allow_null=True, help_text="How old what serves is; null when none does.")
    overdue_hours = serializers.FloatField(
        allow_null=True,
        help_text="How long the oldest event has been waiting to be dropped; null when the database does not say.",
    )
    late = serializers.BooleanField(
        help_text=f"Whether either is more than {LATE_HOURS} hours, or there is none: the daily work is not done."
    )


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class HealthEndpoint(APIEndpoint):
    """Asked every few seconds by whoever watches."""

    def get_authenticators(self) -> list[BaseAuthentication]:
        """None: it is the same for everybody."""
        return []

    @operation(operation_id="health", responses={200: HealthAnswer, 503: HealthAnswer})
    def get(self, request: Request) -> Response:
        """200 when all is well enough, else 503."""
        told = _health_data(now())
        return Response(told, status=200 if told["ready"] else 503)


def _health_data(moment: datetime) -> dict[str, Any]:
    try:
        Snapshot.objects.active().first()
        overdue = retention.hours_overdue(moment)
    except DatabaseError:
        return {"ready": False, "database": False, "snapshot_hours": None, "overdue_hours": None, "late": True}
    serving = active_snapshot.get_active_snapshot()
    age = None if serving is None else max(moment.timestamp() - serving.trained_at, 0) / 3600
    waiting = overdue / timedelta(hours=1)
    return {
        "ready": serving is not None,
        "database": True,
        "snapshot_hours": None if age is None else round(age, 1),
        "overdue_hours": round(waiting, 1),
        "late": age is None or max(age, waiting) > LATE_HOURS,
    }
