"""What visitors allow, like, download and delete: only their own data."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from django.db import transaction
from django.db.models import Model, QuerySet
from django.middleware.csrf import get_token
from django.utils.decorators import method_decorator
from django.utils.timezone import now
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from personalization.api import authentication
from personalization.api.authentication import SameOriginCookieAuthentication
from personalization.api.exceptions import Problem, flow_problem
from personalization.api.openapi import operation
from personalization.api.views_base import APIEndpoint
from personalization.models import Event, ServerKey
from personalization.models.paging import newest_page
from personalization.privacy import consent, data_export, flows, identity
from personalization.privacy.overview import CONSENT_CODES, consent_status
from personalization.privacy.private_responses import remember_answer, remember_visitor
from personalization.privacy.requester import ClientType, Requester, bind_requester

MAX_CHANGES = 50
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
CURSOR = re.compile(r"(-?[0-9]{1,16})_([0-9]{1,18})", re.ASCII)
"""Microseconds since 1970 and the key of the last event of a page."""
CURSOR_PARAMETER = OpenApiParameter("cursor", str, description="Of the next page, as in `next`.")


class ConsentAnswer(serializers.Serializer):
    """Whether anything is stored about the visitor, and why."""

    code = serializers.ChoiceField(choices=list(CONSENT_CODES))
    since = serializers.DateTimeField(allow_null=True, format="iso-8601")


class InterestAnswer(serializers.Serializer):
    """A category, and whether the visitor wants more (1) or less (-1) of it."""

    category = serializers.IntegerField()
    sign = serializers.IntegerField()


class PreferencesAnswer(serializers.Serializer):
    """What a visitor chose themselves."""

    consent = ConsentAnswer()
    interests = InterestAnswer(many=True)


class InterestRequest(serializers.Serializer):
    """A change: 1 for more of the category, -1 for less, 0 to take either back."""

    category = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    sign = serializers.ChoiceField(choices=[1, 0, -1])


class PreferencesRequest(serializers.Serializer):
    """What is to change; what is left out stays."""

    consent = serializers.ChoiceField(choices=["granted", "refused"], required=False)
    interests = serializers.ListField(child=InterestRequest(), max_length=MAX_CHANGES, required=False)


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class PreferencesEndpoint(APIEndpoint):
    """Consent, and the interests that a visitor chose."""

    scope = "customers:read"

    @operation(operation_id="preferences", responses=PreferencesAnswer)
    def get(self, request: Request) -> Response:
        """The visitor's consent and interests. Gives a browser the CSRF token that changes need."""
        if self.requester.client == ClientType.BROWSER:
            get_token(request._request)
        return Response(PreferencesAnswer(_preferences_data(self.requester)).data)

    @operation(operation_id="changePreferences", request=PreferencesRequest, responses=PreferencesAnswer)
    def patch(self, request: Request) -> Response:
        """Makes all of the changes, or none of them."""
        deny_server_key(request)
        change = PreferencesRequest(data=request.data)
        change.is_valid(raise_exception=True)
        answer, interests = change.validated_data.get("consent"), change.validated_data.get("interests", ())
        response = Response()
        if answer == "refused":
            if interests:
                raise flow_problem(403, flows.Refused("no_consent"))
            self._refuse(response)
        with transaction.atomic():
            if answer == "granted":
                self._grant(response)
            for interest in interests:
                self._change_interest(response, **interest)
        response.data = PreferencesAnswer(_preferences_data(self.requester)).data
        return response

    def _refuse(self, response: Response) -> None:
        """In transactions of its own: what there is to delete must not keep consent from ending."""
        moment = now()
        with suppress(flows.NotYetDeleted):  # what is left over is deleted within a day
            flows.withdraw_consent(self.requester, moment, source="api")
        self._answered(response, flows.after_refusal(self.requester, moment), granted=False, moment=moment)

    def _grant(self, response: Response) -> None:
        requester, moment = self.requester, now()
        if requester.client == ClientType.VISITOR_TOKEN:
            _check_token(requester)
            return
        try:
            requester = flows.grant_consent(requester, moment, source="api")
        except flows.Refused as refusal:
            raise flow_problem(409, refusal) from None
        self._answered(response, requester, granted=True, moment=moment)

    def _answered(self, response: Response, requester: Requester, *, granted: bool, moment: datetime) -> None:
        remember_answer(self.requester, self.request._request, response, granted=granted, now=moment)
        bind_requester(self.request._request, requester)

    def _change_interest(self, response: Response, *, category: int, sign: int) -> None:
        try:
            visitor = flows.change_preference(self.requester, "interest", category, sign, now())
        except flows.Refused as refusal:
            raise flow_problem(404 if refusal.code == "unknown_category" else 403, refusal) from None
        remember_visitor(response, self.requester, visitor)


def _check_token(requester: Requester) -> None:
    """A client with a token consented when it was issued, or else the token is not valid (any more)."""
    if not consent.tracking_allowed(requester, identity.read_visitor(requester)):
        raise Problem(409, "token_expired", _("Token expired or revoked: POST visitors/ issues a new one."))


def _preferences_data(requester: Requester) -> dict[str, Any]:
    visitor = identity.read_visitor(requester)
    status = consent_status(requester, visitor)
    stored = visitor.get_preferences() if visitor is not None else ()
    interests = [{"category": entry.key, "sign": entry.sign} for entry in stored if entry.type == "interest"]
    return {"consent": {"code": status.code, "since": status.since}, "interests": interests}


class EventPages:
    """Pages of a visitor's events, the latest that happened first: nothing else that is stored about a visitor grows
    without a bound. Not REST framework's own: many events of one import may have happened at one moment."""

    page_size = 500

    def __init__(self, request: Request) -> None:
        """NotFound for a cursor that no page gave."""
        self._address = request.build_absolute_uri()
        text = request.query_params.get("cursor", "")
        self.is_first = not text
        self._below = None if self.is_first else _read_cursor(text)
        self.next_link: str | None = None

    def read_page(self, events: QuerySet[Event]) -> list[Model]:
        """The events of this page, in one query over the index of a visitor's events by their time."""
        found = newest_page(events, ("occurred_at", "pk"), self._below, self.page_size + 1)
        page = found[: self.page_size]
        if len(found) > len(page):
            self.next_link = replace_query_param(self._address, "cursor", _cursor_after(cast(Event, page[-1])))
        return page


def _cursor_after(event: Event) -> str:
    return f"{(event.occurred_at - EPOCH) // MICROSECOND}_{event.pk}"


def _read_cursor(text: str) -> tuple[datetime, int]:
    position = CURSOR.fullmatch(text)
    if position is None:
        raise NotFound(CursorPagination.invalid_cursor_message)
    return EPOCH + int(position[1]) * MICROSECOND, int(position[2])


class DataAnswer(serializers.Serializer):
    """Everything that is stored about a visitor; from the second page on only more events in `tables`, and `next`."""

    exported_at = serializers.DateTimeField(required=False, format="iso-8601")
    tables = serializers.DictField(child=serializers.ListField(child=serializers.DictField()))
    cookies = serializers.DictField(child=serializers.CharField(), required=False)
    shop = serializers.ListField(
        child=serializers.DictField(), required=False, help_text="What the shop itself stores, and where to see it."
    )
    suppressed = serializers.ListField(
        child=serializers.DictField(),
        required=False,
        help_text="For what, why and since when the address of the account is not written to.",
    )
    household = serializers.DictField(
        required=False, help_text="Since when the customer is in a household, and how many members it has."
    )
    next = serializers.URLField(allow_null=True, help_text="Where there are more events; null on the last page.")


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class DataEndpoint(APIEndpoint):
    """Everything that is stored about a visitor."""

    scope = "customers:read"

    @operation(operation_id="exportData", parameters=[CURSOR_PARAMETER], responses=DataAnswer)
    def get(self, request: Request) -> Response:
        """All of it, 500 events at a time, the newest first. Follow `next` until it is null."""
        deny_server_key(request)
        visitor, pages = identity.read_visitor(self.requester), EventPages(request)
        page: dict[Any, Any] = {Event: pages.read_page(Event.objects.filter(visitor=visitor)) if visitor else ()}
        if pages.is_first:
            data = data_export.export_visitor_data(self.requester, now(), page)
        else:
            data = {"tables": data_export.tables_as_data(page)}
        return Response({**data, "next": pages.next_link})

    @operation(operation_id="eraseData", responses={204: None})
    def delete(self, request: Request) -> Response:
        """Deletes everything at once, and stores only that the visitor refuses."""
        deny_server_key(request)
        response, moment = Response(status=204), now()
        with suppress(flows.NotYetDeleted):  # what is left over is deleted within a day
            flows.erase_data(self.requester, moment)
        remember_answer(self.requester, request._request, response, granted=False, now=moment)
        return response


class NewVisitorRequest(serializers.Serializer):
    """States that a person consented."""

    consent = serializers.ChoiceField(choices=["granted"])


class VisitorAnswer(serializers.Serializer):
    """How the visitor is recognised from now on."""

    token = serializers.CharField(help_text="For the header X-Personalization-Visitor. Keep it like a password.")


class VisitorsEndpoint(APIEndpoint):
    """Clients that keep no cookies."""

    accepts_cookies = SameOriginCookieAuthentication
    scope = "customers:read"
    requests_per_minute = 20

    @operation(operation_id="createVisitor", request=NewVisitorRequest, responses={201: VisitorAnswer})
    def post(self, request: Request) -> Response:
        """Creates a visitor for a person who has consented, and issues the token of its client."""
        deny_server_key(request)
        NewVisitorRequest(data=request.data).is_valid(raise_exception=True)
        try:
            visitor = flows.create_visitor(self.requester, now())
        except flows.Refused as refusal:
            raise flow_problem(403, refusal) from None
        return Response({"token": authentication.issue_token(visitor)}, status=201)


def deny_server_key(request: Request) -> None:
    """Refuses what visitors may only do themselves."""
    if isinstance(request.auth, ServerKey):
        raise Problem(403, "server_key_not_allowed", _("Not allowed with a server key."))
