"""What visitors did, and what they do not want, as a storefront reports it."""

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
from personalization.api.account import themselves
from personalization.api.authentication import ByCookiesFromHere
from personalization.api.exceptions import Problem
from personalization.api.openapi import operation
from personalization.api.surfaces import LARGEST_KEY, unknown
from personalization.api.views_base import Endpoint
from personalization.collect import feedback, payload
from personalization.collect.payload import Unusable
from personalization.models import ServerKey, Visitor
from personalization.pages import events
from personalization.privacy import identity
from personalization.shop import catalogue

EVENTS_OF_A_SERVER = 500
BYTES_OF_A_SERVER = 512 * 1024
MOMENT: dict[str, Any] = {"min_value": 0, "max_value": payload.LAST_SECOND * 1000 - 1}
KEY = re.compile(r"[1-9][0-9]{0,17}")
PRODUCT = OpenApiParameter(
    "product",
    {"type": "integer", "minimum": 1, "maximum": LARGEST_KEY},
    OpenApiParameter.PATH,
    description="Its key.",
)


class EventReport(serializers.Serializer):
    """One thing that happened."""

    id = serializers.UUIDField(help_text="Made where it happened: sent twice, it is kept once.")
    name = serializers.ChoiceField(choices=sorted(payload.NAMES), help_text="As GA4 names it.")
    at = serializers.IntegerField(
        required=False, **MOMENT, help_text="Milliseconds since 1970, by the clock of `sent_at`."
    )
    params = serializers.DictField(required=False, help_text="items, search_term, slate and the like.")


class Delivery(serializers.Serializer):
    """Events that are sent together."""

    sent_at = serializers.IntegerField(required=False, **MOMENT, help_text="By the same clock, when they were sent.")
    events = serializers.ListField(
        child=EventReport(), max_length=payload.EVENTS, help_text=f"A server key: up to {EVENTS_OF_A_SERVER}."
    )


class RejectionAnswer(serializers.Serializer):
    """Why one of them was not taken."""

    index = serializers.IntegerField()
    code = serializers.CharField()
    message = serializers.CharField()


class Receipt(serializers.Serializer):
    """What became of a delivery."""

    accepted = serializers.IntegerField()
    rejected = RejectionAnswer(many=True)


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class Events(Endpoint):
    """The door for what happened."""

    by_cookies = ByCookiesFromHere
    scope = "events:write"
    a_minute = 600

    @operation(
        operation_id="report",
        request={"application/json": Delivery, "text/plain": Delivery},
        responses={202: Receipt},
        extensions={"x-outlives-the-page": True},
    )
    def post(self, request: Request) -> Response:
        """Takes in what can be understood, up to 50 events (a server key: 500), and says what was wrong with the rest.

        Purchases are none: they are the shop's own orders.
        """
        asked = request._request
        if asked.content_type not in events.CONTENT_TYPES:
            raise _problem(415, "bad_content_type")
        if isinstance(request.successful_authenticator, ByCookiesFromHere | None) and not events.from_here(asked):
            raise _problem(403, "other_origin")
        server = isinstance(request.auth, ServerKey)
        try:
            content = events.content(asked, BYTES_OF_A_SERVER if server else payload.BODY_BYTES)
            body = payload.read(content, conf.current().item_ids, EVENTS_OF_A_SERVER if server else payload.EVENTS)
        except Unusable as fault:
            raise _problem(413 if fault.code == "too_large" else 400, fault.code) from None
        outcome = events.kept(asked, body, now(), by_a_server=server)
        response = Response(events.told(body, outcome), status=202)
        _remember(request, response, outcome.visitor)
        return response


class Feedback(Endpoint):
    """What a visitor is not interested in."""

    scope = "customers:read"

    @operation(operation_id="dismiss", parameters=[PRODUCT], request=None, responses={204: None})
    def post(self, request: Request, product: str) -> Response:
        """Keeps a product away from this visitor for a while."""
        return self._say(request, product, feedback.LESS)

    @operation(operation_id="restore", parameters=[PRODUCT], responses={204: None})
    def delete(self, request: Request, product: str) -> Response:
        """Takes that back."""
        return self._say(request, product, feedback.UNDONE)

    def _say(self, request: Request, product: str, sign: int) -> Response:
        themselves(request)
        key = int(product) if KEY.fullmatch(product) else 0
        if not catalogue.offers([key]):
            raise unknown("product", product)
        response = Response(status=204)
        visitor = identity.known_or_new(request._request, now())
        if visitor is None:
            raise Problem(403, "no_consent", _("Nothing may be remembered of whoever does not agree to it."))
        try:
            feedback.take(visitor, "product", key, sign, now())
        except Visitor.DoesNotExist:  # they had themselves forgotten at this very moment
            return response
        _remember(request, response, visitor)
        return response


def _remember(request: Request, response: Response, visitor: Visitor | None) -> None:
    """In a cookie, which only those are given who keep cookies."""
    if visitor is not None and identity.id_in(request._request) != visitor.pk:
        identity.remember(response, visitor)


def _problem(status: int, code: str) -> Any:
    return Problem(status, code, payload.FAULTS[code])
