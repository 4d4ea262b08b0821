"""How events arrive over HTTP: what a request must look like, at the shop's own address and at the API's."""

from django.http import HttpRequest
from django.http.request import UnreadablePostError

from personalization import conf
from personalization.collect import payload
from personalization.collect.payload import EventPayload, InvalidEvent

CONTENT_TYPES = ("application/json", "text/plain")
"""The second is what `sendBeacon` can send. No form of another site can send either without a preflight request."""
STATUS_CODES = {"method_not_allowed": 405, "unsupported_media_type": 415, "cross_origin": 403, "body_too_large": 413}
"""The HTTP status by the code of an `InvalidEvent`; 400 for all other codes."""


def read_events(
    request: HttpRequest,
    *,
    same_origin_only: bool = True,
    max_bytes: int = payload.MAX_BODY_BYTES,
    max_events: int = payload.MAX_EVENTS,
) -> EventPayload:
    """The events in a request.

    Raises
    ------
    InvalidEvent
        When the request is refused as a whole; `status_code` gives the status of the response.
    """
    content = _read_content(request, same_origin_only, max_bytes)
    return payload.read_payload(content, conf.get_settings().EVENT_ITEM_ID_FIELD, max_events)


def count_events(request: HttpRequest) -> int:
    """How many events there are in a request of a page, without a look at them. InvalidEvent as above."""
    return payload.count_payload(_read_content(request, True, payload.MAX_BODY_BYTES))


def _read_content(request: HttpRequest, same_origin_only: bool, max_bytes: int) -> bytes:
    if request.method != "POST":
        raise InvalidEvent("method_not_allowed")
    if request.content_type not in CONTENT_TYPES:
        raise InvalidEvent("unsupported_media_type")
    if same_origin_only and not is_same_origin(request):
        raise InvalidEvent("cross_origin")
    return _read_body(request, max_bytes)


def status_code(fault: InvalidEvent) -> int:
    """The HTTP status of the response that refuses a request for this."""
    return STATUS_CODES.get(fault.code, 400)


def is_same_origin(request: HttpRequest) -> bool:
    """Whether the browser says that a page of this shop sent this: what is sent when a page is left carries no CSRF
    token."""
    origin = f"{request.scheme}://{request.get_host()}"
    return request.headers.get("Sec-Fetch-Site") == "same-origin" or request.headers.get("Origin") == origin


def _read_body(request: HttpRequest, max_bytes: int) -> bytes:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isascii() and length.isdigit() and (len(length) > 9 or int(length) > max_bytes):
        raise InvalidEvent("body_too_large")
    try:
        content = request.read(max_bytes + 1)
    except UnreadablePostError:
        raise InvalidEvent("invalid_json") from None
    if len(content) > max_bytes:
        raise InvalidEvent("body_too_large")
    return content
