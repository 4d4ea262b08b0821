"""Where the chip above a list switches our order off and on."""

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from personalization.pages.cache_control import private_page
from personalization.pages.redirects import redirect_target
from personalization.privacy import sort_preference

SWITCH_VALUES = {"on": True, "off": False}


@private_page
@require_POST
@csrf_protect
def switch_sort(request: HttpRequest) -> HttpResponse:
    """Remembers whether the visitor wants lists in our order, and shows the list again."""
    on = SWITCH_VALUES.get(request.POST.get("sort", ""))
    if on is None:
        return HttpResponseBadRequest(_("The value must be on or off."), content_type="text/plain; charset=utf-8")
    response = HttpResponseRedirect(redirect_target(request, reverse("catalogue:index")))
    sort_preference.set_personal_sort(request, response, on, now())
    return response
