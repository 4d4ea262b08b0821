"""Refusals as RFC 9457 problem details: `{"type", "title", "status", "code", "detail"}`."""

import logging
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings

from personalization.models.fail_open import DATABASE_OUTAGES, describe_fault
from personalization.privacy.flows import Refused
from personalization.rate_limits import RateLimited

logger = logging.getLogger("personalization")

CONTENT_TYPE = "application/problem+json"


class Problem(exceptions.APIException):
    """Refuses a request. `code` stays the same in all releases; `detail` says what was found and what would work."""

    def __init__(self, status: int, code: str, detail: object, **extra: Any) -> None:
        super().__init__(str(detail), code)
        self.status_code, self.extra = status, extra


def flow_problem(status: int, refusal: Refused) -> Problem:
    """The refusal of a flow as a problem."""
    return Problem(status, refusal.code, refusal.message)


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """The problem as a response; None for an error that is not a refusal."""
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, SuspiciousOperation | MultiPartParserError):
        error = exceptions.ParseError()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    elif isinstance(error, RateLimited):
        error = exceptions.Throttled(error.retry_after)
    if not isinstance(error, exceptions.APIException):
        return None
    headers = {"WWW-Authenticate": header} if (header := getattr(error, "auth_header", None)) else {}
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = f"{wait:.0f}"
    return Response(_problem_data(error), status=error.status_code, headers=headers, content_type=CONTENT_TYPE)


def failure_response(error: Exception) -> HttpResponse:
    """An error that is not a refusal as a problem, for nobody to keep: 503 where the database fails, else 500. The log
    says what failed, and where."""
    logger.error("A request to the API failed (%s)", describe_fault(error))
    if isinstance(error, DATABASE_OUTAGES):
        problem = Problem(503, "unavailable", _("This cannot be read or stored at the moment. Try again later."))
    else:
        problem = Problem(500, "internal_error", _("This failed. The shop's log says why."))
    response = JsonResponse(_problem_data(problem), status=problem.status_code, content_type=CONTENT_TYPE)
    response["Cache-Control"] = "private, no-store"
    return response


def _problem_data(error: exceptions.APIException) -> dict[str, Any]:
    data = {"type": "about:blank", "title": HTTPStatus(error.status_code).phrase, "status": error.status_code}
    if isinstance(error, exceptions.ValidationError):
        errors = [{"field": field, **fault} for field, fault in _field_errors(error.get_full_details(), ())]
        return {**data, "code": "invalid", "detail": str(error.default_detail), "errors": errors}
    return {**data, "code": str(error.get_codes()), "detail": str(error.detail), **getattr(error, "extra", {})}


def _field_errors(details: Any, field: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    """(path of the field, {"code", "detail"}) of each error, in the order of the fields."""
    if isinstance(details, list):
        for detail in details:
            yield from _field_errors(detail, field)
    elif details.keys() == {"message", "code"} and not isinstance(details["code"], list | dict):
        yield ".".join(field), {"code": str(details["code"]), "detail": _printable_text(details["message"])}
    else:
        for name, inner in details.items():
            below = () if name == api_settings.NON_FIELD_ERRORS_KEY else (str(name),)
            yield from _field_errors(inner, (*field, *below))


def _printable_text(text: object) -> str:
    """The text, which may quote the client, with unpaired surrogates replaced."""
    return str(text).encode(errors="replace").decode()
