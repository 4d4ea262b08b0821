"""Where customers invite others into their household, join one, and leave it: forms of the page about their data."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods, require_POST

from personalization.pages.cache_control import private_page
from personalization.pages.outages import render_visitor_page, says_when_unreadable
from personalization.pages.privacy import MAX_KEY
from personalization.privacy import household_exits, households
from personalization.privacy.flows import Refused
from personalization.privacy.requester import Requester, requester_from_request


class CodeForm(forms.Form):
    """The code of an invitation, in groups or not."""

    code = forms.CharField(max_length=64)


class OwnInvitationForm(forms.Form):
    """Which of the customer's own invitations."""

    invitation = forms.IntegerField(min_value=1, max_value=MAX_KEY)


@transaction.non_atomic_requests
@private_page
@require_POST
@csrf_protect
@says_when_unreadable
def invite(request: HttpRequest) -> HttpResponse:
    """Makes an invitation, and shows its code this once."""
    _check_switched_on()
    try:
        made = households.make_invitation(requester_from_request(request), now())
    except Refused as refusal:
        messages.error(request, refusal.message)
        return _back_to_household()
    address = f"{reverse('personalization:privacy_household_join')}?{urlencode({'code': made.code})}"
    context = {"invitation": made, "address": request.build_absolute_uri(address)}
    return _render_part(request, "household_invitation", context)


@private_page
@require_POST
@csrf_protect
@says_when_unreadable
def take_back(request: HttpRequest) -> HttpResponse:
    """Takes an invitation of the account that is signed in back."""
    _check_switched_on()
    form = OwnInvitationForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest(_("This form is not valid."), content_type="text/plain; charset=utf-8")
    user_id = requester_from_request(request).user_id
    if households.take_invitation_back(user_id, form.cleaned_data["invitation"], now()):
        messages.success(request, _("The invitation is taken back: nobody can use it any more."))
    else:
        messages.info(request, _("Nothing was changed."))
    return _back_to_household()


@transaction.non_atomic_requests
@private_page
@require_http_methods(["GET", "HEAD", "POST"])
@csrf_protect
@says_when_unreadable
def join(request: HttpRequest) -> HttpResponse:
    """Says what it means to join the household of a code, and changes nothing; posting it is saying yes."""
    _check_switched_on()
    requester, form = (
        requester_from_request(request),
        CodeForm(request.POST if request.method == "POST" else request.GET),
    )
    code = form.cleaned_data["code"] if form.is_valid() else ""
    if request.method != "POST":
        return _render_part(request, "household_join", _join_context(request, requester, code))
    try:
        members = households.join_household(requester, code, now())
    except Refused as refusal:
        messages.error(request, refusal.message)
    else:
        words = ngettext(
            "You are in a household of %(members)s now. It counts from the next page on.",
            "You are in a household of %(members)s now. It counts from the next page on.",
            members,
        )
        messages.success(request, words % {"members": members})
    return _back_to_household()


def _join_context(request: HttpRequest, requester: Requester, code: str) -> dict[str, Any]:
    if not requester.is_signed_in:
        query = urlencode({REDIRECT_FIELD_NAME: request.get_full_path()})
        return {"sign_in_url": f"{_sign_in_address()}?{query}"}
    if not code:
        return {"asks_for_code": True}
    try:
        return {"code": code, "members": households.invited_members(requester, code, now())}
    except Refused as refusal:
        return {"refusal": refusal, "asks_for_code": refusal.code == "unknown_invitation"}


def _sign_in_address() -> str:
    try:
        return reverse("customer:login")
    except NoReverseMatch:  # a shop without Oscar's account pages
        return resolve_url(settings.LOGIN_URL)


@private_page
@require_POST
@csrf_protect
@says_when_unreadable
def leave(request: HttpRequest) -> HttpResponse:
    """Takes the account that is signed in out of its household; the next page goes by what they bought alone."""
    _check_switched_on()
    if household_exits.leave_households([requester_from_request(request).user_id], now()):
        messages.success(
            request, pgettext("personalization", "You have left your household. What you buy counts for you alone.")
        )
    else:
        messages.info(request, _("Nothing was changed."))
    return _back_to_household()


def _check_switched_on() -> None:
    if not households.has_households():
        raise Http404


def _render_part(request: HttpRequest, part: str, context: dict[str, Any]) -> HttpResponse:
    """A page whose address or text holds a code: no other site learns it."""
    title = pgettext("personalization", "Your household")
    response = render_visitor_page(request, part, {"page_title": title, **context})
    response["Referrer-Policy"] = "same-origin"
    return response


def _back_to_household() -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("personalization:privacy") + "#household")
