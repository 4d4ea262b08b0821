"""Where a page asks what to say to a visitor who is about to leave, and where it says that they are not interested."""

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

from personalization.models.fail_open import fail_open
from personalization.oscar.leave_bar import decide_leave_bar
from personalization.pages.cache_control import private_page
from personalization.pages.rows import positive_number
from personalization.privacy import cookies
from personalization.privacy.requester import requester_from_request
from personalization.rate_limits import within_request_limit

MAX_ADDRESS_BARS_PER_MINUTE = 60
"""One more than this from an address is answered as though there were nothing to say."""
BAR_TEMPLATE = "personalization/partials/leave_bar.html"


@private_page
@require_http_methods(["GET", "POST"])
@csrf_protect
def answer_leaving(request: HttpRequest) -> HttpResponse:
    """GET: the bar as HTML, and then none for seven days; 204 where there is nothing to say. POST closes it: none for
    thirty days."""
    response = HttpResponse(status=204)
    requester = requester_from_request(request)
    if request.method == "POST":
        if cookies.LEAVE_COOKIE in requester.cookies:  # who was shown none is given no cookie
            cookies.set_leave_cookie(response, closed=True)
    elif within_request_limit(f"leave {requester.address}", MAX_ADDRESS_BARS_PER_MINUTE):
        bar = decide_leave_bar(request, positive_number(request.GET.get("product", "")))
        with fail_open("Printing the bar before they leave", queries=False):
            if bar is not None:
                content = {"basket": bar.basket, "alternative": bar.alternative, "csrf_token": get_token(request)}
                response = HttpResponse(render_to_string(BAR_TEMPLATE, content))
                cookies.set_leave_cookie(response, closed=False)
    return response
