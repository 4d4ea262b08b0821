"""What is known of a visitor, seen, corrected, taken away and forgotten by themselves, and by nobody else.

Who they are comes from the session or from our signed cookie. What a form names is looked for among what is theirs, so
that somebody else's is answered like what does not exist.
"""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST, require_safe

from personalization.models import Event, Visitor
from personalization.pages.cache_control import private_page
from personalization.pages.consent import remember_refusal
from personalization.privacy import consent, data_export, identity
from personalization.privacy.overview import visitor_overview
from personalization.shop import catalogue

MAX_KEY = 2**63 - 1


@private_page
@require_safe
def privacy_page(request: HttpRequest) -> HttpResponse:
    """The page "Your personalisation data": in the account area for customers."""
    return _render_page(
        request, "privacy_overview", {"known": visitor_overview(request, identity.get_visitor(request), now())}
    )


@private_page
@require_safe
def confirm_erasure(request: HttpRequest) -> HttpResponse:
    """Asks whether everything shall be forgotten."""
    return _render_page(
        request, "erase_confirm", {"known": visitor_overview(request, identity.get_visitor(request), now())}
    )


@private_page
@require_POST
@csrf_protect
def erase_data(request: HttpRequest) -> HttpResponse:
    """Forgets everything at once, and remembers only that it was asked to."""
    moment = now()
    identity.erase_visitor(request, moment)
    response = _back_to_privacy()
    remember_refusal(response, moment)
    messages.success(request, _("Your data has been deleted. Personalisation is off."))
    return response


@private_page
@require_safe
def download_data(request: HttpRequest) -> HttpResponse:
    """All that we hold of this visitor as one JSON file. Changes nothing."""
    response = JsonResponse(
        data_export.export_visitor_data(request, now()), json_dumps_params={"ensure_ascii": False, "indent": 1}
    )
    response["Content-Disposition"] = 'attachment; filename="personalisation-data.json"'
    return response


class PreferenceForm(forms.Form):
    """A wish: what it is about, and whether they want more of it, less, or what they said taken back."""

    kind = forms.ChoiceField(choices=[(kind, kind) for kind in ("interest", "product", "category", "reason")])
    key = forms.CharField(max_length=128)
    sign = forms.TypedChoiceField(choices=[(sign, sign) for sign in (1, 0, -1)], coerce=int)

    def clean(self) -> dict[str, Any]:
        """Keys are whole numbers but for rows. Only interests are added here."""
        said = super().clean() or {}
        if not self.errors and said["kind"] != "reason":
            said["key"] = forms.IntegerField(min_value=1, max_value=MAX_KEY).clean(said["key"])
        if not self.errors and said["sign"] and said["kind"] != "interest":
            raise forms.ValidationError("only taking back is possible here")
        return said


@private_page
@require_POST
@csrf_protect
def change_interest(request: HttpRequest) -> HttpResponse:
    """Adds, removes or gives back an interest, or takes a "not interested" back."""
    form = PreferenceForm(request.POST)
    if not form.is_valid():
        return _invalid_form()
    said, moment = form.cleaned_data, now()
    visitor = identity.get_or_create_consented(request, moment) if said["sign"] else identity.get_visitor(request)
    response = _back_to_privacy()
    if visitor is None or (said["sign"] and not is_interest_allowed(said["key"])):
        messages.info(request, _("Nothing was changed."))
        return response
    try:
        visitor.set_preference(said["kind"], said["key"], said["sign"], moment.timestamp())
    except Visitor.DoesNotExist:  # they had themselves forgotten at this very moment
        return response
    identity.set_visitor_cookie(response, visitor)
    messages.success(request, _("Saved. This takes effect from the next page on."))
    return response


def is_interest_allowed(key: int) -> bool:
    """Whether this is a category that somebody can like, and others may know."""
    return key in catalogue.categories_by_id([key]) and key not in catalogue.sensitive_categories()


class DeleteRecentForm(forms.Form):
    """What they did that shall not be kept: what is like one event, or all of a kind."""

    event = forms.UUIDField(required=False)
    all = forms.ChoiceField(choices=[("views", "views"), ("searches", "searches")], required=False)


@private_page
@require_POST
@csrf_protect
def delete_recent(request: HttpRequest) -> HttpResponse:
    """Deletes what was done with one product, one search, or all of either. The next page does not know it."""
    form = DeleteRecentForm(request.POST)
    if not form.is_valid() or not any(form.cleaned_data.values()):
        return _invalid_form()
    visitor = identity.get_visitor(request)
    gone = _delete_events(visitor, **form.cleaned_data) if visitor else 0
    said = _("Deleted. It is not used any more from the next page on.") if gone else _("Nothing was changed.")
    messages.success(request, said)
    return _back_to_privacy()


def _delete_events(visitor: Visitor, event: Any, all: str) -> int:
    held = Event.objects.for_visitor(visitor.pk)
    ways: dict[str, Callable[[], int]] = {"views": held.delete_all_but_searches, "searches": held.delete_searches}
    return ways[all]() if all else held.delete_like(event)


def _back_to_privacy() -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("personalization:privacy"))


def _invalid_form() -> HttpResponse:
    return HttpResponseBadRequest(_("This form is not valid."), content_type="text/plain; charset=utf-8")


def _render_page(request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    template = f"personalization/{'account_' if consent.is_signed_in(request) else ''}privacy.html"
    titles = {
        "privacy_overview": pgettext("personalization", "Your personalisation data"),
        "erase_confirm": pgettext("personalization", "Delete your data?"),
    }
    page = {"page_title": titles[name], "active_tab": "personalization"}
    return render(request, template, {**page, "part": f"personalization/partials/{name}.html", **context})
