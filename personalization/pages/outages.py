"""What visitors see while the data about them cannot be read."""

import logging
from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from typing import Any

from django.db import Error, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import pgettext

from personalization.models.fail_open import describe_fault
from personalization.privacy.requester import requester_from_request

logger = logging.getLogger("personalization")


def says_when_unreadable(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """For views about the visitor: where the database cannot be read or written, nothing is changed, and a page of the
    shop says so, with status 503. Else they would take a failure for a visitor of whom nothing is known."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            with transaction.atomic() if connection.in_atomic_block else nullcontext():
                return view(request, *args, **kwargs)
        except Error as fault:  # Django's own log would quote a row that the database refused
            logger.error("A page about a visitor failed (%s); it says that it cannot be read", describe_fault(fault))
            return render_visitor_page(request, "unavailable", status=503)

    return wrapped


def render_visitor_page(
    request: HttpRequest, part: str, context: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    """A page with one of our parts: in the account area for customers.

    Parameters: `part`, the name of its template in `partials`.
    """
    area = "account_" if requester_from_request(request).is_signed_in else ""
    page = {
        "page_title": pgettext("personalization", "Your personalisation data"),
        "active_tab": "personalization",
        "part": f"personalization/partials/{part}.html",
    }
    return render(request, f"personalization/{area}privacy.html", {**page, **(context or {})}, status=status)
