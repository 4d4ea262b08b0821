"""Where visitors see, correct, download and delete their own data, and nobody else's.

Who they are comes from the session or from our signed cookie. What a form names is looked up among what is theirs, so
that another visitor's data is answered like what does not exist.
"""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.handlers.asgi import ASGIRequest
from django.db import transaction
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST, require_safe

from personalization import conf
from personalization.lifecycle.permissions import notification_switch, permission_switches
from personalization.models import ReminderAnswer
from personalization.pages.cache_control import private_page
from personalization.pages.outages import render_visitor_page, says_when_unreadable
from personalization.pages.redirects import redirect_target
from personalization.privacy import flows, identity, sort_preference
from personalization.privacy.data_download import AsyncDataDownload, DataDownload
from personalization.privacy.overview import visitor_overview
from personalization.privacy.private_responses import remember_answer, remember_visitor
from personalization.privacy.requester import Requester, requester_from_request
from personalization.shop.account_records import product_titles

MAX_KEY = 2**63 - 1


@private_page
@require_safe
@says_when_unreadable
def privacy_page(request: HttpRequest) -> HttpResponse:
    """The page of the visitor's data: in the account area for customers."""
    return _render_page(request, "privacy_overview")


@private_page
@require_safe
@says_when_unreadable
def confirm_erasure(request: HttpRequest) -> HttpResponse:
    """Asks whether everything is to be deleted."""
    return _render_page(request, "erase_confirm")


@transaction.non_atomic_requests
@private_page
@require_POST
@csrf_protect
@says_when_unreadable
def erase_data(request: HttpRequest) -> HttpResponse:
    """Deletes everything at once, and stores only that the visitor refuses."""
    requester, moment, response = requester_from_request(request), now(), _back_to_privacy()
    try:
        flows.erase_data(requester, moment)
    except flows.NotYetDeleted as fault:
        messages.warning(request, fault.message)
    else:
        messages.success(request, _("Your personalisation data has been deleted. Personalisation is off."))
    remember_answer(requester, request, response, granted=False, now=moment)
    return response


@private_page
@require_safe
@says_when_unreadable
def download_data(request: HttpRequest) -> StreamingHttpResponse:
    """Everything that is stored about this visitor as one JSON file, one at a time. Changes nothing."""
    download = DataDownload(requester_from_request(request), now())
    content = AsyncDataDownload(download) if isinstance(request, ASGIRequest) else download
    response = StreamingHttpResponse(content, content_type="application/json")
    response["Content-Disposition"] = 'attachment; filename="personalisation-data.json"'
    return response


class PreferenceForm(forms.Form):
    """What a preference is about, and whether the visitor wants more of it (1), less (-1), or takes it back (0)."""

    kind = forms.ChoiceField(choices=[(kind, kind) for kind in ("interest", "product", "category", "reason")])
    key = forms.CharField(max_length=128)
    sign = forms.TypedChoiceField(choices=[(sign, sign) for sign in (1, 0, -1)], coerce=int)

    def clean(self) -> dict[str, Any]:
        """Keys are whole numbers but for rows. Only interests can be added here."""
        data = super().clean() or {}
        if not self.errors and data["kind"] != "reason":
            data["key"] = forms.IntegerField(min_value=1, max_value=MAX_KEY).clean(data["key"])
        if not self.errors and data["sign"] and data["kind"] != "interest":
            raise forms.ValidationError("only taking back is possible here")
        return data


@private_page
@require_POST
@csrf_protect
@says_when_unreadable
def change_interest(request: HttpRequest) -> HttpResponse:
    """Adds, removes or restores an interest, or takes a "not interested" back; leads back to that page."""
    form = PreferenceForm(request.POST)
    if not form.is_valid():
        return _invalid_form()
    requester = requester_from_request(request)
    response = HttpResponseRedirect(redirect_target(request, reverse("personalization:privacy")))
    try:
        visitor = flows.change_preference(requester, **form.cleaned_data, now=now())
    except flows.Refused:
        messages.info(request, _("Nothing was changed."))
        return response
    if visitor is not None:
        remember_visitor(response, requester, visitor)
        is_own_page = response["Location"] == reverse("personalization:privacy")
        later, already = _("Saved. This takes effect from the next page on."), _("Saved. This page goes by it already.")
        messages.success(request, later if is_own_page else already)
    return response


class DeleteRecentForm(forms.Form):
    """What is to be deleted: all that is like one event, or all of a kind."""

    event = forms.UUIDField(required=False)
    all = forms.ChoiceField(choices=[("views", "views"), ("searches", "searches")], required=False)


@private_page
@require_POST
@csrf_protect
@says_when_unreadable
def delete_recent(request: HttpRequest) -> HttpResponse:
    """Deletes what the visitor did with one product, one search, or all of either. The next page does not use it."""
    form = DeleteRecentForm(request.POST)
    if not form.is_valid() or not any(form.cleaned_data.values()):
        return _invalid_form()
    target, requester = form.cleaned_data, requester_from_request(request)
    deleted = flows.delete_recent_events(requester, like_event=target["event"], kind=target["all"])
    confirmation = _("Deleted. From the next page on, it is no longer used.")
    messages.success(request, confirmation if deleted else _("Nothing was changed."))
    return _back_to_privacy()


def _message_switches(requester: Requester) -> dict[str, Any]:
    """What a customer may allow us to write; nothing is written to children and to who has no account."""
    if not requester.is_signed_in or requester.is_child:
        return {}
    moment = now()
    return {
        "reminder_answers": _reminder_answers(requester),
        "message_switches": permission_switches(requester.user, moment),
        "notification_switch": notification_switch(requester.user, moment),
    }


def _reminder_answers(requester: Requester) -> list[dict[str, Any]]:
    """The products that a customer is not reminded of. A query, and one for the titles where there are some; none in a
    shop that can send no messages."""
    if conf.missing_message_settings():
        return []
    rows = list(ReminderAnswer.objects.filter(user_id=requester.user_id).order_by("-answered_at"))
    titles = product_titles([row.product_id for row in rows]) if rows else {}
    return [{"product_id": row.product_id, "until": row.until, "title": titles.get(row.product_id, "")} for row in rows]


def _back_to_privacy() -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("personalization:privacy"))


def _invalid_form() -> HttpResponse:
    return HttpResponseBadRequest(_("This form is not valid."), content_type="text/plain; charset=utf-8")


def _render_page(request: HttpRequest, name: str) -> HttpResponse:
    requester = requester_from_request(request)
    titles = {
        "privacy_overview": pgettext("personalization", "Your personalisation data"),
        "erase_confirm": pgettext("personalization", "Delete your personalisation data?"),
    }
    context = {
        "page_title": titles[name],
        "overview": visitor_overview(requester, identity.read_visitor(requester), now()),
        **_message_switches(requester),
        "sort_is_disabled": sort_preference.personal_sort_disabled(requester),
    }
    return render_visitor_page(request, name, context)
