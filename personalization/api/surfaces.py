"""What to show: the rows of a surface, several at once, an outside engine's results in order, and why."""

from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from personalization import serve
from personalization.api.exceptions import Problem
from personalization.api.openapi import operation
from personalization.api.serializers import (
    NavigationAnswer,
    SlateAnswer,
    serialize_category,
    serialize_shortcut,
    serialize_slate,
)
from personalization.api.views_base import Endpoint, generic, is_of_anybody
from personalization.decide.slate import Slate
from personalization.decide.visit import Visit
from personalization.models.fail_open import failing_open
from personalization.oscar import visits
from personalization.shop import catalogue

MOST_PRODUCTS = 40
"""In a row."""
MOST_REQUESTS = 10
MOST_TO_RANK = 500
QUERY_LETTERS = 256
LARGEST_KEY = 2**63 - 1
SURFACE = OpenApiParameter("surface", str, OpenApiParameter.PATH, enum=serve.with_rows())
KEY: dict[str, Any] = {"min_value": 1, "max_value": LARGEST_KEY}


class Text(serializers.CharField):
    """A text, and not a number that could be written as one."""

    def to_internal_value(self, data: object) -> str:
        """REST framework's own, of a text."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Switch(serializers.BooleanField):
    """True or false, and not a text or a number that could mean one."""

    def to_internal_value(self, data: object) -> bool:
        """What was sent."""
        if isinstance(data, bool):
            return data
        return self.fail("invalid", input=data)


class Amount(serializers.Serializer):
    """How much of rows is told."""

    limit = serializers.IntegerField(
        required=False, min_value=1, max_value=MOST_PRODUCTS, help_text="So many products a row has at most."
    )
    include = serializers.ListField(
        child=serializers.ChoiceField(choices=["product"]),
        required=False,
        help_text="`product`: title, address, picture, price, availability.",
    )


class Asked(Amount):
    """The same, and what page the rows are for."""

    product = serializers.IntegerField(required=False, **KEY, help_text="Whose page it is.")
    category = serializers.IntegerField(required=False, **KEY, help_text="Whose page it is.")
    query = Text(required=False, allow_blank=True, max_length=QUERY_LETTERS, help_text="What was searched for.")


class AskedOfSurface(Asked):
    """The same, of one surface of several."""

    surface = serializers.ChoiceField(choices=serve.with_rows())


class Requests(serializers.Serializer):
    """Several pages, or parts of one, in one round trip."""

    requests = serializers.ListField(child=AskedOfSurface(), min_length=1, max_length=MOST_REQUESTS)


class SlatesAnswer(serializers.Serializer):
    """One slate for each, in their order; no product stands in two of them."""

    slates = SlateAnswer(many=True)


class ToRank(serializers.Serializer):
    """Products that somebody else chose."""

    products = serializers.ListField(
        child=serializers.IntegerField(**KEY),
        min_length=1,
        max_length=MOST_TO_RANK,
        help_text="Their keys, best first.",
    )
    query = Text(required=False, allow_blank=True, max_length=QUERY_LETTERS, help_text="What was searched for.")
    scores = Switch(required=False, default=False)


class RankedAnswer(serializers.Serializer):
    """The same products in another order."""

    products = serializers.ListField(child=serializers.IntegerField())
    scores = serializers.ListField(
        child=serializers.FloatField(allow_null=True),
        required=False,
        help_text="One for each, comparable within the list; null for what the shop has not learned about. How far the "
        "order follows them is the shop's setting `strength`.",
    )


class Surface(Endpoint):
    """The rows of one surface."""

    @operation(operation_id="surface", parameters=[SURFACE, Asked], responses=SlateAnswer)
    def get(self, request: Request, surface: str) -> Response:
        """What this visitor is shown there, now."""
        if surface not in serve.with_rows():
            raise unknown("surface", surface)
        asked = Asked(data=plain(request))
        asked.is_valid(raise_exception=True)
        page = _page(self, request, {**asked.validated_data, "surface": surface})
        return _answer(request, page)


class Recommendations(Endpoint):
    """Several surfaces, or one for several pages."""

    @operation(operation_id="recommend", request=Requests, responses=SlatesAnswer)
    def post(self, request: Request) -> Response:
        """A slate for each request. No product stands in two of them: the first one has it."""
        asked = Requests(data=request.data)
        asked.is_valid(raise_exception=True)
        pages = [_page(self, request, one) for one in asked.validated_data["requests"]]
        return Response({"slates": [page.told for page in pages]})


class Rank(Endpoint):
    """An outside search engine's results."""

    @operation(operation_id="rank", request=ToRank, responses=RankedAnswer)
    def post(self, request: Request) -> Response:
        """The same products in this visitor's order. Those of which nothing is known keep about their place."""
        asked = ToRank(data=request.data)
        asked.is_valid(raise_exception=True)
        given = tuple(dict.fromkeys(asked.validated_data["products"]))
        with_scores = asked.validated_data["scores"]
        products, scores = given, dict[int, float]()
        with failing_open("Ranking for the API"):
            visit = self.visit(request, visits.without_basket)
            visit = visits.about(visit, query=asked.validated_data.get("query", ""))
            visit = replace(visit, listing=given)
            products = serve.reordered(visit)
            scores = serve.scores(visit) if with_scores else {}
        told = {"products": products}
        return Response({**told, "scores": [scores.get(key) for key in products]} if with_scores else told)


class Navigation(Endpoint):
    """The shop's menu."""

    @operation(operation_id="navigation", responses=NavigationAnswer)
    def get(self, request: Request) -> Response:
        """The visitor's own categories, best first, and the menu in their order, as far as the shop lets it move."""
        asked = request._request
        visit = visits.of_known(asked) and self.visit(request, visits.without_basket)
        own = serve.shortcuts(visit) if visit else []
        wanted = serve.wanted_categories(visit) if visit else {}
        top = {category.pk: category for category in catalogue.top_of_menu()}
        menu = [serialize_category(top[key], asked) for key in serve.in_menu_order(list(top), wanted)]
        return Response({"shortcuts": [serialize_shortcut(one, asked) for one in own], "menu": menu})


class Continue(Endpoint):
    """Where a visitor stopped."""

    @operation(operation_id="stoppedAt", parameters=[Amount], responses=SlateAnswer)
    def get(self, request: Request) -> Response:
        """One row that leads back there, with its links; none for a stranger, and where nothing was left."""
        asked = Amount(data=plain(request))
        asked.is_valid(raise_exception=True)
        shown, tokens = Slate("home"), list[str]()
        with failing_open("Reading the visit"):
            visit = self.visit(request)
            shown = serve.stopped_at(visit, size=asked.validated_data.get("limit"))
            tokens = serve.tokens(shown, visit)
        return Response(serialize_slate(shown, tokens, request._request, _includes(asked.validated_data)))


def plain(request: Request) -> dict[str, Any]:
    """The query's values without empty ones; what is named twice counts as it was last said, but `include`."""
    told = {name: value for name in request.query_params if (value := request.query_params[name])}
    return {**told, "include": [value for value in request.query_params.getlist("include") if value]}


@dataclass(frozen=True)
class Page:
    """A slate as JSON."""

    told: dict[str, Any]
    visit: Visit | None = None
    """Whose it is; None where that could not be read."""


def _page(view: Endpoint, request: Request, asked: dict[str, Any]) -> Page:
    """What it shows is noted, so that the next one in the same answer leaves it out."""
    about, include = about_of(asked), _includes(asked)
    with failing_open("Making a slate for the API"):
        visit = visits.about(view.visit(request), **about)
        shown = serve.serve(asked["surface"], visit, size=asked.get("limit"))
        visits.place(request._request, (item.product_id for row in shown.rows for item in row.items))
        return Page(serialize_slate(shown, serve.tokens(shown, visit), request._request, include), visit)
    return Page(serialize_slate(Slate(asked["surface"]), (), request._request, include))


def _includes(asked: dict[str, Any]) -> bool:
    return "product" in asked.get("include", ())


def about_of(asked: dict[str, Any]) -> dict[str, Any]:
    """The page in Oscar's own things. Problem 404 for what the shop does not show."""
    about: dict[str, Any] = {"query": asked.get("query", "")}
    if key := asked.get("product"):
        about["product"] = catalogue.shown(key)
        if about["product"] is None:
            raise unknown("product", key)
    if key := asked.get("category"):
        about["category"] = catalogue.categories([key]).get(key)
        if about["category"] is None:
            raise unknown("category", key)
    return about


def unknown(what: str, key: int | str) -> Problem:
    """Says that there is no such product, category or surface, or that it is not shown."""
    return Problem(404, f"unknown_{what}", _("The shop shows no %(what)s %(key)s.") % {"what": what, "key": key})


def _answer(request: Request, page: Page) -> Response:
    if page.visit is not None and is_of_anybody(request, page.visit):
        return generic(request, page.told, shared=not page.visit.country)
    return Response(page.told)
