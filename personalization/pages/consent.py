"""Where visitors say whether the shop may store and use what they do."""

from django.contrib import messages
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
from personalization.privacy.requester import requester_from_request

ANSWERS = {"granted": True, "refused": False}
TEXT = "text/plain; charset=utf-8"


@private_page
@require_POST
@csrf_protect
@says_when_unreadable
def answer_consent(request: HttpRequest) -> HttpResponse:
    """Takes the answer of the banner, or of the switch on the page of the visitor's data."""
    granted = ANSWERS.get(request.POST.get("answer", ""))
    if granted is None:
        return HttpResponseBadRequest(_("The answer must be granted or refused."), content_type=TEXT)
    page = reverse("personalization:privacy")
    target = redirect_target(request, page)
    response = HttpResponseRedirect(target)
    change = flows.grant_consent if granted else flows.withdraw_consent
    moment = now()
    try:
        change(requester_from_request(request), moment, source="account" if target == page else "banner")
    except flows.Refused as refusal:
        messages.info(request, refusal.message)
        return response
    cookies.set_consent_cookie(response, granted=granted, now=moment)
    messages.success(request, _thanks() if granted else _("Personalisation is off, and stores nothing new about you."))
    return response


def _thanks() -> str:
    return _("Thank you. You can see, change and stop this at any time under “Your personalisation data”.")
