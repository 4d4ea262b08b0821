"""Where "not interested" is said and taken back, with JavaScript and without."""

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
from personalization.collect import feedback
from personalization.models import Visitor
from personalization.pages.cache_control import private_page
from personalization.pages.redirects import redirect_target
from personalization.privacy import identity
from personalization.shop import catalogue


@private_page
@require_POST
@csrf_protect
def dismiss_item(request: HttpRequest) -> HttpResponse:
    """1. Reads what the button of a page of ours says, or its undoing.
    2. Looks who says so; whoever does not allow to be remembered cannot be heeded.
    3. Stores it, and says that it was done.
    """
    kind, key = feedback.verify_feedback(request.POST.get("token", "")) or _raise_not_found()
    undo = "undo" in request.POST
    said = _("You may see this again.") if undo else _confirmation_text(kind, key)
    visitor = _record_dismissal(request, kind, key, feedback.UNDO if undo else feedback.NEGATIVE)
    if visitor is None:
        return HttpResponseForbidden(_refusal_text(), content_type="text/plain; charset=utf-8")
    response = _dismissal_response(request, said, undo)
    if identity.visitor_id_from_cookie(request) != visitor.pk:
        identity.set_visitor_cookie(response, visitor)
    return response


def _record_dismissal(request: HttpRequest, kind: str, key: Any, sign: int) -> Visitor | None:
    visitor = identity.get_or_create_consented(request, now())
    try:
        if visitor is not None:
            feedback.record_feedback(visitor, kind, key, sign, now())
    except Visitor.DoesNotExist:  # they had themselves forgotten at this very moment
        return None
    return visitor


def _refusal_text() -> str:
    return _("We can only remember this if you turn personalisation on.")


def _confirmation_text(kind: str, key: Any) -> str:
    """What is said when it is done. 404 for what is not in the shop, or not any more."""
    days = conf.get_settings().DISMISSAL_DAYS
    if kind == "reason":
        return _("We won't show this row for %(days)d days.") % {"days": days}
    if kind == "category":
        category = catalogue.categories_by_id([key]).get(key) or _raise_not_found()
        return _("We won't show products from %(name)s for %(days)d days.") % {"name": category.name, "days": days}
    product = catalogue.products_for_availability([key]).get(key) or _raise_not_found()
    return _("We won't show %(name)s for %(days)d days.") % {"name": product.get_title(), "days": days}


def _raise_not_found() -> Any:
    raise Http404("There is nothing of this kind in the shop.")


def _dismissal_response(request: HttpRequest, said: str, undo: bool) -> HttpResponse:
    if request.accepts("application/json") and not request.accepts("text/html"):
        return JsonResponse({"message": said, "undo": pgettext("personalization", "Undo")})
    page = redirect_target(request, reverse("personalization:home"))
    if undo:
        messages.success(request, said)
    else:
        asked = {"message": said, "token": request.POST["token"], "next": page}
        messages.success(request, render_to_string("personalization/partials/dismissed.html", asked, request))
    return HttpResponseRedirect(page)
