"""Endpoints for events and for feedback on products."""

import re
from typing import Any

from django.db import transaction
from django.utils.decorators import method_decorator
from django.utils.timezone import now
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from personalization import conf
from personalization.api.account import deny_server_key
from personalization.api.authentication import SameOriginCookieAuthentication
from personalization.api.exceptions import Problem
from personalization.api.openapi import operation
from personalization.api.surfaces import MAX_KEY, not_found
from personalization.api.views_base import APIEndpoint
from personalization.collect import feedback, payload
from personalization.collect.payload import InvalidEvent
from personalization.models import ServerKey, Visitor
from personalization.pages import events
from personalization.privacy import identity
from personalization.shop import catalogue

MAX_SERVER_EVENTS = 500
MAX_SERVER_BYTES = 512 * 1024
TIMESTAMP_SCHEMA: dict[str, Any] = {"min_value": 0, "max_value": payload.MAX_TIMESTAMP * 1000 - 1}
KEY_SCHEMA = re.compile(r"[1-9][0-9]{0,17}")
ITEM_SCHEMA = OpenApiParameter(
    "product",
    {"type": "integer", "minimum": 1, "maximum": MAX_KEY},
    OpenApiParameter.PATH,
    description="Its key.",
)


class EventRequest(serializers.Serializer):
    """One thing that happened."""

    id = serializers.UUIDField(help_text="Made where it happened: sent twice, it is kept once.")
    name = serializers.ChoiceField(choices=sorted(payload.EVENT_TYPES), help_text="As GA4 names it.")
    at = serializers.IntegerField(
        required=False, **TIMESTAMP_SCHEMA, help_text="Milliseconds since 1970, by the clock of `sent_at`."
    )
    params = serializers.DictField(required=False, help_text="items, search_term, slate and the like.")


class EventsRequest(serializers.Serializer):
    """Events that are sent together."""

    sent_at = serializers.IntegerField(
        required=False, **TIMESTAMP_SCHEMA, help_text="By the same clock, when they were sent."
    )
    events = serializers.ListField(
        child=EventRequest(), max_length=payload.MAX_EVENTS, help_text=f"A server key: up to {MAX_SERVER_EVENTS}."
    )


class RejectionAnswer(serializers.Serializer):
    """Why one of them was not taken."""

    index = serializers.IntegerField()
    code = serializers.CharField()
    message = serializers.CharField()


class EventsAnswer(serializers.Serializer):
    """The outcome of a delivery."""

    accepted = serializers.IntegerField()
    rejected = RejectionAnswer(many=True)


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class EventsEndpoint(APIEndpoint):
    """Reports of events."""

    accepts_cookies = SameOriginCookieAuthentication
    scope = "events:write"
    requests_per_minute = 600

    @operation(
        operation_id="report",
        request={"application/json": EventsRequest, "text/plain": EventsRequest},
        responses={202: EventsAnswer},
        extensions={"x-outlives-the-page": True},
    )
    def post(self, request: Request) -> Response:
        """Takes in what can be understood, up to 50 events (a server key: 500), and says what was wrong with the rest.

        Purchases are none: they are the shop's own orders.
        """
        asked = request._request
        if asked.content_type not in events.CONTENT_TYPES:
            raise _invalid_event_problem(415, "bad_content_type")
        if isinstance(
            request.successful_authenticator, SameOriginCookieAuthentication | None
        ) and not events.is_same_origin(asked):
            raise _invalid_event_problem(403, "other_origin")
        server = isinstance(request.auth, ServerKey)
        try:
            content = events.read_body(asked, MAX_SERVER_BYTES if server else payload.MAX_BODY_BYTES)
            body = payload.read_payload(
                content, conf.get_settings().EVENT_ITEM_ID_FIELD, MAX_SERVER_EVENTS if server else payload.MAX_EVENTS
            )
        except InvalidEvent as fault:
            raise _invalid_event_problem(413 if fault.code == "too_large" else 400, fault.code) from None
        outcome = events.ingest_events(asked, body, now(), by_a_server=server)
        response = Response(events.response_data(body, outcome), status=202)
        _set_cookie(request, response, outcome.visitor)
        return response


class FeedbackEndpoint(APIEndpoint):
    """Products that a visitor is not interested in."""

    scope = "customers:read"

    @operation(operation_id="dismiss", parameters=[ITEM_SCHEMA], request=None, responses={204: None})
    def post(self, request: Request, product: str) -> Response:
        """Keeps a product away from this visitor for a while."""
        return self._say(request, product, feedback.NEGATIVE)

    @operation(operation_id="restore", parameters=[ITEM_SCHEMA], responses={204: None})
    def delete(self, request: Request, product: str) -> Response:
        """Takes that back."""
        return self._say(request, product, feedback.UNDO)

    def _say(self, request: Request, product: str, sign: int) -> Response:
        deny_server_key(request)
        key = int(product) if KEY_SCHEMA.fullmatch(product) else 0
        if not catalogue.products_for_availability([key]):
            raise not_found("product", product)
        response = Response(status=204)
        visitor = identity.get_or_create_consented(request._request, now())
        if visitor is None:
            raise Problem(403, "no_consent", _("Nothing may be remembered of whoever does not agree to it."))
        try:
            feedback.record_feedback(visitor, "product", key, sign, now())
        except Visitor.DoesNotExist:  # they had themselves forgotten at this very moment
            return response
        _set_cookie(request, response, visitor)
        return response


def _set_cookie(request: Request, response: Response, visitor: Visitor | None) -> None:
    """Sets the visitor's cookie where the client keeps cookies and has another one, or none."""
    if visitor is not None and identity.visitor_id_from_cookie(request._request) != visitor.pk:
        identity.set_visitor_cookie(response, visitor)


def _invalid_event_problem(status: int, code: str) -> Any:
    return Problem(status, code, payload.ERROR_MESSAGES[code])
