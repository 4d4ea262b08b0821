"""Where "not interested" is said and taken back, with JavaScript and without."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseForbidden, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from personalization import conf
from personalization.collect import feedback
from personalization.models import Visitor
from personalization.pages.cache_control import private
from personalization.pages.redirects import back
from personalization.privacy import identity
from personalization.shop import catalogue


@private
@require_POST
@csrf_protect
def dismiss(request: HttpRequest) -> HttpResponse:
    """1. Reads what the button of a page of ours says, or its undoing.
    2. Looks who says so; whoever does not allow to be remembered cannot be heeded.
    3. Stores it, and says that it was done.
    """
    kind, key = feedback.read(request.POST.get("wish", "")) or _unknown()
    undo = "undo" in request.POST
    said = _("It may be shown to you again.") if undo else _said(kind, key)
    visitor = _heeded(request, kind, key, feedback.UNDONE if undo else feedback.LESS)
    if visitor is None:
        return HttpResponseForbidden(_refused(), content_type="text/plain; charset=utf-8")
    response = _answer(request, said, undo)
    if identity.id_in(request) != visitor.pk:
        identity.remember(response, visitor)
    return response


def _heeded(request: HttpRequest, kind: str, key: Any, sign: int) -> Visitor | None:
    visitor = identity.known_or_new(request, now())
    try:
        if visitor is not None:
            feedback.take(visitor, kind, key, sign, now())
    except Visitor.DoesNotExist:  # they had themselves forgotten at this very moment
        return None
    return visitor


def _refused() -> str:
    return _("We may only remember this for you if you allow us to remember what you do in this shop.")


def _said(kind: str, key: Any) -> str:
    """What is said when it is done. 404 for what is not in the shop, or not any more."""
    days = conf.current().dismissed_days
    if kind == "reason":
        return _("This row stays away from you for %(days)d days.") % {"days": days}
    if kind == "category":
        category = catalogue.categories([key]).get(key) or _unknown()
        return _("Products from %(name)s stay away from you for %(days)d days.") % {"name": category.name, "days": days}
    product = catalogue.offers([key]).get(key) or _unknown()
    return _("%(name)s stays away from you for %(days)d days.") % {"name": product.get_title(), "days": days}


def _unknown() -> Any:
    raise Http404("There is nothing of this kind in the shop.")


def _answer(request: HttpRequest, said: str, undo: bool) -> HttpResponse:
    if request.accepts("application/json") and not request.accepts("text/html"):
        return JsonResponse({"said": said, "undo": _("Undo")})
    page = back(request, reverse("personalization:home"))
    if undo:
        messages.success(request, said)
    else:
        asked = {"said": said, "wish": request.POST["wish"], "next": page}
        messages.success(request, render_to_string("personalization/partials/dismissed.html", asked, request))
    return HttpResponseRedirect(page)
