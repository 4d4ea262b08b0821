"""Pages of the shop as a preview shows them, decided once more with a trace: what stands there, and how it came about.

Rows are decided by `serve`, as the page's tags do. A list is made by the page's own view, which is not rendered.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from urllib.parse import urlsplit

from django.http import Http404, HttpRequest
from django.urls import Resolver404, ResolverMatch, resolve
from django.utils import translation

from personalization import serve
from personalization.decide.active_snapshot import get_active_snapshot
from personalization.decide.audience import list_surface
from personalization.decide.explained_page import ExplainedList, ExplainedPage, ListedProduct
from personalization.decide.slate import Slate
from personalization.decide.trace import Trace
from personalization.decide.visit import Visit
from personalization.models.fail_open import fail_open
from personalization.oscar import visits
from personalization.oscar.previews import Preview, preview_request, trace_preview
from personalization.shop import catalogue

HOME_PAGE, PRODUCT_PAGE, BASKET_PAGE = "personalization:home", "catalogue:detail", "basket:summary"


def explain_page(request: HttpRequest, address: str, preview: Preview, customer: Any = None) -> ExplainedPage | None:
    """The page at this address as the preview shows it. Nothing is recorded.

    Parameters
    ----------
    request
        of the member of staff who asks, and has the permission for that.
    address
        the path and the query of a page of this shop.
    customer
        the preview's, where they have been read.

    Returns
    -------
    None when there is no such page, or none with rows or a list of ours.
    """
    with _language(preview, address), fail_open("Explaining a page", whole_page=True):
        parts = urlsplit(address)
        page_request = preview_request(
            request, preview, path=parts.path, query=parts.query, customer=customer, keeps_cookies=True
        )
        try:
            match = resolve(page_request.path_info, urlconf=getattr(request, "urlconf", None))
            page_request.resolver_match = match
            return _explain_view(page_request, match)
        except (Resolver404, Http404):
            return None
    return None


def _language(preview: Preview, address: str) -> AbstractContextManager[Any]:
    """The language that the page is in: the chosen one, or that of its address."""
    code = preview.language or translation.get_language_from_path(urlsplit(address).path)
    return translation.override(code) if code else nullcontext()


def _explain_view(request: HttpRequest, match: ResolverMatch) -> ExplainedPage | None:
    view_class = getattr(match.func, "view_class", None)
    if _is_list(view_class):
        return _explain_list(request, match, view_class)
    explain = {HOME_PAGE: _explain_home, PRODUCT_PAGE: _explain_product, BASKET_PAGE: _explain_basket}
    known: Callable[[HttpRequest, ResolverMatch], ExplainedPage | None] | None = explain.get(match.view_name)
    return known(request, match) if known else None


def _explain_home(request: HttpRequest, match: ResolverMatch) -> ExplainedPage:
    return _explain_rows("home", visits.visit_from_request(request))


def _explain_basket(request: HttpRequest, match: ResolverMatch) -> ExplainedPage:
    return _explain_rows("basket", visits.visit_from_request(request))


def _explain_product(request: HttpRequest, match: ResolverMatch) -> ExplainedPage | None:
    product = catalogue.find_product(int(match.kwargs["pk"]))
    if product is None:
        return None
    visits.mark_shown(request, visits.recently_viewed_ids(request))  # which Oscar shows on that page
    return _explain_rows("product", visits.with_page_context(visits.visit_from_request(request), product=product))


def _explain_rows(surface: str, visit: Visit) -> ExplainedPage:
    slate, trace = serve.explain_slate(surface, visit)
    return ExplainedPage(surface, visit, slate, trace, get_active_snapshot(), campaign_surfaces=(surface,))


def _is_list(view_class: Any) -> bool:
    """Whether a view shows a list that we put in order. A shop may do without Oscar's search."""
    with fail_open("Looking for the lists of a shop", queries=False):
        from personalization.oscar.listing_views import PersonalListMixin  # noqa: PLC0415

        return isinstance(view_class, type) and issubclass(view_class, PersonalListMixin)
    return False


def _explain_list(request: HttpRequest, match: ResolverMatch, view_class: Any) -> ExplainedPage | None:
    trace = trace_preview(request)
    view = view_class(**getattr(match.func, "view_initkwargs", {}))
    view.setup(request, *match.args, **match.kwargs)
    context = getattr(view.get(request, *match.args, **match.kwargs), "context_data", None)
    if context is None:  # it leads to another page
        return None
    category, query = getattr(view, "category", None), view._search_query()
    visit = visits.with_page_context(visits.visit_from_request(request), category=category, query=query)
    listing = _explained_list(view, context, trace)
    surface, rows = _rows_below(request, context, listing)
    slate, row_trace = serve.explain_slate(surface, visit) if rows else (Slate(surface), Trace())
    surfaces = tuple(dict.fromkeys([list_surface(visit), *([surface] if rows else [])]))
    return ExplainedPage(surface, visit, slate, row_trace, get_active_snapshot(), listing, surfaces)


def _rows_below(request: HttpRequest, context: dict[str, Any], listing: ExplainedList) -> tuple[str, bool]:
    """(the surface of the page's rows, whether it shows any): as its templates have it."""
    if context.get("query") and not listing.count:
        return "zero_results", True
    is_plain = context["page_obj"].number == 1 and not context.get("selected_facets")
    is_plain = is_plain and not request.GET.get("sort_by") and not request.GET.get("q")
    return "category", bool(context.get("category") and is_plain and visits.has_consent(request))


def _explained_list(view: Any, context: dict[str, Any], trace: Trace) -> ExplainedList:
    from personalization.oscar.reranked_results import RerankedResults, is_product  # noqa: PLC0415 - as above

    page, paginator = context["page_obj"], context["paginator"]
    first = max(page.start_index() - 1, 0)
    hits = [(position, hit) for position, hit in enumerate(page, first) if is_product(hit) and hit.object is not None]
    products = [ListedProduct(hit.object, position, view.placements.get(int(hit.pk))) for position, hit in hits]
    start, fetched = first, [one.product.pk for one in products]
    if isinstance(paginator.object_list, RerankedResults) and not paginator.object_list.failed:
        start, fetched = paginator.object_list.fetched_products()
    return ExplainedList(products, paginator.count, paginator.per_page, fetched, start, trace)
