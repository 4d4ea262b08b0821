"""The endpoint to which browsers report events."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.utils.timezone import now
from django.views.decorators.csrf import csrf_exempt

from personalization import conf
from personalization.collect import crawlers, ingestion, payload, rate_limits, request_traits
from personalization.collect.payload import EventPayload, InvalidEvent, Rejection, ReportedEvent
from personalization.models import Visitor
from personalization.models.fail_open import fail_open
from personalization.pages.cache_control import private_page
from personalization.privacy import consent, identity
from personalization.shop import catalogue

CONTENT_TYPES = ("application/json", "text/plain")
"""The second is what `sendBeacon` can send; no form can send either from another site without being seen to."""


class DeliveryOutcome(NamedTuple):
    """The outcome of a delivery, and its visitor, if there is one."""

    rejected: tuple[Rejection, ...]
    visitor: Visitor | None = None


@csrf_exempt
@transaction.non_atomic_requests
@private_page
def receive_events(request: HttpRequest) -> HttpResponse:
    """1. Refuses what no script of this shop sends.
    2. Reads the events; a bad one is left out.
    3. Stores them, if their visitor agrees and it is not too much.
    4. Says how many were taken, and what was wrong with each of the others.
    """
    refusal = _refuse_request(request)
    if refusal is not None:
        return refusal
    try:
        body = payload.read_payload(read_body(request), conf.get_settings().EVENT_ITEM_ID_FIELD)
    except InvalidEvent as fault:
        return _error_response(413 if fault.code == "too_large" else 400, fault.code)
    outcome = ingest_events(request, body, now())
    response = JsonResponse(response_data(body, outcome), status=202)
    if outcome.visitor is not None and identity.visitor_id_from_cookie(request) != outcome.visitor.pk:
        identity.set_visitor_cookie(response, outcome.visitor)
    return response


def response_data(body: EventPayload, outcome: DeliveryOutcome) -> dict[str, Any]:
    """How many were taken, and what was wrong with each of the others; also in the log, in numbers."""
    rate_limits.drop_log.record(rejection.code for rejection in outcome.rejected)
    rejected = sorted(outcome.rejected, key=lambda rejection: rejection.index)
    return {"accepted": body.count - len(rejected), "rejected": [one.as_json() for one in rejected]}


def _refuse_request(request: HttpRequest) -> HttpResponse | None:
    if request.method != "POST":
        response = _error_response(405, "not_post")
        response["Allow"] = "POST"
        return response
    if request.content_type not in CONTENT_TYPES:
        return _error_response(415, "bad_content_type")
    if not is_same_origin(request):
        return _error_response(403, "other_origin")
    return None


def is_same_origin(request: HttpRequest) -> bool:
    """Whether the browser says that a page of this shop sent this: there is no CSRF token in what is sent when a page
    is left."""
    origin = f"{request.scheme}://{request.get_host()}"
    return request.headers.get("Sec-Fetch-Site") == "same-origin" or request.headers.get("Origin") == origin


def read_body(request: HttpRequest, most: int = payload.MAX_BODY_BYTES) -> bytes:
    """The body; InvalidEvent when it is too large or does not arrive."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isascii() and length.isdigit() and (len(length) > 9 or int(length) > most):
        raise InvalidEvent("too_large")
    try:
        read = request.read(most + 1)
    except UnreadablePostError:
        raise InvalidEvent("bad_json") from None
    if len(read) > most:
        raise InvalidEvent("too_large")
    return read


def ingest_events(
    request: HttpRequest, body: EventPayload, moment: datetime, *, by_a_server: bool = False
) -> DeliveryOutcome:
    """What became of each event. A server's are not counted by its address, nor is it a bot.

    Nothing that goes wrong in here reaches the browser as an error: what was not stored may be sent again.
    """
    with fail_open("Taking in events"), rate_limits.concurrency_slot() as free:
        if not free:
            return _reject_all(body, "busy")
        pace = _count_events(request, body, moment, by_a_server)
        if pace.address_limited:
            return _reject_all(body, "too_many")
        visitor = identity.get_or_create_consented(request, moment) if body.reports else None
        if visitor is None:
            return _reject_all(body, "no_consent")
        suspect = pace.visitor_limited or (
            not by_a_server and crawlers.is_crawler(request.headers.get("User-Agent", ""))
        )
        rate_limits.drop_log.record(["suspect"] * body.count if suspect else [])
        shown, device = _reported_products(body.reports), request_traits.device_type(request)
        browser_key = request_traits.browser_key(request)
        delivery = ingestion.Delivery(visitor, shown, moment, body.sent, suspect, device, browser_key)
        return DeliveryOutcome(body.rejected + ingestion.store_events(delivery, body.reports).rejected, visitor)
    return _reject_all(body, "not_stored")


def _count_events(request: HttpRequest, body: EventPayload, moment: datetime, by_a_server: bool) -> rate_limits.Pace:
    if by_a_server:
        return rate_limits.Pace(address_limited=False, visitor_limited=False)
    return rate_limits.count_events(
        rate_limits.client_address(request), _visitor_key(request), body.count, moment.timestamp()
    )


def _visitor_key(request: HttpRequest) -> str:
    """Whose events are counted, without asking the database for their visitor; empty for a browser without an id."""
    if consent.is_signed_in(request):
        return f"account {request.user.pk}"
    visitor_id = identity.visitor_id_from_cookie(request)
    return visitor_id.hex if visitor_id else ""


def _reject_all(body: EventPayload, code: str) -> DeliveryOutcome:
    rest = (Rejection(report.index, code) for report in body.reports)
    return DeliveryOutcome((*body.rejected, *rest))


def _reported_products(reports: Iterable[ReportedEvent]) -> ingestion.ReportedProducts:
    products = catalogue.resolve_product_ids({(item.id_type, item.key) for report in reports for item in report.items})
    sensitive = frozenset(catalogue.sensitive_products(set(products.values())))
    return ingestion.ReportedProducts(products, sensitive, catalogue.sensitive_categories)


def _error_response(status: int, code: str) -> HttpResponse:
    """The answer to what is refused as a whole."""
    return JsonResponse({"code": code, "message": str(payload.ERROR_MESSAGES[code])}, status=status)
