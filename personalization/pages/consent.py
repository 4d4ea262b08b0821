"""Where visitors say whether they want to be known."""

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from personalization.models.fail_open import fail_open
from personalization.pages.cache_control import private_page
from personalization.pages.redirects import redirect_target
from personalization.privacy import consent, identity
from personalization.profile import genome
from personalization.shop import account_records

ANSWERS = {"granted": True, "refused": False}


@private_page
@require_POST
@csrf_protect
def answer_consent(request: HttpRequest) -> HttpResponse:
    """Takes the answer of the banner, or of the switch on the page of what is known."""
    granted = ANSWERS.get(request.POST.get("answer", ""))
    if granted is None:
        return HttpResponseBadRequest(_("The answer must be granted or refused."), content_type="text/plain; charset=utf-8")
    page = reverse("personalization:privacy")
    target = redirect_target(request, page)
    source = "account" if target == page else "banner"
    response = HttpResponseRedirect(target)
    if not granted:
        refuse_tracking(request, response, now(), source)
        messages.success(request, _("Personalisation is off. Nothing new is stored about you."))
    elif obstacle := agree_to_tracking(request, response, now(), source):
        messages.info(request, obstacle)
    else:
        thanks = _("Thank you. You can see, change and stop this at any time under “Your personalisation data”.")
        messages.success(request, thanks)
    return response


def agree_to_tracking(request: HttpRequest, response: HttpResponse, moment: datetime, source: str) -> str:
    """Records that whoever asks agrees; else says why that cannot be."""
    if consent.has_opt_out_signal(request):
        return _("Your browser asks websites not to do this, and that takes precedence: nothing is stored.")
    if consent.is_child_request(request):
        return _("This is a child's account, and we store nothing about children.")
    consent.set_consent_cookie(response, True, moment)
    visitor = identity.grant_consent(request, moment, source=source)
    if visitor is not None:
        with fail_open("Working out a genome after consent"):
            genome.refresh_genome([visitor.user_id], now=moment.timestamp())
    return ""


def refuse_tracking(request: HttpRequest, response: HttpResponse, moment: datetime, source: str) -> None:
    """Records that whoever asks does not agree (any more)."""
    identity.withdraw_consent(request, moment, source=source)
    remember_refusal(response, moment)


def remember_refusal(response: HttpResponse, moment: datetime) -> None:
    """The browser keeps nothing but the no."""
    consent.set_consent_cookie(response, False, moment)
    response.delete_cookie(identity.VISITOR_COOKIE, samesite="Lax")
    account_records.forget_recently_viewed(response)
