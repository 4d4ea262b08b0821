"""Endpoints for events and for feedback on products."""

import re
from typing import Any

from django.db import transaction
from django.utils.decorators import method_decorator
from django.utils.timezone import now
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from personalization import rate_limits
from personalization.api.account import deny_server_key
from personalization.api.authentication import SameOriginCookieAuthentication
from personalization.api.exceptions import Problem, flow_problem
from personalization.api.openapi import operation
from personalization.api.surfaces import MAX_KEY, not_found
from personalization.api.views_base import APIEndpoint
from personalization.collect import event_requests, feedback, flows, payload
from personalization.collect.event_rules import EVENT_RULES, EXPOSURE
from personalization.collect.payload import InvalidEvent
from personalization.privacy.flows import Refused
from personalization.privacy.private_responses import remember_visitor
from personalization.privacy.requester import ClientType
from personalization.shop import catalogue

MAX_SERVER_EVENTS = 500
SERVER_LIMITS = {"max_bytes": 512 * 1024, "max_events": MAX_SERVER_EVENTS}
TIMESTAMP_SCHEMA: dict[str, Any] = {"min_value": 0, "max_value": payload.MAX_TIMESTAMP * 1000 - 1}
PRODUCT_KEY = re.compile(r"[1-9][0-9]{0,17}")
ITEM_SCHEMA = OpenApiParameter(
    "product",
    {"type": "integer", "minimum": 1, "maximum": MAX_KEY},
    OpenApiParameter.PATH,
    description="Its key.",
)


class EventRequest(serializers.Serializer):
    """One thing that a visitor did."""

    id = serializers.UUIDField(help_text="Created by the client: an event that is sent twice is stored once.")
    name = serializers.ChoiceField(
        choices=sorted([*EVENT_RULES, EXPOSURE]), help_text="As GA4 names it, or `exposure`."
    )
    at = serializers.IntegerField(
        required=False, **TIMESTAMP_SCHEMA, help_text="Milliseconds since 1970, by the clock of `sent_at`."
    )
    params = serializers.DictField(required=False, help_text="items, search_term, slate and others of GA4's.")


class EventsRequest(serializers.Serializer):
    """Events that are sent together."""

    sent_at = serializers.IntegerField(
        required=False, **TIMESTAMP_SCHEMA, help_text="When they were sent, by the clock of `at`."
    )
    events = serializers.ListField(
        child=EventRequest(), max_length=payload.MAX_EVENTS, help_text=f"A server key: up to {MAX_SERVER_EVENTS}."
    )


class RejectionAnswer(serializers.Serializer):
    """Why one event was rejected."""

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
        """Stores what is valid, up to 50 events (with a server key: 500), and says what was wrong with the rest.

        Purchases are not accepted: they are the shop's own orders.
        """
        requester = self.requester
        limits = SERVER_LIMITS if requester.client == ClientType.SERVER_KEY else {}
        by_cookies = requester.client == ClientType.BROWSER
        try:
            body = event_requests.read_events(request._request, same_origin_only=by_cookies, **limits)
        except InvalidEvent as fault:
            message = payload.ERROR_MESSAGES[fault.code]
            raise Problem(event_requests.status_code(fault), fault.code, message) from None
        with rate_limits.delivery_slot(is_server=requester.client == ClientType.SERVER_KEY) as is_free:
            outcome = flows.report_events(requester, body, now()) if is_free else flows.turn_away(body.count)
        response = Response(outcome.as_json(), status=202)
        remember_visitor(response, requester, outcome.visitor)
        return response


class FeedbackEndpoint(APIEndpoint):
    """Products that a visitor is not interested in."""

    scope = "customers:read"

    @operation(operation_id="dismiss", parameters=[ITEM_SCHEMA], request=None, responses={204: None})
    def post(self, request: Request, product: str) -> Response:
        """Hides a product from this visitor for the days of the setting `DISMISSAL_DAYS`."""
        return self._give_feedback(request, product, feedback.NEGATIVE)

    @operation(operation_id="restore", parameters=[ITEM_SCHEMA], responses={204: None})
    def delete(self, request: Request, product: str) -> Response:
        """Takes the dismissal of a product back."""
        return self._give_feedback(request, product, feedback.UNDO)

    def _give_feedback(self, request: Request, product: str, sign: int) -> Response:
        deny_server_key(request)
        key = int(product) if PRODUCT_KEY.fullmatch(product) else 0
        if not catalogue.products_for_availability([key]):
            raise not_found("product", product)
        try:
            visitor = flows.give_feedback(self.requester, "product", key, sign, now())
        except Refused as refusal:
            raise flow_problem(403, refusal) from None
        response = Response(status=204)
        remember_visitor(response, self.requester, visitor)
        return response
