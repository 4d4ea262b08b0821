"""Where the links of messages lead: on to a page of the shop.

A GET changes nothing but that it is recorded, of a visitor who consented and once, that a link was followed: what a
click on a page records. Programs that look for viruses follow all links of a mail; they are nobody who consented.
"""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.timezone import now
from django.views.decorators.http import require_safe

from personalization.collect import flows
from personalization.collect.payload import MAX_INTEGER
from personalization.models.fail_open import fail_open
from personalization.pages.cache_control import private_page
from personalization.privacy.requester import requester_from_request
from personalization.shop import catalogue


@private_page
@require_safe
def follow_to_product(request: HttpRequest, product_id: int) -> HttpResponse:
    """On to the product's page, whether the link's token is still good or not; 404 where it has none any more."""
    product = catalogue.public_product(product_id) if product_id <= MAX_INTEGER else None
    if product is None:
        raise Http404("There is no such product.")
    _record(request, product.parent_id or product.pk)
    return HttpResponseRedirect(product.get_absolute_url())


@private_page
@require_safe
def follow_to_basket(request: HttpRequest) -> HttpResponse:
    """On to the basket of whoever follows the link: nobody is signed in by it."""
    _record(request, None)
    return redirect("basket:summary")


def _record(request: HttpRequest, product_id: int | None) -> None:
    token, is_prefetch = request.GET.get("shown", ""), "prefetch" in request.headers.get("Sec-Purpose", "")
    if token and request.method == "GET" and not is_prefetch:
        with fail_open("Recording that a link was followed"):
            flows.record_followed_link(requester_from_request(request), token, product_id, now())
