"""Where customers allow messages of a purpose, and take it back."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from personalization.lifecycle.permissions import SWITCHED_PURPOSES, permission_switches, switch_permission
from personalization.pages.cache_control import private_page
from personalization.pages.outages import says_when_unreadable


class PermissionForm(forms.Form):
    """Which messages, and whether the customer wants them."""

    purpose = forms.ChoiceField(choices=[(purpose.value, purpose.value) for purpose in SWITCHED_PURPOSES])
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
    purpose, moment = form.cleaned_data["purpose"], now()
    offered = permission_switches(request.user, moment) if request.user.is_authenticated else []
    if any(switch.purpose == purpose and not switch.is_closed for switch in offered):
        switch_permission(request.user, purpose, moment, allowed=form.cleaned_data["answer"] == "yes")
        messages.success(request, _("Saved. It counts from now on."))
    else:
        messages.info(request, _("Nothing was changed."))
    return HttpResponseRedirect(reverse("personalization:privacy") + "#personalization-messages")
