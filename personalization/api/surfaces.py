"""What to show: the rows of one or several surfaces, reranked search results, the menu, and where to continue."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from personalization import report_tokens, serve
from personalization.api.exceptions import Problem
from personalization.api.openapi import operation
from personalization.api.serializers import (
    EXPOSURE_HELP,
    NavigationAnswer,
    PlacementAnswer,
    SlateAnswer,
    serialize_category,
    serialize_placement,
    serialize_shortcut,
    serialize_slate,
)
from personalization.api.views_base import APIEndpoint, cacheable_response, is_anonymous_visit
from personalization.decide.merchandising import Resolution
from personalization.decide.product_lookup import ProductLookup
from personalization.decide.reranking import RerankBasis
from personalization.decide.slate import PlacedBy, Slate
from personalization.decide.visit import Visit
from personalization.models.fail_open import fail_open
from personalization.oscar import visits
from personalization.shop import catalogue
from personalization.surfaces.navigation import MenuOrder

MAX_PRODUCTS = 40
"""The largest size of a row."""
MAX_REQUESTS = 10
MAX_TO_RANK = 500
DEFAULT_PLACES = 20
"""Campaigns may place products among so many where a client does not say how many its page shows."""
MAX_SOLD_OUT_ROUNDS = 3
MAX_QUERY_LENGTH = 256
MAX_KEY = 2**63 - 1
SURFACE_PARAMETER = OpenApiParameter("surface", str, OpenApiParameter.PATH, enum=serve.page_surfaces())
KEY_BOUNDS: dict[str, Any] = {"min_value": 1, "max_value": MAX_KEY}


class TextField(serializers.CharField):
    """A string; REST framework's own field also takes numbers."""

    def to_internal_value(self, data: object) -> str:
        """The string. ValidationError for anything else."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class SwitchField(serializers.BooleanField):
    """True or false; REST framework's own field also takes strings and numbers that could mean one."""

    def to_internal_value(self, data: object) -> bool:
        """The value. ValidationError for anything else."""
        if isinstance(data, bool):
            return data
        return self.fail("invalid", input=data)


class AmountRequest(serializers.Serializer):
    """How much of each row is returned."""

    limit = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_PRODUCTS, help_text="The maximum number of products in a row."
    )
    include = serializers.ListField(
        child=serializers.ChoiceField(choices=["product"]),
        required=False,
        help_text="`product`: title, URL, image, price, availability.",
    )


class SurfaceRequest(AmountRequest):
    """And which page the rows are for."""

    product = serializers.IntegerField(required=False, **KEY_BOUNDS, help_text="The primary key, on its page.")
    category = serializers.IntegerField(required=False, **KEY_BOUNDS, help_text="The primary key, on its page.")
    query = TextField(required=False, allow_blank=True, max_length=MAX_QUERY_LENGTH, help_text="The search query.")


class NamedSurfaceRequest(SurfaceRequest):
    """And which surface, in a request for several."""

    surface = serializers.ChoiceField(choices=serve.page_surfaces())


class SlatesRequest(serializers.Serializer):
    """Several pages, or parts of one, in one request."""

    requests = serializers.ListField(child=NamedSurfaceRequest(), min_length=1, max_length=MAX_REQUESTS)


class SlatesAnswer(serializers.Serializer):
    """One slate for each request, in the same order; no product is in two of them."""

    slates = SlateAnswer(many=True)


class RankRequest(serializers.Serializer):
    """The results of another search engine."""

    products = serializers.ListField(
        child=serializers.IntegerField(**KEY_BOUNDS),
        min_length=1,
        max_length=MAX_TO_RANK,
        help_text="Primary keys, best first.",
    )
    query = TextField(required=False, allow_blank=True, max_length=MAX_QUERY_LENGTH, help_text="The search query.")
    scores = SwitchField(required=False, default=False)
    start = serializers.IntegerField(
        required=False,
        default=0,
        min_value=0,
        max_value=MAX_TO_RANK,
        help_text="The first product that the page shows.",
    )
    limit = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_TO_RANK, help_text="How many the page shows: a `token` for them."
    )


class PlacedProductAnswer(PlacementAnswer):
    """A product that the shop itself put in its place."""

    id = serializers.IntegerField()


class RankedAnswer(serializers.Serializer):
    """The products in the visitor's order."""

    products = serializers.ListField(child=serializers.IntegerField())
    placements = PlacedProductAnswer(many=True, help_text="Those that the shop itself put in their places.")
    scores = serializers.ListField(
        child=serializers.FloatField(allow_null=True),
        required=False,
        help_text="One for each product, comparable within the list; null for products unknown to the snapshot. "
        "The shop's setting `RERANK_STRENGTH` says how far the order follows them.",
    )
    token = serializers.CharField(
        required=False,
        allow_blank=True,
        help_text="With a `limit`: sent to `events/` with what is reported of them; empty without consent.",
    )
    exposure = serializers.CharField(allow_blank=True, help_text=EXPOSURE_HELP)


class SurfaceEndpoint(APIEndpoint):
    """The rows of one surface."""

    @operation(operation_id="surface", parameters=[SURFACE_PARAMETER, SurfaceRequest], responses=SlateAnswer)
    def get(self, request: Request, surface: str) -> Response:
        """What this visitor is shown there."""
        if surface not in serve.page_surfaces():
            raise not_found("surface", surface)
        serializer = SurfaceRequest(data=query_data(request))
        serializer.is_valid(raise_exception=True)
        page = _slate_page(self, request, {**serializer.validated_data, "surface": surface})
        return _page_response(self, request, page)


class RecommendationsEndpoint(APIEndpoint):
    """Several surfaces, or one for several pages."""

    @operation(operation_id="recommend", request=SlatesRequest, responses=SlatesAnswer)
    def post(self, request: Request) -> Response:
        """A slate for each request. No product is in two of them: the first one has it."""
        serializer = SlatesRequest(data=request.data)
        serializer.is_valid(raise_exception=True)
        pages = [_slate_page(self, request, one) for one in serializer.validated_data["requests"]]
        return Response({"slates": [page.data for page in pages]})


class RankEndpoint(APIEndpoint):
    """Reranks the results of another search engine."""

    @operation(operation_id="rank", request=RankRequest, responses=RankedAnswer)
    def post(self, request: Request) -> Response:
        """The products sorted for this visitor. Those unknown to the snapshot keep about their place."""
        serializer = RankRequest(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = serializer.validated_data
        products = candidates = tuple(dict.fromkeys(values["products"]))
        scores, token, exposure = dict[int, float](), "", ""
        placements: Mapping[int, PlacedBy] = {}
        with fail_open("Ranking for the API", whole_page=True):
            visit = self.visit(request, visits.visit_without_basket)
            visit = visits.with_page_context(visit, query=values.get("query", ""))
            visit = replace(visit, candidate_products=candidates)
            ranked = _merchandised(visit, serve.rerank(visit), values)
            products, placements = ranked.order, ranked.placements
            scores = serve.rerank_scores(visit) if values["scores"] else {}
            token = _page_token(visit, ranked, values) if "limit" in values else ""
            exposure = visits.exposure_token(visit)
        data: dict[str, Any] = {
            "products": products,
            "placements": [
                {"id": key, **placement} for key in products if (placement := serialize_placement(placements.get(key)))
            ],
            "exposure": exposure,
        }
        if values["scores"]:
            data["scores"] = [scores.get(key) for key in products]
        if "limit" in values:
            data["token"] = token
        return Response(data)


def _merchandised(visit: Visit, products: tuple[int, ...], values: dict[str, Any]) -> Resolution:
    """The products after what campaigns do. Only where they placed any it is asked whether those can be bought."""
    places, sold_out = values.get("limit", DEFAULT_PLACES), frozenset[int]()
    ranked = serve.merchandise_list(visit, products, places=places)
    for _round in range(MAX_SOLD_OUT_ROUNDS):
        unknown = ranked.placements.keys() - sold_out
        if not unknown:
            break
        offers = ProductLookup(look_up=catalogue.products_for_availability).sellable(set(unknown), visit.strategy)
        if unknown <= offers.keys():
            break
        sold_out |= unknown - offers.keys()
        ranked = serve.merchandise_list(visit, products, places=places, sold_out=sold_out)
    return ranked


def _page_token(visit: Visit, ranked: Resolution, values: dict[str, Any]) -> str:
    """The token of the products that a page shows of a reranked list."""
    start, products = values["start"], ranked.order
    shown, basis = products[start : start + values["limit"]], serve.rerank_basis(visit)
    reasons = [basis.reason_code] * len(shown) if basis else ()
    placed = ranked.placements
    return report_tokens.list_token(visit, "search", "results", shown, reasons=reasons, placements=placed, start=start)


class NavigationEndpoint(APIEndpoint):
    """The shop's menu, and the visitor's shortcuts in it."""

    @operation(operation_id="navigation", responses=NavigationAnswer)
    def get(self, request: Request) -> Response:
        """The visitor's own categories, best first, and the menu sorted for them as far as the settings allow."""
        browser = request._request
        visit = visits.consented_visit(browser) and self.visit(request, visits.visit_without_basket)
        shortcuts = serve.menu_shortcuts(visit) if visit else []
        order = MenuOrder()
        with fail_open("The order of the menu", queries=False):
            order = serve.menu_order(visit or visits.anonymous_visit(browser))
        top = {category.pk: category for category in catalogue.top_menu_categories()}
        sorted_keys = order.sort(list(top))
        reasons = [RerankBasis.PERSONAL.reason_code] * len(sorted_keys) if order.is_personal else []
        return Response(
            {
                "shortcuts": [serialize_shortcut(shortcut, browser) for shortcut in shortcuts],
                "menu": [serialize_category(top[key], browser) for key in sorted_keys],
                "shortcuts_token": _menu_token(
                    visit, "shortcuts", [one.key for one in shortcuts], [one.reason.code for one in shortcuts]
                ),
                "menu_token": _menu_token(visit, "menu", sorted_keys, reasons),
                "exposure": visits.exposure_token(visit),
            }
        )


def _menu_token(visit: Visit | None, row: str, categories: list[int], reasons: list[str]) -> str:
    return report_tokens.list_token(visit, "navigation", row, categories, reasons=reasons, item_kind="category")


class ContinueEndpoint(APIEndpoint):
    """What the visitor left unfinished."""

    @operation(operation_id="continueShopping", parameters=[AmountRequest], responses=SlateAnswer)
    def get(self, request: Request) -> Response:
        """One row with links back to it; no row for an unknown visitor, and where nothing was left unfinished."""
        serializer = AmountRequest(data=query_data(request))
        serializer.is_valid(raise_exception=True)
        shown, tokens, exposure = Slate("home"), list[str](), ""
        with fail_open("Reading the visit"):
            visit = self.visit(request)
            shown = serve.continue_shopping(visit, size=serializer.validated_data.get("limit"))
            tokens, exposure = report_tokens.slate_tokens(shown, visit), visits.exposure_token(visit)
        include = _includes_products(serializer.validated_data)
        return Response(serialize_slate(shown, tokens, request._request, include, exposure))


def query_data(request: Request) -> dict[str, Any]:
    """The parameters of the query without empty ones; of a repeated one the last counts, of `include` all."""
    values = {name: value for name in request.query_params if (value := request.query_params[name])}
    return {**values, "include": [value for value in request.query_params.getlist("include") if value]}


@dataclass(frozen=True)
class SlatePage:
    """A slate as JSON."""

    data: dict[str, Any]
    visit: Visit | None = None
    """The visit that it was made for; None where that could not be read."""


def _slate_page(view: APIEndpoint, request: Request, values: dict[str, Any]) -> SlatePage:
    """Marks what it shows, so that the next slate in the same response leaves it out."""
    context, include = page_context(values), _includes_products(values)
    with fail_open("Making a slate for the API", whole_page=True):
        visit = visits.with_page_context(view.visit(request), **context)
        shown = serve.serve_slate(values["surface"], visit, size=values.get("limit"))
        visits.mark_shown(request._request, (item.product_id for row in shown.rows for item in row.items))
        tokens, exposure = report_tokens.slate_tokens(shown, visit), visits.exposure_token(visit)
        return SlatePage(serialize_slate(shown, tokens, request._request, include, exposure), visit)
    return SlatePage(serialize_slate(Slate(values["surface"]), (), request._request, include))


def _includes_products(values: dict[str, Any]) -> bool:
    return "product" in values.get("include", ())


def page_context(values: dict[str, Any]) -> dict[str, Any]:
    """The objects of the page, for `visits.with_page_context`. Problem 404 for what the shop does not show."""
    context: dict[str, Any] = {"query": values.get("query", "")}
    if key := values.get("product"):
        context["product"] = catalogue.public_product(key)
        if context["product"] is None:
            raise not_found("product", key)
    if key := values.get("category"):
        context["category"] = catalogue.categories_by_id([key]).get(key)
        if context["category"] is None:
            raise not_found("category", key)
    return context


def not_found(what: str, key: int | str) -> Problem:
    """The problem that there is no such product, category or surface, or that the shop does not show it."""
    return Problem(404, f"unknown_{what}", _("The shop shows no %(what)s %(key)s.") % {"what": what, "key": key})


def _page_response(view: APIEndpoint, request: Request, page: SlatePage) -> Response:
    if page.visit is not None and is_anonymous_visit(view.requester, page.visit):
        return cacheable_response(request, page.data, shared=not page.visit.country)
    return Response(page.data)
