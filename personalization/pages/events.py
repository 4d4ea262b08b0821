"""The address to which the shop's pages report events."""

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.timezone import now
from django.views.decorators.csrf import csrf_exempt

from personalization.collect import event_requests, flows
from personalization.collect.payload import ERROR_MESSAGES, InvalidEvent
from personalization.pages.cache_control import private_page
from personalization.privacy.private_responses import remember_visitor
from personalization.privacy.requester import requester_from_request


@csrf_exempt
@transaction.non_atomic_requests
@private_page
def receive_events(request: HttpRequest) -> HttpResponse:
    """Stores the events that a page reports; 202 with how many were accepted, and why each of the others was not."""
    try:
        if request.method != "POST":
            raise InvalidEvent("method_not_allowed")
        body = event_requests.read_events(request)
    except InvalidEvent as fault:
        return _refusal_response(fault)
    requester = requester_from_request(request)
    outcome = flows.report_events(requester, body, now())
    response = JsonResponse(outcome.as_json(), status=202)
    remember_visitor(response, requester, outcome.visitor)
    return response


def _refusal_response(fault: InvalidEvent) -> HttpResponse:
    content = {"code": fault.code, "message": str(ERROR_MESSAGES[fault.code])}
    response = JsonResponse(content, status=event_requests.status_code(fault))
    if fault.code == "method_not_allowed":
        response["Allow"] = "POST"
    return response
