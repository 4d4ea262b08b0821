"""Whether we can do our work, for who watches the shop; says nothing that anybody may not know."""

import time
from typing import Any

from django.db import DatabaseError, transaction
from django.utils.decorators import method_decorator
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from personalization.api.endpoint import Endpoint
from personalization.api.operations import operation
from personalization.decide import snapshot
from personalization.models import Snapshot

STALE_HOURS = 48
"""A snapshot that is older is still used, and worth a look."""


class HealthAnswer(serializers.Serializer):
    """What works."""

    ready = serializers.BooleanField(help_text="Whether pages can be personal.")
    database = serializers.BooleanField()
    snapshot_hours = serializers.FloatField(allow_null=True, help_text="How old what serves is; null when none does.")
    stale = serializers.BooleanField(help_text=f"Whether that is more than {STALE_HOURS} hours.")


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class Health(Endpoint):
    """Asked every few seconds by whoever watches."""

    def get_authenticators(self) -> list[BaseAuthentication]:
        """None: it is the same for everybody."""
        return []

    @operation(responses={200: HealthAnswer, 503: HealthAnswer})
    def get(self, request: Request) -> Response:
        """200 when all is well enough, else 503."""
        told = _told(time.time())
        return Response(told, status=200 if told["ready"] else 503)


def _told(now: float) -> dict[str, Any]:
    try:
        Snapshot.objects.serving().first()
    except DatabaseError:
        return {"ready": False, "database": False, "snapshot_hours": None, "stale": True}
    serving = snapshot.current()
    hours = None if serving is None else max(now - serving.moment, 0) / 3600
    stale = hours is None or hours > STALE_HOURS
    return {
        "ready": serving is not None,
        "database": True,
        "snapshot_hours": None if hours is None else round(hours, 1),
        "stale": stale,
    }
