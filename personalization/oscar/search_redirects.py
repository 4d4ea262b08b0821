"""Sends a search on to the page of the shop that a merchant wants for it."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.cache import patch_cache_control
from django.utils.encoding import iri_to_uri

from personalization.models.fail_open import fail_open
from personalization.oscar import visits
from personalization.oscar.previews import PARAMETER, current_preview
from personalization.shop.search_targets import address_of


def search_redirect(request: HttpRequest) -> HttpResponse | None:
    """A redirect, which no cache keeps; None where the search is not redirected, or its page is gone. A preview stays
    one on the page where it arrives."""
    query, redirect = request.GET.get("q", "").strip(), None
    if query:
        with fail_open("Looking whether a search is redirected", queries=False):
            redirect = visits.rules_in_force(request).search.redirect(query)
    if redirect is not None:
        with fail_open("Looking where a search is redirected to"):
            return _redirect_to(request, address_of(redirect.target))
    return None


def _redirect_to(request: HttpRequest, address: str | None) -> HttpResponse | None:
    if address is None or iri_to_uri(address) == request.get_full_path():
        return None
    if current_preview(request) is not None:
        address = _with_parameter(address, PARAMETER, request.GET[PARAMETER])
    response = HttpResponseRedirect(address)
    patch_cache_control(response, private=True, no_store=True)
    return response


def _with_parameter(address: str, name: str, value: str) -> str:
    address, hash_sign, fragment = address.partition("#")
    return f"{address}{'&' if '?' in address else '?'}{urlencode({name: value})}{hash_sign}{fragment}"
