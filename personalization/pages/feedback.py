"""Where visitors say "not interested" and take it back, with JavaScript and without."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseForbidden, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from personalization import conf
from personalization.collect import feedback, flows
from personalization.decide.interest_questions import QUESTIONS_KEY
from personalization.models import Visitor
from personalization.pages.cache_control import private_page
from personalization.pages.outages import says_when_unreadable
from personalization.pages.redirects import redirect_target
from personalization.privacy.flows import Refused
from personalization.privacy.private_responses import remember_visitor
from personalization.privacy.requester import Requester, requester_from_request
from personalization.shop import catalogue


@private_page
@require_POST
@csrf_protect
@says_when_unreadable
def dismiss_item(request: HttpRequest) -> HttpResponse:
    """1. Reads the signed token of a button, and whether it is to be undone.
    2. Stores the feedback; refuses a visitor who has not consented.
    3. Confirms it.
    """
    kind, key = feedback.verify_feedback(request.POST.get("token", "")) or _raise_not_found()
    undo = "undo" in request.POST
    confirmation = _("You may see this again.") if undo else _confirmation_text(kind, key)
    requester = requester_from_request(request)
    visitor = _give_feedback(requester, kind, key, feedback.UNDO if undo else feedback.NEGATIVE)
    if visitor is None:
        refusal = _("We can only remember this if you turn personalisation on.")
        return HttpResponseForbidden(refusal, content_type="text/plain; charset=utf-8")
    response = _confirmation_response(request, confirmation, undo)
    remember_visitor(response, requester, visitor)
    return response


def _give_feedback(requester: Requester, kind: str, key: Any, sign: int) -> Visitor | None:
    try:
        return flows.give_feedback(requester, kind, key, sign, now())
    except Refused:
        return None


def _confirmation_text(kind: str, key: Any) -> str:
    """The confirmation of a dismissal; 404 for what is not in the shop (any more)."""
    days = conf.get_settings().DISMISSAL_DAYS
    if (kind, key) == ("reason", QUESTIONS_KEY):
        return pgettext("personalization", "We won't ask this for %(days)d days.") % {"days": days}
    if kind == "reason":
        return _("We won't show this row for %(days)d days.") % {"days": days}
    if kind == "category":
        category = catalogue.categories_by_id([key]).get(key) or _raise_not_found()
        return _("We won't recommend products from %(name)s for %(days)d days.") % {
            "name": category.label,
            "days": days,
        }
    product = catalogue.products_for_availability([key]).get(key) or _raise_not_found()
    return _("We won't recommend %(name)s for %(days)d days.") % {"name": product.get_title(), "days": days}


def _raise_not_found() -> Any:
    raise Http404("There is nothing of this kind in the shop.")


def _confirmation_response(request: HttpRequest, confirmation: str, undo: bool) -> HttpResponse:
    if request.accepts("application/json") and not request.accepts("text/html"):
        return JsonResponse({"message": confirmation, "undo": pgettext("personalization", "Undo")})
    page = redirect_target(request, reverse("personalization:home"))
    if undo:
        messages.success(request, confirmation)
    else:
        context = {"message": confirmation, "token": request.POST["token"], "next": page}
        messages.success(request, render_to_string("personalization/partials/dismissed.html", context, request))
    return HttpResponseRedirect(page)
