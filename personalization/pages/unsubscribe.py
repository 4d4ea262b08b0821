"""Where the readers of messages end them: at one click of their mail program (RFC 8058), or on a page.

A GET changes nothing: programs that look for viruses follow all links of a mail. A POST acts at once, whoever sends it:
its address is the permission.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.timezone import now
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from personalization.lifecycle.unsubscribe import TEST_TOKEN, end_messages, read_token
from personalization.pages.cache_control import private_page

ONE_CLICK = ("List-Unsubscribe", "One-Click")


@csrf_exempt
@private_page
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """The page that asks what to end, and what was ended. A link of ours ends what it says; any other one nothing, and
    is not told so in a mail program, which would only try again."""
    link, is_post = read_token(token), request.method == "POST"
    if is_post and link is not None:
        end_messages(link, now(), everything=request.POST.get("end") == "everything")
    if is_post and request.POST.get(ONE_CLICK[0]) == ONE_CLICK[1]:
        return HttpResponse(content_type="text/plain; charset=utf-8")
    ended = request.POST.get("end", "purpose") if is_post and link is not None else ""
    is_test = token == TEST_TOKEN
    status = 404 if link is None and not is_post and not is_test else 200
    context = {"link": link, "ended": ended, "is_test": is_test}
    return render(request, "personalization/unsubscribe.html", context, status=status)
