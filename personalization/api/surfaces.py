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
from personalization.api.views_base import APIEndpoint, cacheable_response, is_anonymous_visit
from personalization.decide.slate import Slate
from personalization.decide.visit import Visit
from personalization.models.fail_open import fail_open
from personalization.oscar import visits
from personalization.shop import catalogue
from personalization.surfaces.navigation import MenuOrder

MAX_PRODUCTS = 40
"""In a row."""
MAX_REQUESTS = 10
MAX_TO_RANK = 500
MAX_QUERY_LENGTH = 256
MAX_KEY = 2**63 - 1
SURFACE_PARAMETER = OpenApiParameter("surface", str, OpenApiParameter.PATH, enum=serve.page_surfaces())
KEY_BOUNDS: dict[str, Any] = {"min_value": 1, "max_value": MAX_KEY}


class TextField(serializers.CharField):
    """A text, and not a number that could be written as one."""

    def to_internal_value(self, data: object) -> str:
        """REST framework's own, of a text."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class SwitchField(serializers.BooleanField):
    """True or false, and not a text or a number that could mean one."""

    def to_internal_value(self, data: object) -> bool:
        """What was sent."""
        if isinstance(data, bool):
            return data
        return self.fail("invalid", input=data)


class AmountRequest(serializers.Serializer):
    """How much of rows is told."""

    limit = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_PRODUCTS, help_text="So many products a row has at most."
    )
    include = serializers.ListField(
        child=serializers.ChoiceField(choices=["product"]),
        required=False,
        help_text="`product`: title, address, picture, price, availability.",
    )


class SurfaceRequest(AmountRequest):
    """The same, and what page the rows are for."""

    product = serializers.IntegerField(required=False, **KEY_BOUNDS, help_text="Whose page it is.")
    category = serializers.IntegerField(required=False, **KEY_BOUNDS, help_text="Whose page it is.")
    query = TextField(required=False, allow_blank=True, max_length=MAX_QUERY_LENGTH, help_text="What was searched for.")


class NamedSurfaceRequest(SurfaceRequest):
    """The same, of one surface of several."""

    surface = serializers.ChoiceField(choices=serve.page_surfaces())


class SlatesRequest(serializers.Serializer):
    """Several pages, or parts of one, in one round trip."""

    requests = serializers.ListField(child=NamedSurfaceRequest(), min_length=1, max_length=MAX_REQUESTS)


class SlatesAnswer(serializers.Serializer):
    """One slate for each, in their order; no product stands in two of them."""

    slates = SlateAnswer(many=True)


class RankRequest(serializers.Serializer):
    """Products that somebody else chose."""

    products = serializers.ListField(
        child=serializers.IntegerField(**KEY_BOUNDS),
        min_length=1,
        max_length=MAX_TO_RANK,
        help_text="Their keys, best first.",
    )
    query = TextField(required=False, allow_blank=True, max_length=MAX_QUERY_LENGTH, help_text="What was searched for.")
    scores = SwitchField(required=False, default=False)


class RankedAnswer(serializers.Serializer):
    """The same products in another order."""

    products = serializers.ListField(child=serializers.IntegerField())
    scores = serializers.ListField(
        child=serializers.FloatField(allow_null=True),
        required=False,
        help_text="One for each, comparable within the list; null for what the shop has not learned about. How far the "
        "order follows them is the shop's setting `RERANK_STRENGTH`.",
    )


class SurfaceEndpoint(APIEndpoint):
    """The rows of one surface."""

    @operation(operation_id="surface", parameters=[SURFACE_PARAMETER, SurfaceRequest], responses=SlateAnswer)
    def get(self, request: Request, surface: str) -> Response:
        """What this visitor is shown there, now."""
        if surface not in serve.page_surfaces():
            raise not_found("surface", surface)
        asked = SurfaceRequest(data=query_data(request))
        asked.is_valid(raise_exception=True)
        page = _slate_page(self, request, {**asked.validated_data, "surface": surface})
        return _page_response(self, request, page)


class RecommendationsEndpoint(APIEndpoint):
    """Several surfaces, or one for several pages."""

    @operation(operation_id="recommend", request=SlatesRequest, responses=SlatesAnswer)
    def post(self, request: Request) -> Response:
        """A slate for each request. No product stands in two of them: the first one has it."""
        asked = SlatesRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        pages = [_slate_page(self, request, one) for one in asked.validated_data["requests"]]
        return Response({"slates": [page.data for page in pages]})


class RankEndpoint(APIEndpoint):
    """An outside search engine's results."""

    @operation(operation_id="rank", request=RankRequest, responses=RankedAnswer)
    def post(self, request: Request) -> Response:
        """The same products in this visitor's order. Those of which nothing is known keep about their place."""
        asked = RankRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        given = tuple(dict.fromkeys(asked.validated_data["products"]))
        with_scores = asked.validated_data["scores"]
        products, scores = given, dict[int, float]()
        with fail_open("Ranking for the API"):
            visit = self.visit(request, visits.visit_without_basket)
            visit = visits.with_page_context(visit, query=asked.validated_data.get("query", ""))
            visit = replace(visit, candidate_products=given)
            products = serve.rerank(visit)
            scores = serve.rerank_scores(visit) if with_scores else {}
        told = {"products": products}
        return Response({**told, "scores": [scores.get(key) for key in products]} if with_scores else told)


class NavigationEndpoint(APIEndpoint):
    """The shop's menu."""

    @operation(operation_id="navigation", responses=NavigationAnswer)
    def get(self, request: Request) -> Response:
        """The visitor's own categories, best first, and the menu in their order, as far as the shop lets it move."""
        asked = request._request
        visit = visits.consented_visit(asked) and self.visit(request, visits.visit_without_basket)
        own = serve.menu_shortcuts(visit) if visit else []
        order = serve.menu_order(visit) if visit else MenuOrder()
        top = {category.pk: category for category in catalogue.top_menu_categories()}
        menu = [serialize_category(top[key], asked) for key in order.sort(list(top))]
        return Response({"shortcuts": [serialize_shortcut(one, asked) for one in own], "menu": menu})


class ContinueEndpoint(APIEndpoint):
    """Where a visitor stopped."""

    @operation(operation_id="stoppedAt", parameters=[AmountRequest], responses=SlateAnswer)
    def get(self, request: Request) -> Response:
        """One row that leads back there, with its links; none for a stranger, and where nothing was left."""
        asked = AmountRequest(data=query_data(request))
        asked.is_valid(raise_exception=True)
        shown, tokens = Slate("home"), list[str]()
        with fail_open("Reading the visit"):
            visit = self.visit(request)
            shown = serve.continue_shopping(visit, size=asked.validated_data.get("limit"))
            tokens = serve.slate_tokens(shown, visit)
        return Response(serialize_slate(shown, tokens, request._request, _wanted_parts(asked.validated_data)))


def query_data(request: Request) -> dict[str, Any]:
    """The query's values without empty ones; what is named twice counts as it was last said, but `include`."""
    told = {name: value for name in request.query_params if (value := request.query_params[name])}
    return {**told, "include": [value for value in request.query_params.getlist("include") if value]}


@dataclass(frozen=True)
class SlatePage:
    """A slate as JSON."""

    data: dict[str, Any]
    visit: Visit | None = None
    """Whose it is; None where that could not be read."""


def _slate_page(view: APIEndpoint, request: Request, asked: dict[str, Any]) -> SlatePage:
    """What it shows is noted, so that the next one in the same answer leaves it out."""
    about, include = page_context(asked), _wanted_parts(asked)
    with fail_open("Making a slate for the API"):
        visit = visits.with_page_context(view.visit(request), **about)
        shown = serve.serve_slate(asked["surface"], visit, size=asked.get("limit"))
        visits.mark_shown(request._request, (item.product_id for row in shown.rows for item in row.items))
        return SlatePage(serialize_slate(shown, serve.slate_tokens(shown, visit), request._request, include), visit)
    return SlatePage(serialize_slate(Slate(asked["surface"]), (), request._request, include))


def _wanted_parts(asked: dict[str, Any]) -> bool:
    return "product" in asked.get("include", ())


def page_context(asked: dict[str, Any]) -> dict[str, Any]:
    """The page in Oscar's own things. Problem 404 for what the shop does not show."""
    about: dict[str, Any] = {"query": asked.get("query", "")}
    if key := asked.get("product"):
        about["product"] = catalogue.public_product(key)
        if about["product"] is None:
            raise not_found("product", key)
    if key := asked.get("category"):
        about["category"] = catalogue.categories_by_id([key]).get(key)
        if about["category"] is None:
            raise not_found("category", key)
    return about


def not_found(what: str, key: int | str) -> Problem:
    """Says that there is no such product, category or surface, or that it is not shown."""
    return Problem(404, f"unknown_{what}", _("The shop shows no %(what)s %(key)s.") % {"what": what, "key": key})


def _page_response(view: APIEndpoint, request: Request, page: SlatePage) -> Response:
    if page.visit is not None and is_anonymous_visit(view.requester, page.visit):
        return cacheable_response(request, page.data, shared=not page.visit.country)
    return Response(page.data)
