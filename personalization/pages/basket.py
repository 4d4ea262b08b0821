"""Where a page reads the basket again after it changed it without a reload."""

from dataclasses import asdict

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from personalization.oscar.basket_state import read_basket_state
from personalization.pages.cache_control import private_page


@private_page
@require_safe
def show_basket(request: HttpRequest) -> HttpResponse:
    """The basket as JSON for our script; Oscar's basket page for a browser that is led here."""
    if request.accepts("text/html"):
        return redirect("basket:summary")
    return JsonResponse(asdict(read_basket_state(request)))
