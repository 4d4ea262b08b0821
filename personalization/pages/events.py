"""The address to which the shop's pages report events."""

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import patch_cache_control
from django.utils.timezone import now
from django.views.decorators.csrf import csrf_exempt

from personalization import rate_limits
from personalization.collect import event_requests, flows
from personalization.collect.payload import ERROR_MESSAGES, InvalidEvent
from personalization.pages.cache_control import private_page
from personalization.privacy.private_responses import remember_visitor
from personalization.privacy.requester import requester_from_request


@csrf_exempt
@transaction.non_atomic_requests
def receive_events(request: HttpRequest) -> HttpResponse:
    """Stores the events that a page reports; 202 with how many were accepted, and why each of the others was not.

    In a burst most deliveries are turned away, so that must cost next to nothing: nobody asks whose they are.
    """
    with rate_limits.delivery_slot() as is_free:
        return _take_in(request) if is_free else _turn_away(request)


@private_page
def _take_in(request: HttpRequest) -> HttpResponse:
    try:
        body = event_requests.read_events(request)
    except InvalidEvent as fault:
        return _refusal_response(fault)
    requester = requester_from_request(request)
    outcome = flows.report_events(requester, body, now())
    response = _outcome_response(outcome)
    remember_visitor(response, requester, outcome.visitor)
    return response


def _turn_away(request: HttpRequest) -> HttpResponse:
    try:
        response = _outcome_response(flows.turn_away(event_requests.count_events(request)))
    except InvalidEvent as fault:
        response = _refusal_response(fault)
    patch_cache_control(response, private=True, no_store=True)
    return response


def _outcome_response(outcome: flows.DeliveryOutcome) -> HttpResponse:
    return JsonResponse(outcome.as_json(), status=202)


def _refusal_response(fault: InvalidEvent) -> HttpResponse:
    content = {"code": fault.code, "message": str(ERROR_MESSAGES[fault.code])}
    response = JsonResponse(content, status=event_requests.status_code(fault))
    if fault.code == "method_not_allowed":
        response["Allow"] = "POST"
    return response
