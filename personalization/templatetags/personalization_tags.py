"""{% load personalization_tags %}{% personalized "home" %} and, once on every page, {% personalization_beacon %}"""

from collections.abc import Callable
from typing import Any

from django import template
from django.http import HttpRequest
from django.template import Context
from django.template.loader import get_template

from personalization import conf
from personalization.collect import consent, feedback, slates, visitors
from personalization.decide.slate import Row, Slate
from personalization.decide.visit import Visit
from personalization.models.savepoints import failing_open
from personalization.oscar.visits import from_request, strangers
from personalization.serve import serve

register = template.Library()

PRODUCT_PAGE, SEARCH_PAGE = "catalogue:detail", "search:search"
QUERY_LETTERS = 256


@register.inclusion_tag("personalization/partials/slate.html", takes_context=True)
def personalized(context: Context, surface: str) -> dict[str, Any]:
    """The rows of a surface for whoever looks at the page; none where the page has no request, or no strategy on it."""
    visit = _visit(context, from_request) or _visit(context, strangers)
    slate = serve(surface, visit) if visit else Slate(surface)
    return {**context.flatten(), "slate": slate, "shown": _shown(slate, visit)}


def _visit(context: Context, read: Callable[[HttpRequest], Visit]) -> Visit | None:
    with failing_open("Reading the visit"):
        return read(context["request"])
    return None


def _shown(slate: Slate, visit: Visit | None) -> list[tuple[Row, str]]:
    """Each row with its token, which is empty for a visitor who is not reported."""
    if visit is None or not visit.reported:
        return [(row, "") for row in slate.rows]
    return [(row, _token(slate, row, visit)) for row in slate.rows]


def _token(slate: Slate, row: Row, visit: Visit) -> str:
    products = tuple(item.product_id for item in row.items)
    reasons = tuple(item.reason.code for item in row.items)
    shown = slates.Shown(slate.surface, row.key, slate.snapshot, products, reasons, visit.now)
    return slates.signed(shown, visit.visitor)


@register.filter
def wish(key: int | str, kind: str) -> str:
    """What a button posts to `personalization:feedback` to send away a "product", a "category" or a row ("reason")."""
    return feedback.signed(kind, key)


@register.simple_tag(takes_context=True)
def personalization_beacon(context: Context) -> str:
    """The scripts that report what is seen on this page, if this visitor agreed to that; else nothing."""
    request = context.get("request")
    if request is None or _nobody_answered(request):
        return ""
    with failing_open("Printing the beacon", queries=False):
        if consent.allowed(request, visitors.of(request)):
            return get_template("personalization/partials/beacon.html").render(_page(context, request))
    return ""


def _nobody_answered(request: HttpRequest) -> bool:
    """Most pages of a shop are for such visitors: these do not cost them a query, nor a savepoint."""
    answered = {consent.COOKIE, visitors.COOKIE} & request.COOKIES.keys()
    return not (answered or conf.current().consent or consent.signed_in(request))


def _page(context: Context, request: HttpRequest) -> dict[str, Any]:
    """What this page is: of a product (a child's page is its parent's), of a search, or neither."""
    name = request.resolver_match.view_name if request.resolver_match else ""
    if name == PRODUCT_PAGE and (product := context.get("product")):
        return {"product": product.parent_id or product.pk}
    if name == SEARCH_PAGE and request.GET.get("page", "1") == "1":
        return {"search": str(context.get("query") or "").strip()[:QUERY_LETTERS]}
    return {}
