"""Search results, catalogue and category pages in the visitor's order."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control
from haystack import connections
from haystack.models import SearchResult
from haystack.query import EmptySearchQuerySet, SearchQuerySet, ValuesListSearchQuerySet
from oscar.apps.search.search_indexes import ProductIndex
from oscar.core.loading import get_model

from personalization import conf, serve
from personalization.decide.reranking import RerankBasis
from personalization.models.fail_open import fail_open
from personalization.oscar import visits
from personalization.oscar.list_slates import ListSlate, list_slate
from personalization.oscar.private_pages import PrivatePageMixin
from personalization.privacy import consent, identity, sort_preference
from personalization.shop import catalogue

Product = get_model("catalogue", "Product")

UNSORTED = ("", "relevancy")
"""What the form of Oscar's pages says when nobody chose how to sort."""

ReorderedSearchMixin = Callable[[tuple[int, ...]], Sequence[int]]
"""Puts the keys of products in order."""


@dataclass(frozen=True)
class ListReranking:
    """In which order a page stands, for its chip to say."""

    enabled: bool
    """Whether it is ours; the visitor may have switched that off."""
    is_search: bool
    """Whether the page shows what was found for some words."""
    get_basis: Callable[[], RerankBasis]
    """Asked when the page is made, at the earliest: by then it has read of the visitor what it reads anyway."""

    @property
    def basis(self) -> RerankBasis:
        """What it is, or would be, made from."""
        return self.get_basis()

    @property
    def personal(self) -> bool:
        """Whether something that is known of the visitor takes part in it."""
        return self.basis == RerankBasis.PERSONAL


class PersonalListMixin(PrivatePageMixin):
    """Mixed into Oscar's listing views, in front of them.

    1. `paginate_queryset`: the first hits of the engine in the visitor's order, and the page's products in one go
    2. `get_context_data`: `personal_order`, from which the page makes its chip
    3. `render_to_response`: what depends on the visitor stays out of shared caches

    The engine's hits, their number and its facets stay what they are. Whatever fails, Oscar's own page is served.
    """

    request: HttpRequest
    kwargs: dict[str, Any]
    page_kwarg: str
    list_reranking: ListReranking | None = None

    def paginate_queryset(self, queryset: Any, page_size: int) -> tuple:
        """Oscar's own, of a listing in the visitor's order."""
        window, self.list_reranking = conf.get_settings().RERANK_WINDOW, None
        listing = self._listing(queryset, page_size, window)
        paginator, page, *rest = super().paginate_queryset(listing, page_size)  # type: ignore[misc]
        if not 1 <= page.start_index() <= window or paginator.count < 2 or getattr(listing, "failed", True):
            self.list_reranking = None
        with fail_open("Noting what stands on a page", queries=False):
            visits.mark_shown(self.request, [int(result.pk) for result in page if _is_product(result)])
        return paginator, page, *rest

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Oscar's own, the order of the page, and what is reported of it, which is made when it is printed."""
        context = super().get_context_data(**kwargs)  # type: ignore[misc]
        return {**context, "personal_order": self.list_reranking, "list_slate": partial(self._list_slate, context)}

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        """Oscar's own, for nobody else where it depends on who looks at it."""
        response = super().render_to_response(context, **kwargs)  # type: ignore[misc]
        order = self.list_reranking
        nothing_found = "paginator" in context and not context["paginator"].count  # the page shows rows instead
        if nothing_found or (order is not None and (not order.enabled or order.personal)):
            identity.set_private_cache_headers(self.request, response)
        elif order is not None and order.basis == RerankBasis.CONTEXTUAL:
            patch_cache_control(response, private=True)
        return response

    def _list_slate(self, context: dict[str, Any]) -> ListSlate | None:
        """What is reported of the page's products, in whatever order they stand."""
        with fail_open("Signing a list", queries=False):
            if visits.tracked_visit(self.request) is None:  # the addresses would cost strangers' pages, too
                return None
            page, category = context["page_obj"], getattr(self, "category", None)
            products = [result.object for result in page if _is_product(result) and result.object is not None]
            items = [(product.pk, product.get_absolute_url()) for product in products]
            row = "results" if category is None else f"results:{category.pk}"
            order = self.list_reranking
            reasons = [f"{order.basis.name.lower()}_order"] * len(items) if order and order.enabled else ()
            surface, start = "search" if self._words() else "category", page.start_index() - 1
            return list_slate(self.request, surface, row, items, reasons=reasons, start=start)
        return None

    def _listing(self, found: Any, page_size: int, window: int) -> Any:
        """What the engine found, with our order and our look-up of products; itself where neither is wanted."""
        if not conf.get_settings().RERANK_STRENGTH or not _comes_from_the_engine(found):
            return found
        begin, in_order = self._begin(page_size), None
        if begin < window and not self._sorted(found):
            with fail_open("Looking whether a list is to be put in order", queries=False):
                in_order = None if self._switched_off() else self._reordered
        return RerankedResults(found, begin, page_size, window, in_order)

    def _begin(self, page_size: int) -> int:
        """How many hits stand before the page; 0 where that cannot be told yet."""
        number = str(self.kwargs.get(self.page_kwarg) or self.request.GET.get(self.page_kwarg) or 1)
        return max(int(number) - 1, 0) * page_size if number.isascii() and number.isdigit() and len(number) < 10 else 0

    def _sorted(self, found: SearchQuerySet) -> bool:
        """Whether somebody chose by what the list is sorted."""
        return bool(found.query.order_by) or self.request.GET.get("sort_by", "") not in UNSORTED

    def _switched_off(self) -> bool:
        if not sort_preference.personal_sort_disabled(self.request):
            return False
        self.list_reranking = ListReranking(False, bool(self._words()), lambda: _likely_basis(self.request))
        return True

    def _words(self) -> str:
        return self.request.GET.get("q", "").strip()

    def _reordered(self, keys: tuple[int, ...]) -> Sequence[int]:
        """These products in the visitor's order; as they are before anything was learned."""
        visit = visits.visit_without_basket(self.request)
        visit = visits.with_page_context(visit, category=getattr(self, "category", None), query=self._words())
        visit = replace(visit, candidate_products=keys)
        basis = serve.rerank_basis(visit)
        if basis is None:
            return keys
        self.list_reranking = ListReranking(True, bool(visit.query), lambda: basis)
        return serve.rerank(visit)


class RerankedResults:
    """What the engine found, as a paginator takes it: a page is a slice of it.

    One question to the engine answers how many hits there are, what their facets are, and which stand on the page.
    """

    def __init__(
        self, found: SearchQuerySet, begin: int, page_size: int, window: int, in_order: ReorderedSearchMixin | None
    ):
        self.found = found
        self.page_size = page_size
        self.window = window if in_order else 0
        self.in_order = in_order
        self.failed = False
        """Whether the engine's own order is shown because ours could not be had."""
        self._begin = begin
        self._asked, self._hits, self._in_order = range(0), list[SearchResult](), False

    def __len__(self) -> int:
        return self.count()

    def count(self) -> int:
        """How many hits there are."""
        with fail_open("Asking the search engine for a list", queries=False):
            self._ask(self._begin, self._begin + self.page_size)
            return len(self.found)
        self.failed, self.window = True, 0
        return len(self.found)

    def __getitem__(self, page: slice) -> list[SearchResult]:
        """The hits of a page with their products; without those whose products are gone or hidden."""
        with fail_open("Looking up a page of a list"):
            self._ask(page.start, page.stop)
            self._put_in_order()
            return _with_objects(self._hits[page.start - self._asked.start : page.stop - self._asked.start], self.found)
        self.failed = True
        return self.found[page]

    def _ask(self, start: int, stop: int) -> None:
        """Has these hits. A page behind the window is asked for by itself, else all from the first one on: Whoosh
        answers wrongly unless what is asked for begins at a multiple of its length."""
        if self._asked.start <= start and stop <= self._asked.stop:
            return
        asked = (
            range(max(stop, self.window)) if start < self.window else range(start, max(stop, start + self.page_size))
        )
        query = self.found.all().query
        query.set_limits(asked.start, asked.stop)
        self._hits, self._in_order = query.get_results(), False
        self._asked, self.found.query = asked, query  # it knows the number of hits and the facets now

    def _put_in_order(self) -> None:
        if self.in_order is None or self._in_order or self._asked.start >= self.window:
            return
        self._in_order = True
        with fail_open("The visitor's order of a list", queries=False):
            self._hits[: self.window] = _reordered(self._hits[: self.window], self.in_order)
            return
        self.failed = True


def _likely_basis(request: HttpRequest) -> RerankBasis:
    """What our order would be made from, as far as it can be told without making it."""
    with fail_open("Looking whether somebody is known", queries=False):
        visitor = identity.get_visitor(request)
        if visitor is not None and consent.tracking_allowed(request, visitor) and visitor.genome().products:
            return RerankBasis.PERSONAL
    return RerankBasis.POPULAR


def _comes_from_the_engine(found: Any) -> bool:
    return isinstance(found, SearchQuerySet) and not isinstance(found, EmptySearchQuerySet | ValuesListSearchQuerySet)


def _is_product(hit: Any) -> bool:
    model = Product._meta
    return isinstance(hit, SearchResult) and (hit.app_label, hit.model_name) == (model.app_label, model.model_name)


def _reordered(hits: list[SearchResult], in_order: ReorderedSearchMixin) -> list[SearchResult]:
    """The products among these hits in order; what else a shop's engine finds stays where it is."""
    products = [hit for hit in hits if _is_product(hit)]
    place = {key: place for place, key in enumerate(in_order(tuple(int(hit.pk) for hit in products)))}
    ordered = iter(sorted(products, key=lambda hit: place[int(hit.pk)]))
    return [next(ordered) if _is_product(hit) else hit for hit in hits]


def _with_objects(hits: Iterable[SearchResult], found: SearchQuerySet) -> list[SearchResult]:
    """Those of these hits that are in the database, each with its object, looked up together."""
    keys: dict[type[Model], list[Any]] = {}
    for hit in hits:
        keys.setdefault(hit.model, []).append(hit.pk)
    objects = {model: _objects(model, wanted, found) for model, wanted in keys.items()}
    shown = []
    for hit in hits:
        there = objects[hit.model].get(hit.model._meta.pk.to_python(hit.pk))
        if there is not None:
            hit.object = there
            shown.append(hit)
    return shown


def _objects(model: type[Model], keys: list[Any], found: SearchQuerySet) -> dict[Any, Any]:
    """The objects of these keys: as Haystack loads them all, but products leaner, where the shop leaves it to Oscar
    which of them are shown."""
    index = type(connections[found.query._using].get_unified_index().get_index(model))
    plain = type(found)._load_model_objects is SearchQuerySet._load_model_objects
    if model is Product and plain and index.read_queryset is ProductIndex.read_queryset:
        return catalogue.products_with_stock(keys)
    return found._load_model_objects(model, keys)
