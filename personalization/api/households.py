"""Households: inviting, joining and leaving, for customers themselves."""

from django.db import transaction
from django.utils.decorators import method_decorator
from django.utils.timezone import now
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from personalization.api.account import deny_server_key
from personalization.api.events import PRODUCT_KEY
from personalization.api.exceptions import Problem, flow_problem
from personalization.api.openapi import operation
from personalization.api.surfaces import MAX_KEY
from personalization.api.views_base import APIEndpoint
from personalization.privacy import household_exits, households, identity
from personalization.privacy.flows import Refused

INVITATION_SCHEMA = OpenApiParameter(
    "invitation", {"type": "integer", "minimum": 1, "maximum": MAX_KEY}, OpenApiParameter.PATH, description="Its key."
)
REFUSAL_STATUSES = {"no_consent": 403, "unknown_invitation": 404}
"""Of other refusals 409: it is somebody's state that stands in the way."""


class OpenInvitationAnswer(serializers.Serializer):
    """An invitation of the customer's own that holds. Its code was told when it was made."""

    id = serializers.IntegerField()
    expires_at = serializers.DateTimeField(format="iso-8601")


class HouseholdAnswer(serializers.Serializer):
    """The customer's household. Nothing of the others but how many there are."""

    members = serializers.IntegerField(help_text="With the customer; 0 for who is in none.")
    since = serializers.DateTimeField(allow_null=True, format="iso-8601", help_text="When they joined.")
    invitations = OpenInvitationAnswer(many=True)


class NewInvitationAnswer(OpenInvitationAnswer):
    """An invitation for one person: hand the code over."""

    code = serializers.CharField(help_text="Told this once.")


class JoinRequest(serializers.Serializer):
    """The customer says yes: what they buy counts for all in the household."""

    code = serializers.CharField(min_length=1, max_length=64, trim_whitespace=False)


class HouseholdEndpoint(APIEndpoint):
    """What all of these endpoints have in common."""

    scope = "customers:read"

    def check_permissions(self, request: Request) -> None:
        """For customers themselves, in a shop that has households."""
        super().check_permissions(request)
        deny_server_key(request)
        if not households.has_households():
            raise Problem(404, "not_found", _("This shop has no households."))


def _refused(refusal: Refused) -> Problem:
    return flow_problem(REFUSAL_STATUSES.get(refusal.code, 409), refusal)


class OwnHouseholdEndpoint(HouseholdEndpoint):
    """The customer's household."""

    @operation(operation_id="household", responses=HouseholdAnswer)
    def get(self, request: Request) -> Response:
        """How many are in it, since when the customer is, and their own open invitations."""
        state = households.household_state(identity.read_visitor(self.requester), now())
        return Response(HouseholdAnswer(state).data)


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class InvitationsEndpoint(HouseholdEndpoint):
    """Invitations to the customer's household."""

    @operation(operation_id="invite", request=None, responses={201: NewInvitationAnswer})
    def post(self, request: Request) -> Response:
        """Makes an invitation for one person, which holds for a week. We send it to nobody."""
        try:
            made = households.make_invitation(self.requester, now())
        except Refused as refusal:
            raise _refused(refusal) from None
        return Response(NewInvitationAnswer(made).data, status=201)


class InvitationEndpoint(HouseholdEndpoint):
    """One of the customer's own invitations."""

    @operation(operation_id="takeInvitationBack", parameters=[INVITATION_SCHEMA], responses={204: None})
    def delete(self, request: Request, invitation: str) -> Response:
        """Takes it back: nobody can use it any more."""
        key = int(invitation) if PRODUCT_KEY.fullmatch(invitation) else 0
        if not key or not households.take_invitation_back(self.requester.user_id, key, now()):
            raise NotFound
        return Response(status=204)


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class JoinEndpoint(HouseholdEndpoint):
    """Joining a household."""

    @operation(operation_id="joinHousehold", request=JoinRequest, responses={204: None})
    def post(self, request: Request) -> Response:
        """Makes the customer a member of the household of a code. Ask them first, and say what it means."""
        body = JoinRequest(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            households.join_household(self.requester, body.validated_data["code"], now())
        except Refused as refusal:
            raise _refused(refusal) from None
        return Response(status=204)


class LeaveEndpoint(HouseholdEndpoint):
    """Leaving a household."""

    @operation(operation_id="leaveHousehold", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """Takes the customer out of their household, at once. May be repeated."""
        household_exits.leave_households([self.requester.user_id], now())
        return Response(status=204)
