"""Where customers allow messages of a purpose, and take it back."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from personalization.lifecycle.permission_questions import ORDER_PAGE, allow_ticked
from personalization.lifecycle.permissions import (
    SWITCHED_PURPOSES,
    notification_switch,
    permission_switches,
    switch_notifications,
    switch_permission,
)
from personalization.pages.cache_control import private_page
from personalization.pages.outages import says_when_unreadable

IN_SHOP = "in_shop"
"""Stands for notifications of all purposes."""


class PermissionForm(forms.Form):
    """Which messages, and whether the customer wants them."""

    purpose = forms.ChoiceField(choices=[(name, name) for name in (*map(str, SWITCHED_PURPOSES), IN_SHOP)])
    answer = forms.ChoiceField(choices=[("yes", "yes"), ("no", "no")])


@private_page
@require_POST
@csrf_protect
@says_when_unreadable
def switch_messages(request: HttpRequest) -> HttpResponse:
    """Stores what a customer says; only of a purpose that the page offers them."""
    form = PermissionForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest(_("This form is not valid."), content_type="text/plain; charset=utf-8")
    if _is_stored(request.user, form.cleaned_data["purpose"], allowed=form.cleaned_data["answer"] == "yes"):
        messages.success(request, _("Saved. It counts from now on."))
    else:
        messages.info(request, _("Nothing was changed."))
    return HttpResponseRedirect(reverse("personalization:privacy") + "#personalization-messages")


@private_page
@require_POST
@csrf_protect
@says_when_unreadable
def allow_messages(request: HttpRequest) -> HttpResponse:
    """Stores what a customer ticked after an order; leads to the page where it stands."""
    ticked = request.POST.getlist("purposes")
    stored = allow_ticked(request.user, ticked, ORDER_PAGE, now()) if request.user.is_authenticated and ticked else 0
    if stored:
        messages.success(request, _("Saved. It counts from now on."))
    else:
        messages.info(request, _("Nothing was changed."))
    return HttpResponseRedirect(reverse("personalization:privacy") + "#personalization-messages")


def _is_stored(user: Any, purpose: str, *, allowed: bool) -> bool:
    """Stores an answer, if the page offers the switch to this customer."""
    moment = now()
    if not user.is_authenticated:
        return False
    if purpose == IN_SHOP:
        switch = notification_switch(user, moment)
        if switch is not None and not switch.is_closed:
            switch_notifications(user, moment, allowed=allowed)
            return True
        return False
    if any(one.purpose == purpose and not one.is_closed for one in permission_switches(user, moment)):
        switch_permission(user, purpose, moment, allowed=allowed)
        return True
    return False
