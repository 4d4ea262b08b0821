"""The hits of a search engine for a paginator: in the visitor's order, with what campaigns place, loaded together."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from haystack import connections
from haystack.models import SearchResult
from haystack.query import SearchQuerySet
from oscar.apps.search.search_indexes import ProductIndex
from oscar.core.loading import get_model

from personalization import serve
from personalization.decide.slate import PlacedBy
from personalization.decide.visit import Visit
from personalization.models.fail_open import fail_open
from personalization.shop import catalogue

Product = get_model("catalogue", "Product")

SortProducts = Callable[[tuple[int, ...]], Sequence[int]]
"""Sorts the keys of products."""

Objects = dict[type[Model], dict[Any, Any]]
"""Oscar's objects by their model and key."""

MAX_SOLD_OUT_ROUNDS = 3
"""How often a campaign may put another product where one was sold out, each time with a look-up of its own."""


class ListCampaigns:
    """What campaigns do to one list."""

    def __init__(self, visit: Visit, page_size: int) -> None:
        self._visit, self._page_size = visit, page_size
        self._sold_out: frozenset[int] = frozenset()
        self.placements: Mapping[int, PlacedBy] = {}
        self.may_query = bool(visit.rules.segments)

    def sort(self, keys: tuple[int, ...]) -> Sequence[int]:
        """These products after what campaigns do."""
        resolution = serve.merchandise_list(self._visit, keys, places=self._page_size, sold_out=self._sold_out)
        self.placements = resolution.placements
        return resolution.order

    def note_sold_out(self, placed: Iterable[int], products: Mapping[Any, Any]) -> bool:
        """Notes those of the placed products that cannot be bought; whether any is new."""
        buyable = (
            key for key in placed if key in products and catalogue.get_offer(products[key], self._visit.strategy)
        )
        sold_out = self._sold_out | frozenset(placed) - frozenset(buyable)
        is_new, self._sold_out = sold_out != self._sold_out, sold_out
        return is_new


@dataclass(frozen=True)
class ListOrder:
    """What puts the first hits of a list in order."""

    sort_products: SortProducts | None = None
    """None where the engine's order stands."""
    campaigns: ListCampaigns | None = None


class RerankedResults:
    """The engine's results for a paginator, which slices them into pages.

    One query to the engine returns the number of hits, their facets and the hits of the page.
    """

    def __init__(self, found: SearchQuerySet, page_start: int, page_size: int, window: int, order: ListOrder):
        self.found = found
        self.page_size = page_size
        self.window = window if order.sort_products or order.campaigns else 0
        self.order = order
        self.placements: Mapping[int, PlacedBy] = {}
        """What campaigns put in its place."""
        self.failed = False
        """Whether reranking failed, so that the engine's order is shown."""
        self._page_start = page_start
        self._fetched, self._hits, self._is_reranked = range(0), list[SearchResult](), False
        self._sorted_hits: list[SearchResult] = []

    def __len__(self) -> int:
        return self.count()

    def fetched_products(self) -> tuple[int, list[int]]:
        """(the number of hits before the first one that was fetched; the keys of the products that were, in the order
        of the pages)"""
        return self._fetched.start, [int(hit.pk) for hit in self._hits if is_product(hit)]

    def count(self) -> int:
        """The number of hits."""
        with fail_open("Asking the search engine for a list", queries=False):
            self._fetch(self._page_start, self._page_start + self.page_size)
            return len(self.found)
        self.failed, self.window = True, 0
        return len(self.found)

    def __getitem__(self, page: slice) -> list[SearchResult]:
        """The hits of a page with their products, without those whose products are deleted or hidden."""
        with fail_open("Looking up a page of a list"):
            self._fetch(page.start, page.stop)
            self._rerank_window()
            first, last = page.start - self._fetched.start, page.stop - self._fetched.start
            loaded = self._load(self._hits[first:last])
            if self.placements and self._put_back_sold_out(loaded):
                loaded = self._load(self._hits[first:last], loaded)
            return _attach_objects(self._hits[first:last], loaded)
        self.failed = True
        return self.found[page]

    def _load(self, hits: Sequence[SearchResult], loaded: Objects | None = None) -> Objects:
        """The objects of these hits and of what campaigns placed, in one look-up for each model, with those that were
        `loaded` before."""
        placed = [hit for hit in self._hits[: self.window] if is_product(hit) and int(hit.pk) in self.placements]
        return _load_hits([*hits, *placed], self.found, loaded or {})

    def _put_back_sold_out(self, loaded: Objects) -> bool:
        """Resolves the campaigns again without what they placed and cannot be bought; whether there was any. What comes
        in its place is looked up only if anything does."""
        before, known = self.placements, loaded
        for _ in range(MAX_SOLD_OUT_ROUNDS):
            if self.order.campaigns is None or not self.order.campaigns.note_sold_out(self.placements, known[Product]):
                break
            self._place()
            known = self._load((), known)
        return before is not self.placements

    def _fetch(self, start: int, stop: int) -> None:
        """Fetches these hits, unless they are there.

        A page behind the window is fetched by itself, any other with all hits from the first one on: Whoosh returns
        wrong hits unless the range starts at a multiple of its length.
        """
        if self._fetched.start <= start and stop <= self._fetched.stop:
            return
        wanted = (
            range(max(stop, self.window)) if start < self.window else range(start, max(stop, start + self.page_size))
        )
        query = self.found.all().query
        query.set_limits(wanted.start, wanted.stop)
        self._hits, self._is_reranked = query.get_results(), False
        self._fetched, self.found.query = wanted, query  # which now knows the number of hits and the facets

    def _rerank_window(self) -> None:
        if not self.window or self._is_reranked or self._fetched.start >= self.window:
            return
        self._is_reranked = True
        with fail_open("The visitor's order of a list", queries=False):
            if self.order.sort_products:
                self._hits[: self.window] = reranked_hits(self._hits[: self.window], self.order.sort_products)
            self._sorted_hits = self._hits[: self.window]
            self._place()
            return
        self.failed = True

    def _place(self) -> None:
        """Lets campaigns move and place what stands in the visitor's order."""
        if campaigns := self.order.campaigns:
            with fail_open("What campaigns do to a list", queries=campaigns.may_query):
                hits = reranked_hits(self._sorted_hits, campaigns.sort)
                self._hits[: self.window], self.placements = hits, campaigns.placements


def is_product(hit: Any) -> bool:
    model = Product._meta
    return isinstance(hit, SearchResult) and (hit.app_label, hit.model_name) == (model.app_label, model.model_name)


def reranked_hits(hits: list[SearchResult], sort_products: SortProducts) -> list[SearchResult]:
    """These hits with their products sorted; hits of other models keep their positions."""
    products = [hit for hit in hits if is_product(hit)]
    position = {key: index for index, key in enumerate(sort_products(tuple(int(hit.pk) for hit in products)))}
    ordered = iter(sorted(products, key=lambda hit: position[int(hit.pk)]))
    return [next(ordered) if is_product(hit) else hit for hit in hits]


def _load_hits(hits: Iterable[SearchResult], found: SearchQuerySet, loaded: Objects) -> Objects:
    """The objects of these hits by model and key, those that are not `loaded` by one query for each model."""
    keys: dict[type[Model], dict[Any, None]] = {Product: {}}
    for hit in hits:
        keys.setdefault(hit.model, {}).setdefault(hit.pk)
    objects = {**loaded}
    for model, wanted in keys.items():
        known = objects.get(model, {})
        missing = [key for key in wanted if model._meta.pk.to_python(key) not in known]
        objects[model] = {**known, **(_load_objects(model, missing, found) if missing else {})}
    return objects


def _attach_objects(hits: Iterable[SearchResult], objects: Objects) -> list[SearchResult]:
    """The hits whose objects are in the database, each with its object."""
    shown = []
    for hit in hits:
        loaded = objects[hit.model].get(hit.model._meta.pk.to_python(hit.pk))
        if loaded is not None:
            hit.object = loaded
            shown.append(hit)
    return shown


def _load_objects(model: type[Model], keys: list[Any], found: SearchQuerySet) -> dict[Any, Any]:
    """The objects of these keys, as Haystack loads them; products with fewer queries, unless the shop has its own index
    queryset, which decides which products are shown."""
    index = type(connections[found.query._using].get_unified_index().get_index(model))
    is_unchanged = type(found)._load_model_objects is SearchQuerySet._load_model_objects
    if model is Product and is_unchanged and index.read_queryset is ProductIndex.read_queryset:
        return catalogue.products_with_stock(keys)
    return found._load_model_objects(model, keys)
