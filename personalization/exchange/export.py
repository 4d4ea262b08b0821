"""The same decisions as on the pages, for many visitors at once: ranked lists as rows of a table."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

from personalization import conf
from personalization.decide import active_snapshot as snapshots
from personalization.decide.active_snapshot import LoadedSnapshot
from personalization.decide.policy import policy_from_settings
from personalization.decide.product_lookup import ProductLookup
from personalization.decide.slate import RankedItem
from personalization.decide.visit import Visit
from personalization.exchange.export_requests import Question, Questions
from personalization.models import Genome, Visitor
from personalization.models.fail_open import fail_open
from personalization.oscar import search_engine, visits
from personalization.profile import batch
from personalization.serve import recommend_batch
from personalization.shop import catalogue, orders
from personalization.train import run
from personalization.train.dataset import Progress

SURFACES = ("home", "navigation", "basket", "category", "search")
DEFAULT_TOP = 100
"""A list is so long at most, unless the export says otherwise."""
WINDOW = 200
"""So many results of a search are put in order, the engine's first ones; more when longer lists are asked for."""
MAX_CACHED_SEARCHES = 1_000

UNSPECIFIED = (None, "", "")
"""Score, code and reason of what stands at the end of a list because nothing can be said of it."""

Genomes = Callable[[Iterable[Any]], Mapping[Any, Genome]]


class NoSnapshot(Exception):
    """There is nothing to decide with; the message says what helps."""


@dataclass(frozen=True)
class ExportContext:
    """The moment that the lists are of, and what was known then."""

    now: float
    known_until: float
    """No purchase after this counts as bought before."""
    snapshot: LoadedSnapshot
    genomes: Genomes
    """The genomes of these customers; some may have none."""


def current_context() -> ExportContext:
    """What serves on the pages now. NothingLearned when nothing does."""
    serving = snapshots.get_active_snapshot()
    if serving is None:
        raise NoSnapshot("No snapshot serves; `manage.py personalization_train` learns one from the shop's orders.")
    return ExportContext(time.time(), time.time(), serving, Genome.objects.of_customers)


def past_context(moment: float, progress: Progress) -> ExportContext:
    """What would have served at this moment: nothing that happened later is known, nothing is stored.

    When the shop was last trained as of this very moment, that is what serves.
    """
    now = run.training_cutoff(moment)
    serving = snapshots.get_active_snapshot()
    if serving is not None and serving.trained_at == now and Genome.objects.is_current(now):
        return ExportContext(now, moment, serving, Genome.objects.of_customers)
    learned = LoadedSnapshot(run.start_of_day(moment, progress).arrays, "not published")
    return ExportContext(now, moment, learned, batch.computed_at(now))


def export_columns(questions: Questions) -> dict[str, type]:
    """The columns of the rows that answer these questions."""
    thing = "category" if questions.surface == "navigation" else "product"
    return {**questions.columns, "rank": int, thing: int, "score": float, "code": str, "reason": str}


class ExportRun:
    """Lists from one standpoint. Products, and what a search found, are remembered from one call to the next."""

    def __init__(self, surface: str, standpoint: ExportContext, top: int | None = None, new_only: bool = False) -> None:
        """At most `top` places a list: without it the usual number, and all of a list that is put in order.

        With `new_only`, products that the customer bought before are left out.
        """
        self.surface, self.standpoint, self.top, self.new_only = surface, standpoint, top, new_only
        self.unknown: set[Any] = set()
        """The customers met so far who do not allow what they did to be used: their lists are everybody's."""
        self.shelf = ProductLookup(look_up=catalogue.products_for_availability)
        window = max(WINDOW, top or 0)
        self.found = lru_cache(MAX_CACHED_SEARCHES)(partial(_found_products, window=window))

    def rows(self, questions: Sequence[Question]) -> Iterator[tuple]:
        """The answers to these questions: what each is about, then rank from 0, key, score, code and reason.

        Customers, genomes and products are read for all of them at once.
        """
        asked = list(self._visits(questions))
        agreeing = {visit.user_id for _, visit in asked if visit.visitor_id is not None}
        bought = self._bought(agreeing) if self.new_only else {}
        known = [bought.get(visit.user_id, set()) for _, visit in asked]
        longest = [(visit, self._longest(visit, theirs)) for (_, visit), theirs in zip(asked, known, strict=True)]
        lists = recommend_batch(self.surface, longest, self.standpoint.snapshot, self.shelf, new_only=self.new_only)
        for (question, visit), theirs, ranked in zip(asked, known, lists, strict=True):
            for rank, line in enumerate(self._list(question, visit, theirs, ranked)):
                yield (*question.about, rank, *line)

    def _visits(self, questions: Sequence[Question]) -> Iterator[tuple[Question, Visit]]:
        """Each question as a visit; without those of customers who are gone."""
        customers = {question.customer for question in questions} - {None}
        strategies = visits.strategies_for_customers(customers)
        agreeing = Visitor.objects.consented_customers(customers)
        self.unknown |= customers & strategies.keys() - agreeing.keys()
        genomes = self.standpoint.genomes(agreeing.keys()) if agreeing else {}
        for question in questions:
            if question.customer in strategies:
                genome = genomes.get(question.customer) or Genome()
                visit = self._visit(question, strategies[question.customer], genome)
                yield question, _known_customers(visit, agreeing.get(question.customer))

    def _visit(self, question: Question, strategy: Any, genome: Genome) -> Visit:
        """Somebody at this moment, with this basket, on this category page or with this list before them."""
        in_basket = self.surface == "basket"
        listing = self.found(question.query) if question.query else question.products
        return Visit(
            timestamp=self.standpoint.now,
            strategy=strategy,
            user_id=question.customer,
            basket=frozenset(question.products if in_basket else ()),
            category=question.category,
            query=question.query if self.surface == "search" else "",
            candidate_products=() if in_basket else tuple(dict.fromkeys(listing)),
            genome=genome,
            policy=policy_from_settings(conf.get_settings()),
        )

    def _bought(self, customers: set[Any]) -> dict[Any, set[int]]:
        """All that each of these customers bought until then: a genome keeps the strongest only."""
        purchases = orders.read_purchases(
            orders.line_values(orders.bought_lines(customers)), until=self.standpoint.known_until
        )
        bought: dict[Any, set[int]] = {user_id: set() for user_id in purchases.users}
        for customer, product in zip(purchases.customer.tolist(), purchases.product.tolist(), strict=True):
            bought[purchases.users[customer]].add(product)
        return bought

    def _longest(self, visit: Visit, bought: set[int]) -> int:
        """How much of the ranking a visit's list may take: deciding does not know all that somebody bought."""
        beyond = bought - {row[0] for row in visit.genome.products}
        given = 0 if visit.query else len(visit.candidate_products)
        return (given or self.top or DEFAULT_TOP) + len(beyond)

    def _list(self, question: Question, visit: Visit, bought: set[int], ranked: list[RankedItem]) -> list[tuple]:
        """(key, score, code, reason), best first."""
        best = [(one.item_id, *_row_values(one)) for one in ranked if one.item_id not in bought]
        if question.query:
            return (best + self._rest(visit, bought, best))[: self.top or DEFAULT_TOP]
        if visit.candidate_products:
            return sorted_by_engine(question, ranked)[: self.top]
        return best[: self.top or DEFAULT_TOP]

    def _rest(self, visit: Visit, bought: set[int], best: list[tuple]) -> list[tuple]:
        """What a search found of which nothing was learned yet, as the engine gave it."""
        rest = set(visit.candidate_products) - {key for key, *_ in best} - bought
        rest &= self.shelf.sellable(rest, visit.strategy).keys()
        return [(key, *UNSPECIFIED) for key in visit.candidate_products if key in rest]


def _found_products(query: str, window: int) -> tuple[int, ...]:
    """What the shop's engine finds; nothing where it fails over a query."""
    with fail_open("The search engine"):
        return tuple(search_engine.search_keys(query, window))
    return ()


def _known_customers(visit: Visit, visitor: Visitor | None) -> Visit:
    return visit if visitor is None else replace(visit, visitor_id=visitor.pk, preferences=visitor.get_preferences())


def sorted_by_engine(question: Question, ranked: Iterable[RankedItem]) -> list[tuple]:
    """All of a list: what was ranked, then the rest as it was given, with neither score nor reason."""
    place = {one.item_id: (place, _row_values(one)) for place, one in enumerate(ranked)}
    last = (len(place), UNSPECIFIED)
    found = [
        (place.get(product, last), given) for given, product in zip(question.given, question.products, strict=True)
    ]
    return [(given, *said) for (_, said), given in sorted(found, key=lambda entry: entry[0][0])]


def _row_values(one: RankedItem) -> tuple[float, str, str]:
    return float(one.score), one.reason.code, one.explanation
