"""Reranks search results, the catalogue and category pages for each visitor."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control
from django.utils.translation import pgettext
from haystack.query import EmptySearchQuerySet, SearchQuerySet, ValuesListSearchQuerySet
from oscar.core.loading import get_class, get_model

from personalization import conf, serve
from personalization.decide.audience import list_surface_name
from personalization.decide.reasons import placement_label
from personalization.decide.reranking import RerankBasis
from personalization.decide.slate import PlacedBy
from personalization.decide.visit import Visit
from personalization.merchandising.search_rules import SearchRules
from personalization.models.fail_open import fail_open
from personalization.oscar import search_engine, visits
from personalization.oscar.list_slates import ListSlate, list_slate
from personalization.oscar.private_pages import PrivatePageMixin
from personalization.oscar.purchase_notes import purchase_notes
from personalization.oscar.reranked_results import ListCampaigns, ListOrder, RerankedResults, is_product
from personalization.oscar.search_engine import filter_for_campaigns
from personalization.oscar.search_redirects import search_redirect
from personalization.oscar.usual_variants import size_notes
from personalization.privacy import consent, sort_preference
from personalization.privacy.private_responses import set_private_cache_headers
from personalization.privacy.requester import is_shared_page, requester_from_request

Product = get_model("catalogue", "Product")
SearchForm = get_class("search.forms", "SearchForm")

RECOMMENDED, ENGINE_ORDER = "", "relevancy"
"""The values of `sort_by` for our order of a list, which stands for itself, and for the engine's own."""

SPELLING, SPELLING_OFF = "spelling", "off"
"""The parameter of a search that is not to be corrected."""


@dataclass(frozen=True)
class ListReranking:
    """How a list is sorted, for the choice above it."""

    enabled: bool
    """Whether it is reranked; the visitor may have turned that off."""
    get_basis: Callable[[], RerankBasis]
    """Called when the page is rendered: by then the visitor, which may cost a query, has been read for other parts."""

    @property
    def basis(self) -> RerankBasis:
        """What the reranking goes by, or would if it were turned on."""
        return self.get_basis()

    @property
    def is_personal(self) -> bool:
        """Whether it goes by the visitor's own profile."""
        return self.basis == RerankBasis.PERSONAL


class PersonalListMixin(PrivatePageMixin):
    """Mixed into Oscar's listing views, in front of them.

    0. `get`: sends a search on that a merchant redirects
       `get_form_kwargs`: corrects the spelling of a search that would find nothing, asks the engine for synonyms, too,
       and to leave out what campaigns exclude
    1. `paginate_queryset`: reranks the first hits of the engine, lets campaigns move and place some, and loads the
       products of the page together
    2. `get_context_data`: adds "Recommended" to the ways to sort, and `list_slate`, for the reports
    3. `render_to_response`: keeps pages that depend on the visitor out of shared caches

    Else the engine's hits, their number and its facets do not change. If anything fails, Oscar's own page is served.
    """

    request: HttpRequest
    kwargs: dict[str, Any]
    page_kwarg: str
    queryset: Any
    placements: Mapping[int, PlacedBy] = MappingProxyType({})
    """What campaigns put in its place, by the product's key."""
    teams: Mapping[int, str] = MappingProxyType({})
    """Where an experiment shows two orders as one list, whose choice each product is."""
    list_reranking: ListReranking | None = None
    offers_recommended = False
    """Whether our order is one of the ways to sort the list."""
    corrected_query: str | None = None
    """What is searched for instead of the visitor's query, which finds nothing."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Oscar's page, or the one to which the shop's merchants redirect the search."""
        return search_redirect(request) or super().get(request, *args, **kwargs)  # type: ignore[misc]

    def get_form_kwargs(self) -> dict[str, Any]:
        """Oscar's own, with a misspelt query corrected, and synonyms for its words."""
        kwargs = super().get_form_kwargs()  # type: ignore[misc]
        query, self.corrected_query = self._search_query(), None
        if query and self.request.GET.get(SPELLING) != SPELLING_OFF and "data" in kwargs:
            with fail_open("Correcting the spelling of a search", queries=False):
                self.corrected_query = search_engine.correct_spelling(query, self._search_rules())
        if self.corrected_query:
            kwargs["data"] = kwargs["data"].copy()
            kwargs["data"]["q"] = self.corrected_query
        if kwargs.get("searchqueryset") is not None and self._campaign_visit() is not None:
            kwargs["searchqueryset"] = self.queryset = self._filtered_by_campaigns(kwargs["searchqueryset"])
        if query and _is_engine_result(kwargs.get("searchqueryset")):
            with fail_open("Looking for synonyms", queries=False):
                kwargs["searchqueryset"] = search_engine.with_synonyms(kwargs["searchqueryset"], self._search_rules())
        return kwargs

    def paginate_queryset(self, queryset: Any, page_size: int) -> tuple:
        """Oscar's pagination of the reranked list."""
        window, self.list_reranking, self.teams = conf.get_settings().RERANK_WINDOW, None, {}
        listing = self._reranked_results(queryset, page_size, window)
        paginator, page, *rest = super().paginate_queryset(listing, page_size)  # type: ignore[misc]
        self.offers_recommended = isinstance(listing, RerankedResults) and self._offers_recommended(
            listing, paginator.count
        )
        if not 1 <= page.start_index() <= window or paginator.count < 2 or getattr(listing, "failed", True):
            self.list_reranking = None
        if isinstance(listing, RerankedResults) and not listing.failed:
            self.placements = listing.placements
        else:
            self.teams = {}
        with fail_open("Noting what stands on a page", queries=False):
            visits.mark_shown(self.request, [int(result.pk) for result in page if is_product(result)])
        return paginator, page, *rest

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Oscar's own, the order of the page, and its reporting token, which is only made when it is printed."""
        context = super().get_context_data(**kwargs)  # type: ignore[misc]
        if self.offers_recommended:
            with fail_open("Offering our order of a list", queries=False):
                self._offer_recommended(context, chosen=not self._is_sorted_otherwise())
        return {
            **context,
            "personal_sort": self.list_reranking,
            "list_slate": partial(self._list_slate, context),
            "corrected_query": self.corrected_query,
            "purchase_notes": partial(self._purchase_notes, context),
            "placement_labels": partial(self._placement_labels, context),
        }

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        """Oscar's response, kept out of shared caches if it depends on the visitor."""
        response = super().render_to_response(context, **kwargs)  # type: ignore[misc]
        order = self.list_reranking
        if is_shared_page(self.request):
            return response
        nothing_found = "paginator" in context and not context["paginator"].count  # the page shows rows instead
        if nothing_found or (order is not None and (not order.enabled or order.is_personal)):
            set_private_cache_headers(self.request, response)
        elif order is not None and order.basis == RerankBasis.CONTEXTUAL:
            patch_cache_control(response, private=True)
        return response

    def _offer_recommended(self, context: dict[str, Any], *, chosen: bool) -> None:
        """Adds our order to the ways to sort, marked where the list is in it. Oscar's search page takes the choice from
        the form in the head of every page, other lists from their own."""
        context.setdefault("search_form", SearchForm(self.request.GET))
        for form in (context["search_form"], context.get("form")):
            if form is not None and "sort_by" in form.fields:
                field = form.fields["sort_by"]
                field.choices = [(RECOMMENDED, pgettext("personalization", "Recommended")), *field.choices]
                if not chosen and "sort_by" not in form.data:
                    form.data = {**form.data.dict(), "sort_by": ENGINE_ORDER}

    def _offers_recommended(self, listing: Any, count: int) -> bool:
        """Whether a list can be put in our order: not one that the shop sorts by itself, and none that failed."""
        sorted_by_shop = listing.found.query.order_by and "sort_by" not in self.request.GET
        moves = conf.get_settings().RERANK_STRENGTH and serve.reranking_available()
        return bool(count > 1 and not listing.failed and not sorted_by_shop and moves)

    def _purchase_notes(self, context: dict[str, Any]) -> dict[str, str]:
        """What the cards say of the visitor's size and, first, of their purchases, by the address of the product;
        nothing where the shop has switched our order off."""
        if not self.offers_recommended:
            return {}
        products = [hit.object for hit in context["page_obj"] if is_product(hit) and hit.object is not None]
        return size_notes(self.request, products) | purchase_notes(self.request, products)

    def _placement_labels(self, context: dict[str, Any]) -> dict[str, str]:
        """What the cards say of campaigns, by the address of the product."""
        if not self.placements:
            return {}
        products = [hit.object for hit in context["page_obj"] if is_product(hit) and hit.object is not None]
        return {
            product.get_absolute_url(): placement_label(self.placements[product.pk])
            for product in products
            if product.pk in self.placements
        }

    def _list_slate(self, context: dict[str, Any]) -> ListSlate | None:
        """The reporting token of the page's products, however they are sorted."""
        if not consent.may_be_allowed(requester_from_request(self.request)):
            return None
        with fail_open("Signing a list", queries=False):
            if visits.tracked_visit(self.request) is None:  # the addresses would cost strangers' pages, too
                return None
            page, category = context["page_obj"], getattr(self, "category", None)
            products = [result.object for result in page if is_product(result) and result.object is not None]
            items = [(product.pk, product.get_absolute_url()) for product in products]
            row = "results" if category is None else f"results:{category.pk}"
            reranking = self.list_reranking
            reasons = [reranking.basis.reason_code] * len(items) if reranking and reranking.enabled else ()
            surface, start = "search" if self._search_query() else "category", page.start_index() - 1
            return list_slate(
                self.request,
                surface,
                row,
                items,
                reasons=reasons,
                placements=self.placements,
                teams=self.teams,
                start=start,
                products=products,
            )
        return None

    def _reranked_results(self, found: Any, page_size: int, window: int) -> Any:
        """The engine's results, reranked and with our look-up of products; themselves where neither applies."""
        visit, is_ordered = self._campaign_visit(), self._may_be_ordered()
        if not (is_ordered or visit) or not _is_engine_result(found):
            return found
        page_start, sort_products, merchandise = self._page_start(page_size), None, None
        if page_start < window and not self._is_sorted_by_visitor(found):
            with fail_open("Looking whether a list is to be put in order", queries=False):
                if not self._sort_is_disabled():
                    sort_products = self._rerank if is_ordered else None
                    if visit is not None and not self._has_price_facet():
                        merchandise = ListCampaigns(visit, page_size)
        return RerankedResults(found, page_start, page_size, window, ListOrder(sort_products, merchandise))

    def _may_be_ordered(self) -> bool:
        """Whether the shop has lists in an order of its own, or an experiment tries one on this list."""
        if conf.get_settings().RERANK_STRENGTH:
            return True
        surface = list_surface_name(self._search_query(), getattr(self, "category", None) is not None)
        return any(surface in one.season.surfaces for one in visits.rules_in_force(self.request).experiments)

    def _search_rules(self) -> SearchRules:
        return visits.rules_in_force(self.request).search

    def _campaign_visit(self) -> Visit | None:
        """The visit, where any campaign acts on lists like this one; else it is not read for that."""
        category = getattr(self, "category", None)
        with fail_open("Reading the visit for campaigns", queries=False):
            rules = visits.rules_in_force(self.request)
            if list_surface_name(self._search_query(), category is not None) in rules.places_by_surface:
                visit = visits.visit_without_basket(self.request)
                return visits.with_page_context(visit, category=category, query=self._search_query())
        return None

    def _filtered_by_campaigns(self, found: SearchQuerySet) -> SearchQuerySet:
        """The engine's query without what campaigns keep out of this list."""
        visit = self._campaign_visit()
        with fail_open("Asking campaigns what a list leaves out", queries=bool(visit and visit.rules.segments)):
            if visit is not None and _is_engine_result(found):
                return filter_for_campaigns(found, serve.engine_filter(visit, left_alone=self._is_left_alone()))
        return found

    def _is_left_alone(self) -> bool:
        """Whether the visitor sorted the list otherwise, or by a price."""
        return self._is_sorted_otherwise() or self._has_price_facet()

    def _has_price_facet(self) -> bool:
        return any(chosen.startswith("price") for chosen in self.request.GET.getlist("selected_facets"))

    def _page_start(self, page_size: int) -> int:
        """The number of hits before the page; 0 where the page number says nothing, as "last" does."""
        number = str(self.kwargs.get(self.page_kwarg) or self.request.GET.get(self.page_kwarg) or 1)
        return max(int(number) - 1, 0) * page_size if number.isascii() and number.isdigit() and len(number) < 10 else 0

    def _is_sorted_by_visitor(self, found: SearchQuerySet) -> bool:
        """Whether the visitor, or the shop's default, chose another way to sort the list."""
        return bool(found.query.order_by) or self.request.GET.get("sort_by", RECOMMENDED) != RECOMMENDED

    def _is_sorted_otherwise(self) -> bool:
        """Whether the visitor chose another way to sort this list, or any."""
        if "sort_by" in self.request.GET:
            return self.request.GET["sort_by"] != RECOMMENDED
        return sort_preference.personal_sort_disabled(requester_from_request(self.request))

    def _sort_is_disabled(self) -> bool:
        """Whether the visitor has lists sorted by the engine, and did not choose ours for this one."""
        if "sort_by" in self.request.GET or not sort_preference.personal_sort_disabled(
            requester_from_request(self.request)
        ):
            return False
        self.list_reranking = ListReranking(False, lambda: _likely_basis(self.request))
        return True

    def _search_query(self) -> str:
        return self.corrected_query or self.request.GET.get("q", "").strip()

    def _rerank(self, keys: tuple[int, ...]) -> Sequence[int]:
        """These products reranked for the visitor; unchanged without a snapshot."""
        visit = visits.visit_without_basket(self.request)
        visit = visits.with_page_context(visit, category=getattr(self, "category", None), query=self._search_query())
        visit = replace(visit, candidate_products=keys)
        basis, interleaved = serve.rerank_basis(visit), serve.interleave(visit)
        if interleaved is not None:
            self.teams, basis = interleaved.teams, basis or RerankBasis.PERSONAL
        order = interleaved.products if interleaved else serve.rerank(visit)
        if basis is not None:
            self.list_reranking = ListReranking(True, lambda: basis)
        return order


def _likely_basis(request: HttpRequest) -> RerankBasis:
    """What reranking would go by, as far as that is known without doing it."""
    visit = visits.consented_visit(request)
    if visit is not None and visit.genome.products:
        return RerankBasis.PERSONAL
    return RerankBasis.POPULAR


def _is_engine_result(found: Any) -> bool:
    return isinstance(found, SearchQuerySet) and not isinstance(found, EmptySearchQuerySet | ValuesListSearchQuerySet)
