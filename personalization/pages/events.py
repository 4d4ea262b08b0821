"""The door through which browsers report what happened."""

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
from personalization.collect.payload import Body, Rejection, Report, Unusable
from personalization.models import Visitor
from personalization.models.fail_open import failing_open
from personalization.pages.cache_control import private
from personalization.privacy import consent, identity
from personalization.shop import catalogue

CONTENT_TYPES = ("application/json", "text/plain")
"""The second is what `sendBeacon` can send; no form can send either from another site without being seen to."""


class Outcome(NamedTuple):
    """What became of a delivery, and whose it was if anybody's."""

    rejected: tuple[Rejection, ...]
    visitor: Visitor | None = None


@csrf_exempt
@transaction.non_atomic_requests
@private
def take_in(request: HttpRequest) -> HttpResponse:
    """1. Refuses what no script of this shop sends.
    2. Reads the events; a bad one is left out.
    3. Stores them, if their visitor agrees and it is not too much.
    4. Says how many were taken, and what was wrong with each of the others.
    """
    refusal = _refused(request)
    if refusal is not None:
        return refusal
    try:
        body = payload.read(content(request), conf.current().item_ids)
    except Unusable as fault:
        return _answer(413 if fault.code == "too_large" else 400, fault.code)
    outcome = kept(request, body, now())
    response = JsonResponse(told(body, outcome), status=202)
    if outcome.visitor is not None and identity.id_in(request) != outcome.visitor.pk:
        identity.remember(response, outcome.visitor)
    return response


def told(body: Body, outcome: Outcome) -> dict[str, Any]:
    """How many were taken, and what was wrong with each of the others; also in the log, in numbers."""
    rate_limits.drops.note(rejection.code for rejection in outcome.rejected)
    rejected = sorted(outcome.rejected, key=lambda rejection: rejection.index)
    return {"accepted": body.count - len(rejected), "rejected": [one.as_json() for one in rejected]}


def _refused(request: HttpRequest) -> HttpResponse | None:
    if request.method != "POST":
        response = _answer(405, "not_post")
        response["Allow"] = "POST"
        return response
    if request.content_type not in CONTENT_TYPES:
        return _answer(415, "bad_content_type")
    if not from_here(request):
        return _answer(403, "other_origin")
    return None


def from_here(request: HttpRequest) -> bool:
    """Whether the browser says that a page of this shop sent this: there is no CSRF token in what is sent when a page
    is left."""
    origin = f"{request.scheme}://{request.get_host()}"
    return request.headers.get("Sec-Fetch-Site") == "same-origin" or request.headers.get("Origin") == origin


def content(request: HttpRequest, most: int = payload.BODY_BYTES) -> bytes:
    """The body; Unusable when it is too large or does not arrive."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isascii() and length.isdigit() and (len(length) > 9 or int(length) > most):
        raise Unusable("too_large")
    try:
        read = request.read(most + 1)
    except UnreadablePostError:
        raise Unusable("bad_json") from None
    if len(read) > most:
        raise Unusable("too_large")
    return read


def kept(request: HttpRequest, body: Body, moment: datetime, *, by_a_server: bool = False) -> Outcome:
    """What became of each event. A server's are not counted by its address, nor is it a bot.

    Nothing that goes wrong in here reaches the browser as an error: what was not stored may be sent again.
    """
    with failing_open("Taking in events"), rate_limits.turn() as free:
        if not free:
            return _all(body, "busy")
        pace = _pace(request, body, moment, by_a_server)
        if pace.too_many:
            return _all(body, "too_many")
        visitor = identity.known_or_new(request, moment) if body.reports else None
        if visitor is None:
            return _all(body, "no_consent")
        suspect = pace.too_fast or (not by_a_server and crawlers.automatic(request.headers.get("User-Agent", "")))
        rate_limits.drops.note(["suspect"] * body.count if suspect else [])
        shown, device = _catalogue(body.reports), request_traits.device(request)
        delivery = ingestion.Delivery(visitor, shown, moment, body.sent, suspect, device)
        return Outcome(body.rejected + ingestion.keep(delivery, body.reports).rejected, visitor)
    return _all(body, "not_stored")


def _pace(request: HttpRequest, body: Body, moment: datetime, by_a_server: bool) -> rate_limits.Pace:
    if by_a_server:
        return rate_limits.Pace(too_many=False, too_fast=False)
    return rate_limits.pace(rate_limits.address(request), _who(request), body.count, moment.timestamp())


def _who(request: HttpRequest) -> str:
    """Whose events are counted, without asking the database for their visitor; empty for a browser without an id."""
    if consent.signed_in(request):
        return f"account {request.user.pk}"
    visitor_id = identity.id_in(request)
    return visitor_id.hex if visitor_id else ""


def _all(body: Body, code: str) -> Outcome:
    rest = (Rejection(report.index, code) for report in body.reports)
    return Outcome((*body.rejected, *rest))


def _catalogue(told: Iterable[Report]) -> ingestion.Catalogue:
    products = catalogue.listed({(item.kind, item.key) for report in told for item in report.items})
    return ingestion.Catalogue(products, frozenset(catalogue.sensitive_products(set(products.values()))))


def _answer(status: int, code: str) -> HttpResponse:
    """The answer to what is refused as a whole."""
    return JsonResponse({"code": code, "message": str(payload.FAULTS[code])}, status=status)
