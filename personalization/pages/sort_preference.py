"""Where a visitor turns "Recommended", as the usual order of lists, off and on."""

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from personalization.pages.cache_control import private_page
from personalization.pages.outages import says_when_unreadable
from personalization.pages.redirects import redirect_target
from personalization.privacy import cookies, flows
from personalization.privacy.private_responses import remember_visitor
from personalization.privacy.requester import requester_from_request

SWITCH_VALUES = {"on": True, "off": False}


@private_page
@require_POST
@csrf_protect
@says_when_unreadable
def switch_sort(request: HttpRequest) -> HttpResponse:
    """Stores whether the visitor wants lists in a personal order, and shows the list again."""
    enabled = SWITCH_VALUES.get(request.POST.get("sort", ""))
    if enabled is None:
        return HttpResponseBadRequest(_("The value must be on or off."), content_type="text/plain; charset=utf-8")
    response = HttpResponseRedirect(redirect_target(request, reverse("catalogue:index")))
    requester = requester_from_request(request)
    change = flows.change_sort_preference(requester, enabled=enabled, now=now())
    cookies.set_sort_cookie(response, disabled=change.disabled_in_browser)
    remember_visitor(response, requester, change.visitor)
    return response
