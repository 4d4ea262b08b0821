"""{% load personalization_tags %}{% personalized "product" product=product %} shows the rows of a surface, and
{% personalization_beacon %}, once on every page, reports what is seen of them."""

from collections.abc import Callable, Collection
from typing import Any

from django import template
from django.http import HttpRequest
from django.template import Context
from django.template.base import FilterExpression, Parser, Token
from django.template.loader import get_template

from personalization.collect import feedback
from personalization.decide.slate import Row, Slate, SlateItem
from personalization.decide.visit import Visit
from personalization.models.fail_open import fail_open
from personalization.oscar import card_markup, visits
from personalization.privacy import consent, identity
from personalization.serve import serve_slate, slate_tokens
from personalization.shop import catalogue
from personalization.templatetags import personalization_navigation

register = template.Library()
register.tag("personal_categories", personalization_navigation.register.tags["personal_categories"])

PRODUCT_PAGE, SEARCH_PAGE = "catalogue:detail", "search:search"
QUERY_LETTERS = 256
HOME_VIEWS = "home"
"""The surface whose first row is seen at once."""
PRODUCT_CARD = "product"
"""The surface that is shown where the product says that it has sold out, or else at the end of its page."""
DECISIONS_ATTRIBUTE = "_personalization_kept"
DecidedSlate = tuple[Slate, Visit | None]
NO_SLATE: DecidedSlate = (Slate(PRODUCT_CARD), None)


@register.inclusion_tag("personalization/partials/slate.html", takes_context=True)
def personalized(context: Context, surface: str, **about: Any) -> dict[str, Any]:
    """The rows of a surface for whoever looks at the page; none where the page has no request, or no strategy on it.

    What the page is `about`: its product, category, query or order, by these names.
    """
    kept = (
        _kept_decisions(context).pop(about["product"].pk, None)
        if surface == PRODUCT_CARD and about.get("product")
        else None
    )
    return _render_slate(context, *(kept or _decide_slate(context, surface, about)))


@register.simple_tag(takes_context=True)
def prefetch_personalized(context: Context, product: Any) -> str:
    """Prints nothing: decides the rows of a product's page before Oscar prints it, and spares Oscar the queries for
    what was read of the product with the others."""
    slate, visit = _decide_slate(context, PRODUCT_CARD, {"product": product})
    if slate.subject_product is not None:
        with fail_open("Sparing Oscar queries"):
            catalogue.reuse_prefetched(product, slate.subject_product)
    _kept_decisions(context)[product.pk] = slate, visit
    return ""


@register.inclusion_tag("personalization/partials/slate.html", takes_context=True)
def personalized_if_sold_out(context: Context, product: Any) -> dict[str, Any]:
    """The rows that were decided ahead, where the product cannot be bought. Else nothing: they stand at the end of the
    page, where `personalized` prints what was not printed here."""
    slate, visit = _kept_decisions(context).get(product.pk, NO_SLATE)
    if not slate.subject_is_unavailable:
        return {}
    _kept_decisions(context)[product.pk] = NO_SLATE
    return _render_slate(context, slate, visit)


def _kept_decisions(context: Context) -> dict[Any, DecidedSlate]:
    """What was decided ahead for this page and is not printed yet, by the key of the product that it is about."""
    return context["request"].__dict__.setdefault(DECISIONS_ATTRIBUTE, {}) if "request" in context else {}


def _decide_slate(context: Context, surface: str, about: dict[str, Any]) -> DecidedSlate:
    visit = _page_visit(context, visits.visit_from_request, about) or _page_visit(
        context, visits.anonymous_visit, about
    )
    slate = serve_slate(surface, visit) if visit else Slate(surface)
    if slate.rows:
        visits.mark_shown(context["request"], (item.product_id for row in slate.rows for item in row.items))
    return slate, visit


def _render_slate(context: Context, slate: Slate, visit: Visit | None) -> dict[str, Any]:
    return {
        **context.flatten(),
        "slate": slate,
        "shown": _shown_slate(slate, visit),
        "cards": _render_cards(slate, context),
    }


def _render_cards(slate: Slate, context: Context) -> card_markup.CardRenderer | None:
    """What prints the cards of a slate, with what the page has for their forms: its token, and where to come back to.
    None where a shop has a card of its own, which finds the pictures of all of them looked up."""
    products = [item.product for row in slate.rows for item in row.items]
    if not products:
        return None
    if card_markup.shop_overrides_card():
        catalogue.attach_images(products)
        return None
    back = context["request"].get_full_path() if "request" in context else ""
    return card_markup.CardRenderer(products, str(context.get("csrf_token", "")), back)


@register.inclusion_tag("personalization/partials/nothing_found_searches.html")
def alternative_searches(query: str, *, filters: Collection[str] = (), exclude: str | None = None) -> dict[str, Any]:
    """How a search that found nothing can go on: without the `filters` that were set, or with queries that find
    something; `exclude` is the one that the page names already."""
    with fail_open("Looking for other searches"):
        from personalization.oscar import search_engine  # noqa: PLC0415 - a shop may do without Oscar's search

        found = search_engine.recover_search(query, filtered=bool(filters))
        others = [other for other in found.queries if other != exclude]
        return {"query": query[:QUERY_LETTERS], "unfiltered": found.unfiltered, "queries": others}
    return {}


def _page_visit(context: Context, read: Callable[[HttpRequest], Visit], about: dict[str, Any]) -> Visit | None:
    with fail_open("Reading the visit"):
        request = context["request"]
        if "product" in about:
            visits.mark_shown(request, visits.recently_viewed_ids(request))
        return visits.with_page_context(read(request), **about)
    return None


def _shown_slate(slate: Slate, visit: Visit | None) -> list[tuple[Row, str]]:
    """Each row with its token."""
    return list(zip(slate.rows, slate_tokens(slate, visit), strict=True))


class CardNode(template.Node):
    """Prints the card of an item; nothing, and a line in the log, where that fails."""

    def __init__(self, item: FilterExpression) -> None:
        self.item = item

    def render(self, context: Context) -> str:
        with fail_open("Printing a card", queries=False):
            return _card(self.item.resolve(context), context)
        return ""


@register.tag
def card(parser: Parser, token: Token) -> CardNode:
    """{% card item %} prints a small card of a product of a row."""
    _, item = token.split_contents()
    return CardNode(parser.compile_filter(item))


def _card(item: SlateItem, context: Context) -> str:
    later = context["slate"].surface != HOME_VIEWS or context["number"] != 1
    return context["cards"].render(item.product, item.info, later=later)


@register.filter
def feedback_token(key: int | str, kind: str) -> str:
    """What a button posts to `personalization:feedback` to send away a "product", a "category" or a row ("reason")."""
    return feedback.sign_feedback(kind, key)


@register.simple_tag(takes_context=True)
def personalization_beacon(context: Context) -> str:
    """The scripts that report what is seen on this page, if this visitor agreed to that; else nothing."""
    request = context.get("request")
    if request is None or not identity.may_be_tracked(request):
        return ""
    with fail_open("Printing the beacon", queries=False):
        if consent.tracking_allowed(request, identity.get_visitor(request)):
            return get_template("personalization/partials/beacon.html").render(_page_context(context, request))
    return ""


def _page_context(context: Context, request: HttpRequest) -> dict[str, Any]:
    """What this page is: of a product (a child's page is its parent's), of a search, or neither."""
    name = request.resolver_match.view_name if request.resolver_match else ""
    if name == PRODUCT_PAGE and (product := context.get("product")):
        return {"product": product.parent_id or product.pk}
    if name == SEARCH_PAGE and request.GET.get("page", "1") == "1":
        return {"search": str(context.get("query") or "").strip()[:QUERY_LETTERS]}
    return {}
