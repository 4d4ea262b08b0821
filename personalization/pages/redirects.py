"""Where a form leads when it has been processed."""

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

MAX_URL_LENGTH = 1_000
"""Browsers and Django refuse redirects to much longer URLs."""


def redirect_target(request: HttpRequest, otherwise: str) -> str:
    """The page of this shop that the field `next` names; another page when it names none, or leads elsewhere."""
    page = request.POST.get("next", "")
    inside = page.startswith("/") and url_has_allowed_host_and_scheme(page, allowed_hosts=None)
    return page if inside and len(page) <= MAX_URL_LENGTH else otherwise
