"""What visitors allow, like, take away and have forgotten: their own, and nobody else's."""

import re
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.utils.timezone import now
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from personalization.api import authentication
from personalization.api.authentication import SameOriginCookieAuthentication, VisitorTokenAuthentication
from personalization.api.exceptions import Problem
from personalization.api.openapi import operation
from personalization.api.views_base import APIEndpoint
from personalization.models import Event, ServerKey, Visitor
from personalization.pages.consent import agree_to_tracking, refuse_tracking, remember_refusal
from personalization.pages.privacy import is_interest_allowed
from personalization.privacy import consent, data_export, identity
from personalization.privacy.overview import consent_status

MAX_CHANGES = 50
CURSOR_POSITION = re.compile(r"[0-9]{1,19}")
CURSOR_PATTERN = OpenApiParameter("cursor", str, description="Of a next page, as `next` has it.")


class ConsentAnswer(serializers.Serializer):
    """Whether anything is kept, and why."""

    code = serializers.ChoiceField(choices=["on", "off", "unasked", "signal", "child", "shop"])
    since = serializers.DateTimeField(allow_null=True, format="iso-8601")


class InterestAnswer(serializers.Serializer):
    """A category, and whether the visitor wants more (1) or less (-1) of it."""

    category = serializers.IntegerField()
    sign = serializers.IntegerField()


class PreferencesAnswer(serializers.Serializer):
    """What a visitor said themselves."""

    consent = ConsentAnswer()
    interests = InterestAnswer(many=True)


class InterestRequest(serializers.Serializer):
    """A change: 1 more of the category, -1 less, 0 takes back what was said of it."""

    category = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    sign = serializers.ChoiceField(choices=[1, 0, -1])


class PreferencesRequest(serializers.Serializer):
    """What is to change; what is left out stays."""

    consent = serializers.ChoiceField(choices=["granted", "refused"], required=False)
    interests = serializers.ListField(child=InterestRequest(), max_length=MAX_CHANGES, required=False)


class PreferencesEndpoint(APIEndpoint):
    """The switch, and what a visitor said of themselves."""

    scope = "customers:read"

    @operation(operation_id="preferences", responses=PreferencesAnswer)
    def get(self, request: Request) -> Response:
        """What this visitor said. A browser is given Django's CSRF token, with which it may change something."""
        if self.names_itself_in_cookies(request):
            get_token(request._request)
        return Response(PreferencesAnswer(_preferences_data(request)).data)

    @operation(operation_id="changePreferences", request=PreferencesRequest, responses=PreferencesAnswer)
    @transaction.atomic
    def patch(self, request: Request) -> Response:
        """Changes that; all of it, or nothing."""
        deny_server_key(request)
        change = PreferencesRequest(data=request.data)
        change.is_valid(raise_exception=True)
        asked, response = request._request, Response()
        if "consent" in change.validated_data:
            granted = change.validated_data["consent"] == "granted"
            if granted and isinstance(request.successful_authenticator, VisitorTokenAuthentication):
                _is_api_token(asked)
            else:
                _change_consent(asked, response, granted)
        for interest in change.validated_data.get("interests", ()):
            _change_interest(asked, response, **interest)
        response.data = PreferencesAnswer(_preferences_data(request)).data
        return response


class EventCursorPagination(CursorPagination):
    """So many events at once: of all that is held of a visitor only they grow."""

    page_size = 500
    ordering = "-id"

    def decode_cursor(self, request: Request) -> Any:
        """Where the page begins. REST framework takes any text in a cursor for such a place; only a number is one."""
        cursor = super().decode_cursor(request)
        if cursor is not None and not CURSOR_POSITION.fullmatch(cursor.position or "0"):
            raise NotFound(self.invalid_cursor_message)
        return cursor


class DataAnswer(serializers.Serializer):
    """What is held of a visitor; from the second page on there are only `tables` with more events, and `next`."""

    made = serializers.DateTimeField(required=False, format="iso-8601")
    tables = serializers.DictField(child=serializers.ListField(child=serializers.DictField()))
    cookies = serializers.DictField(child=serializers.CharField(), required=False)
    shop = serializers.ListField(
        child=serializers.DictField(), required=False, help_text="What the shop itself holds, and where it can be seen."
    )
    next = serializers.URLField(allow_null=True, help_text="Where there are more events; null on the last page.")


class DataEndpoint(APIEndpoint):
    """All that is held of a visitor."""

    scope = "customers:read"

    @operation(operation_id="data", parameters=[CURSOR_PATTERN], responses=DataAnswer)
    def get(self, request: Request) -> Response:
        """All of it, to be taken away: 500 events at a time, the newest first. Follow `next` until it is null."""
        deny_server_key(request)
        asked, pages = request._request, EventCursorPagination()
        visitor = identity.get_visitor(asked)
        events = Event.objects.for_visitor(visitor.pk) if visitor else Event.objects.none()
        page = {Event: pages.paginate_queryset(events, request) or ()}
        first = not request.query_params.get(pages.cursor_query_param)
        told = (
            data_export.export_visitor_data(asked, now(), page)
            if first
            else {"tables": data_export.tables_as_data(page)}
        )
        return Response({**told, "next": pages.get_next_link()})

    @operation(operation_id="forget", responses={204: None})
    def delete(self, request: Request) -> Response:
        """Forgets everything at once, and remembers only that it was asked to."""
        deny_server_key(request)
        response = Response(status=204)
        identity.erase_visitor(request._request, now())
        remember_refusal(response, now())
        return response


class NewVisitorRequest(serializers.Serializer):
    """Says that somebody agreed to be known."""

    consent = serializers.ChoiceField(choices=["granted"])


class VisitorAnswer(serializers.Serializer):
    """Who they are from now on."""

    token = serializers.CharField(help_text="For the header X-Personalization-Visitor. Keep it like a password.")


class VisitorsEndpoint(APIEndpoint):
    """Clients that keep no cookies."""

    accepts_cookies = SameOriginCookieAuthentication
    scope = "customers:read"
    requests_per_minute = 20

    @operation(operation_id="mintVisitor", request=NewVisitorRequest, responses={201: VisitorAnswer})
    def post(self, request: Request) -> Response:
        """Mints a visitor for somebody who agreed: nobody is known before that."""
        deny_server_key(request)
        NewVisitorRequest(data=request.data).is_valid(raise_exception=True)
        if consent.has_opt_out_signal(request._request):
            raise Problem(403, "objects", _("This client says no with Sec-GPC or DNT, and that comes first."))
        if consent.from_consent_tool(request._request) is False:
            raise Problem(403, "no_consent", _("Nothing may be remembered of whoever does not agree to it."))
        visitor = identity.create_consented_browser(now(), source="api")
        return Response({"token": authentication.issue_token(visitor)}, status=201)


def deny_server_key(request: Request) -> None:
    """Refuses a server that speaks for somebody."""
    if isinstance(request.auth, ServerKey):
        raise Problem(403, "not_by_key", _("Only visitors themselves may do this."))


def _preferences_data(request: Request) -> dict[str, Any]:
    asked = request._request
    visitor = identity.get_visitor(asked)
    standing = consent_status(asked, visitor)
    wishes = visitor.get_preferences() if visitor is not None else ()
    interests = [{"category": wish.key, "sign": wish.sign} for wish in wishes if wish.type == "interest"]
    return {"consent": {"code": standing.code, "since": standing.since}, "interests": interests}


def _is_api_token(request: HttpRequest) -> None:
    """Who names themselves by a token agreed when it was minted, or the token is worth nothing (any more)."""
    if not consent.tracking_allowed(request, identity.get_visitor(request)):
        raise Problem(409, "mint_anew", _("This token is worth nothing: POST visitors/ gives a new one."))


def _change_consent(request: HttpRequest, response: Response, granted: bool) -> None:
    if not granted:
        refuse_tracking(request, response, now(), "api")
    elif obstacle := agree_to_tracking(request, response, now(), "api"):
        raise Problem(409, "objects", obstacle)
    request.COOKIES.update({name: cookie.value for name, cookie in response.cookies.items()})  # as its next request
    identity.reset_visitor(request)


def _change_interest(request: HttpRequest, response: Response, category: int, sign: int) -> None:
    """The same as on the page of what is known."""
    visitor = identity.get_or_create_consented(request, now()) if sign else identity.get_visitor(request)
    if sign and not is_interest_allowed(category):
        raise Problem(404, "unknown_category", _("There is no category %(key)d to like.") % {"key": category})
    if visitor is None:
        raise Problem(403, "no_consent", _("Nothing may be remembered of whoever does not agree to it."))
    try:
        visitor.set_preference("interest", category, sign, now().timestamp())
    except Visitor.DoesNotExist:  # they had themselves forgotten at this very moment
        return
    if identity.visitor_id_from_cookie(request) != visitor.pk:
        identity.set_visitor_cookie(response, visitor)
