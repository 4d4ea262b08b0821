"""Where visitors say whether they want to be known."""

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from personalization.collect import consent, visitors
from personalization.models.savepoints import failing_open
from personalization.oscar import account
from personalization.pages.back import back
from personalization.pages.private import private
from personalization.profile import genome

ANSWERS = {"granted": True, "refused": False}


@private
@require_POST
@csrf_protect
def answer(request: HttpRequest) -> HttpResponse:
    """Takes the answer of the banner, or of the switch on the page of what is known."""
    granted = ANSWERS.get(request.POST.get("answer", ""))
    if granted is None:
        return HttpResponseBadRequest(_("The answer is neither yes nor no."), content_type="text/plain; charset=utf-8")
    page = reverse("personalization:privacy")
    target = back(request, page)
    source = "account" if target == page else "banner"
    response = HttpResponseRedirect(target)
    (_agree if granted else _refuse)(request, response, now(), source)
    return response


def _agree(request: HttpRequest, response: HttpResponse, moment: datetime, source: str) -> None:
    if consent.objects(request):
        messages.info(request, _("Your browser asks sites not to do this, and that comes first: nothing is kept."))
        return
    if consent.by_a_child(request):
        messages.info(request, _("This is a child's account, and of children we keep nothing."))
        return
    consent.remember(response, True, moment)
    visitor = visitors.grant(request, moment, source=source)
    if visitor is not None:
        with failing_open("Working out a genome after consent"):
            genome.refresh([visitor.user_id], now=moment.timestamp())
    messages.success(request, _("Thank you. You can see, change and end this at any time under “What we know of you”."))


def _refuse(request: HttpRequest, response: HttpResponse, moment: datetime, source: str) -> None:
    visitors.withdraw(request, moment, source=source)
    leave_alone(response, moment)
    messages.success(request, _("All right. From now on you see the shop as everybody does."))


def leave_alone(response: HttpResponse, moment: datetime) -> None:
    """The browser keeps nothing but the no."""
    consent.remember(response, False, moment)
    response.delete_cookie(visitors.COOKIE, samesite="Lax")
    account.forget_recently_viewed(response)
