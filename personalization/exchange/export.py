"""Decisions for many visitors at once, made as for the pages: ranked lists as rows of a table."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

from personalization import conf
from personalization.decide import active_snapshot
from personalization.decide.active_rules import get_active_rules
from personalization.decide.active_snapshot import LoadedSnapshot
from personalization.decide.policy import policy_from_settings
from personalization.decide.product_lookup import ProductLookup
from personalization.decide.ranked_lists import kept_out
from personalization.decide.slate import RankedItem
from personalization.decide.visit import Visit
from personalization.exchange.export_requests import ExportRequest, ExportRequests
from personalization.models import CustomerFacts, Genome, Visitor
from personalization.models.fail_open import fail_open
from personalization.models.lost_connections import streamed_reads
from personalization.oscar import search_engine, visits
from personalization.serve import recommend_batch
from personalization.shop import catalogue, orders, purchases

SURFACES = ("home", "navigation", "basket", "category", "search")
DEFAULT_LIST_LENGTH = 100
SEARCH_WINDOW = 200
"""The first results of a search are ranked, this many or as many as a list holds."""
MAX_CACHED_SEARCHES = 1_000
UNRANKED = (None, "", "")
"""Score, reason code and reason of a product at the end of a list that nothing was learned about."""

GenomeReader = Callable[[Iterable[Any]], Mapping[Any, Genome]]
FactsReader = Callable[[Iterable[Any]], Mapping[Any, CustomerFacts]]
ListEntry = tuple[int, float | None, str, str]
"""(key, score, reason code, reason)"""


class NoSnapshot(Exception):
    """There is nothing to decide with; the message says what helps."""


@dataclass(frozen=True)
class ExportContext:
    """The moment that the lists are of, and what was known then."""

    timestamp: float
    purchases_until: float
    """Later purchases do not count as bought before."""
    snapshot: LoadedSnapshot
    genomes: GenomeReader
    """The genomes of these customers; some may have none."""
    facts: FactsReader = CustomerFacts.objects.of_customers
    """The facts of these customers; some may have none."""


def current_context() -> ExportContext:
    """The active snapshot, now. NoSnapshot when there is none."""
    active = active_snapshot.get_active_snapshot()
    if active is None:
        raise NoSnapshot("No snapshot is active; `manage.py personalization_train` learns one from the shop's orders.")
    return ExportContext(time.time(), time.time(), active, Genome.objects.of_customers)


def export_columns(requests: ExportRequests) -> dict[str, type]:
    """The columns of an export, with their types."""
    item = "category" if requests.surface == "navigation" else "product"
    return {**requests.columns, "rank": int, item: int, "score": float, "code": str, "reason": str}


class ExportRun:
    """The lists of one export. Products and search results are cached from one call to the next."""

    def __init__(self, surface: str, context: ExportContext, top: int | None = None, new_only: bool = False) -> None:
        """`top` limits the length of a list; without it a list has its usual length, and one to rerank its own.
        `new_only` leaves out what the customer bought before."""
        self.surface, self.context, self.top, self.new_only = surface, context, top, new_only
        self.without_consent: set[Any] = set()
        """The customers so far whose data may not be used: their lists are those of an anonymous visitor."""
        self.products = ProductLookup(look_up=catalogue.products_for_availability)
        window = max(SEARCH_WINDOW, top or 0)
        self.search = lru_cache(MAX_CACHED_SEARCHES)(partial(_search_results, window=window))

    def rows(self, requests: Sequence[ExportRequest]) -> Iterator[tuple[Any, ...]]:
        """The rows for these requests: labels, then rank from 0, key, score, reason code and reason.

        Customers, genomes and products are read for all of them together.
        """
        visited = list(self._visits(requests))
        consenting = {visit.user_id for _, visit in visited if visit.visitor_id is not None}
        purchased = self._purchases(consenting) if self.new_only else {}
        excluded = [purchased.get(visit.user_id, set()) for _, visit in visited]
        lengths = [self._max_length(visit, products) for (_, visit), products in zip(visited, excluded, strict=True)]
        limited_visits = list(zip((visit for _, visit in visited), lengths, strict=True))
        lists = recommend_batch(
            self.surface, limited_visits, self.context.snapshot, self.products, new_only=self.new_only
        )
        for (request, visit), products, ranked in zip(visited, excluded, lists, strict=True):
            for rank, entry in enumerate(self._entries(request, visit, products, ranked)):
                yield (*request.labels, rank, *entry)

    def _visits(self, requests: Sequence[ExportRequest]) -> Iterator[tuple[ExportRequest, Visit]]:
        """Each request with its visit; without those of customers whose account was deleted."""
        customers = {request.customer for request in requests} - {None}
        strategies = visits.strategies_for_customers(customers)
        visitors = Visitor.objects.consented_customers(customers)
        self.without_consent |= customers & strategies.keys() - visitors.keys()
        genomes = self.context.genomes(visitors.keys()) if visitors else {}
        facts = self.context.facts(visitors.keys()) if visitors else {}
        for request in requests:
            if request.customer in strategies:
                visit = self._visit(request, strategies[request.customer])
                if visitor := visitors.get(request.customer):
                    genome = genomes.get(request.customer) or Genome()
                    preferences = visitor.get_preferences()
                    visit = replace(visit, visitor_id=visitor.pk, genome=genome, preferences=preferences)
                    visit = replace(visit, facts=facts.get(request.customer), tracking_allowed=True)
                yield request, visit

    def _visit(self, request: ExportRequest, strategy: Any) -> Visit:
        has_basket = self.surface == "basket"
        candidates = self.search(request.query) if request.query else request.products
        return Visit(
            timestamp=self.context.timestamp,
            strategy=strategy,
            user_id=request.customer,
            basket=frozenset(request.products if has_basket else ()),
            category=request.category,
            query=request.query if self.surface == "search" else "",
            candidate_products=() if has_basket else tuple(dict.fromkeys(candidates)),
            policy=policy_from_settings(conf.get_settings()),
            rules=get_active_rules(),
        )

    def _purchases(self, customers: set[Any]) -> dict[Any, set[int]]:
        """Everything that each of these customers bought: a genome keeps only the strongest products."""
        with streamed_reads():
            bought = orders.read_purchases(purchases.purchase_rows(customers), until=self.context.purchases_until)
        purchased: dict[Any, set[int]] = {user_id: set() for user_id in bought.users}
        for customer, product in zip(bought.customer.tolist(), bought.product.tolist(), strict=True):
            purchased[bought.users[customer]].add(product)
        return purchased

    def _max_length(self, visit: Visit, purchased: set[int]) -> int:
        """How many products to ask for: a decision leaves out only the purchases that are in the genome."""
        unseen = purchased - {row[0] for row in visit.genome.products}
        original_length = 0 if visit.query else len(visit.candidate_products)
        return (original_length or self.top or DEFAULT_LIST_LENGTH) + len(unseen)

    def _entries(
        self, request: ExportRequest, visit: Visit, purchased: set[int], ranked: list[RankedItem]
    ) -> list[ListEntry]:
        """The list, best first."""
        if visit.candidate_products and not request.query:
            return rerank_original(request, ranked)[: self.top]
        entries: list[ListEntry] = [(item.item_id, *_ranking(item)) for item in ranked if item.item_id not in purchased]
        if request.query:
            entries += self._unranked_results(visit, purchased | {key for key, *_ in entries})
        return entries[: self.top or DEFAULT_LIST_LENGTH]

    def _unranked_results(self, visit: Visit, excluded: set[int]) -> list[ListEntry]:
        """The other results of a search, in the engine's order: nothing was learned about them yet."""
        remaining = set(visit.candidate_products) - excluded
        remaining -= kept_out(self.surface, visit, remaining)
        remaining &= self.products.sellable(remaining, visit.strategy).keys()
        return [(key, *UNRANKED) for key in visit.candidate_products if key in remaining]


def _search_results(query: str, window: int) -> tuple[int, ...]:
    """The products that the shop's search engine finds; none where it fails."""
    with fail_open("The search engine"):
        return tuple(search_engine.search_keys(query, window, search_rules=get_active_rules().search))
    return ()


def rerank_original(request: ExportRequest, ranked: Iterable[RankedItem]) -> list[ListEntry]:
    """The whole original list: first what was ranked, then the others in their original order, without a score."""
    rankings = {item.item_id: (position, _ranking(item)) for position, item in enumerate(ranked)}
    last = (len(rankings), UNRANKED)
    pairs = zip(request.original_products, request.products, strict=True)
    entries = [(*rankings.get(product, last), original) for original, product in pairs]
    return [(original, *ranking) for _, ranking, original in sorted(entries, key=lambda entry: entry[0])]


def _ranking(item: RankedItem) -> tuple[float, str, str]:
    return float(item.score), item.reason.code, item.explanation
