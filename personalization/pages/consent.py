"""Where visitors say whether the shop may store and use what they do."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from personalization.pages.cache_control import private_page
from personalization.pages.outages import says_when_unreadable
from personalization.pages.redirects import redirect_target
from personalization.privacy import flows
from personalization.privacy.private_responses import remember_answer
from personalization.privacy.requester import requester_from_request

ANSWERS = {"granted": True, "refused": False}
TEXT = "text/plain; charset=utf-8"


@transaction.non_atomic_requests
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
    requester, moment = requester_from_request(request), now()
    try:
        change(requester, moment, source="account" if target == page else "banner")
    except flows.Refused as refusal:
        messages.info(request, refusal.message)
        return response
    except flows.NotYetDeleted as fault:
        messages.warning(request, fault.message)
    else:
        messages.success(request, _thanks() if granted else _farewell())
    remember_answer(requester, request, response, granted=granted, now=moment)
    return response


def _farewell() -> str:
    return _("Personalisation is off. What we had stored about you is deleted, but for this choice.")


def _thanks() -> str:
    return _("Thank you. You can see, change and stop this at any time under “Your personalisation data”.")
