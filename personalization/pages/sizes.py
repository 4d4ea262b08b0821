"""Where customers say their sizes, or that none is to be remembered."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from personalization.pages.cache_control import private_page
from personalization.pages.outages import says_when_unreadable
from personalization.pages.privacy import MAX_KEY
from personalization.privacy import flows
from personalization.privacy.requester import requester_from_request
from personalization.privacy.sizes import change_size


class SizeForm(forms.Form):
    """A size of an attribute, or one of `privacy.sizes.BY_PURCHASES` and `NEVER`."""

    attribute = forms.IntegerField(min_value=1, max_value=MAX_KEY)
    size = forms.CharField(max_length=80)


@private_page
@require_POST
@csrf_protect
@says_when_unreadable
def state_size(request: HttpRequest) -> HttpResponse:
    """Stores what the customer says of a size; leads back to the page of their data."""
    form = SizeForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest(_("This form is not valid."), content_type="text/plain; charset=utf-8")
    try:
        change_size(requester_from_request(request), **form.cleaned_data, now=now())
    except flows.Refused as refused:
        messages.info(request, refused.message)
    else:
        messages.success(request, _("Saved. This takes effect from the next page on."))
    return HttpResponseRedirect(reverse("personalization:privacy") + "#sizes")
