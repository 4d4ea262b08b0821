"""The API beside the template tag, and beside what REST framework takes by itself, in one interleaved run.

    python benchmarks/api.py [--rounds 15]

Needs the demo's data (`python manage.py demo --no-server`). Prints queries, function calls and CPU milliseconds of

1. the rows of a product's page with ten products each, from the tag on an otherwise empty page and from `surfaces/`
   with product data and without, and their ratios to the tag,
2. `rank/` with 500 products, and an endpoint that takes the same in, checks it and gives it back, which is REST
   framework's own share; the difference is ours,

for a stranger and for the customer who bought most. Queries and calls are exact; milliseconds are the median of the
rounds, which go round the pages in turn so that a busy machine slows all of them alike.
"""

import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[1]))

# This sets the shop up.
# isort: off
from benchmarks.pages import Page, asked, clock, count, customer, rounds_asked, under
# isort: on

from django.http import HttpRequest, HttpResponse
from django.template import RequestContext, Template
from django.test import Client, override_settings
from django.urls import include, path
from oscar.core.loading import get_model
from rest_framework.request import Request
from rest_framework.response import Response

from benchmarks.basket import bestsellers
from benchmarks.product import cards
from personalization.api.surfaces import RankEndpoint, RankRequest
from personalization.api.views_base import APIEndpoint

Product = get_model("catalogue", "Product")
API = "/personalization/api/v1/"
TAG = '{% load personalization %}{% personalized "product" product=product %}'
IN_A_ROW = 10


def bare(request: HttpRequest, key: int) -> HttpResponse:
    """A page that holds only the rows."""
    product = Product.objects.get(pk=key)
    return HttpResponse(Template(TAG).render(RequestContext(request, {"product": product})))


class Echo(RankEndpoint):
    """Reads what `rank/` reads, and returns it."""

    def post(self, request: Request) -> Response:
        asked_for = RankRequest(data=request.data)
        asked_for.is_valid(raise_exception=True)
        return Response({"products": list(dict.fromkeys(asked_for.validated_data["products"]))})


urlpatterns = [
    path("bare/<int:key>/", bare),
    path("echo/", Echo.as_view()),
    path("", include("example_shop.urls")),
]


def posted(client: Client, address: str, body: object) -> Callable[[], Any]:
    """A request that posts this body and must succeed."""
    content = json.dumps(body)

    def get() -> Any:
        response = client.post(address, content, content_type="application/json")
        assert response.status_code == 200, response.content
        return response

    return get


def compare(title: str, pages: Sequence[Page], rounds: int) -> None:
    """Prints these pages, and each beside the first."""
    for page in pages:
        count(page)
    clock(pages, rounds)
    first = pages[0]
    print(f"\n{title}\n{'':34}{'queries':>9}{'calls':>10}{'CPU ms':>9}{'calls':>9}{'CPU':>7}{'more ms':>9}")
    for page in pages:
        ratios = f"{page.calls / first.calls:>9.2f}{page.cpu / first.cpu:>7.2f}{page.cpu - first.cpu:>9.2f}"
        print(f"  {page.name:32}{page.queries:>9}{page.calls:>10}{page.cpu:>9.2f}{ratios}")


def rows(client: Client, product: Any) -> list[Page]:
    """A product's rows from the tag and from the API."""
    surface = f"{API}surfaces/product/?product={product.pk}&limit={IN_A_ROW}"
    ways = (
        ("the tag", asked(client, f"/bare/{product.pk}/")),
        ("the API, with product data", asked(client, f"{surface}&include=product")),
        ("the API, ids only", asked(client, surface)),
    )
    return [Page(name, under(get, partial(cards, IN_A_ROW))) for name, get in ways]


def lists(client: Client, keys: list[int]) -> list[Page]:
    """A list returned as it is, and ranked."""
    body = {"products": keys, "query": "milk"}
    return [
        Page(name, posted(client, address, body))
        for name, address in (("given back", "/echo/"), ("put in order", f"{API}rank/"))
    ]


@override_settings(ROOT_URLCONF=__name__)
@patch.object(APIEndpoint, "requests_per_minute", sys.maxsize)  # counted all the same
def main() -> None:
    rounds, signed_in = rounds_asked(__doc__), customer()
    (product,) = bestsellers(1)
    keys = list(Product.objects.browsable().order_by("pk").values_list("pk", flat=True)[:500])
    for visitor, client in (("A stranger", Client()), ("A customer", signed_in)):
        compare(f"{visitor}, the rows of a product's page", rows(client, product), rounds)
        compare(f"{visitor}, {len(keys)} products", lists(client, keys), rounds)


if __name__ == "__main__":
    main()
