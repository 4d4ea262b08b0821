"""Where the chip above a list switches our order off and on."""

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from personalization.pages.cache_control import private
from personalization.pages.redirects import back
from personalization.privacy import sort_preference

WANTED = {"on": True, "off": False}


@private
@require_POST
@csrf_protect
def switch(request: HttpRequest) -> HttpResponse:
    """Remembers whether the visitor wants lists in our order, and shows the list again."""
    on = WANTED.get(request.POST.get("order", ""))
    if on is None:
        return HttpResponseBadRequest(_("The answer is neither on nor off."), content_type="text/plain; charset=utf-8")
    response = HttpResponseRedirect(back(request, reverse("catalogue:index")))
    sort_preference.switch(request, response, on, now())
    return response
