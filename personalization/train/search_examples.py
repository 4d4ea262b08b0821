"""Searches to learn from: those that were logged, and pseudo-searches for what customers bought, with the words of its
own title and category. Both are put to the shop's own engine, so that what is learned is to order its hits."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization import conf
from personalization.rank.query_features import EngineHits
from personalization.rank.search_queries import normalize_query
from personalization.rank.snapshot_arrays import lookup_indices
from personalization.train.dataset import Progress, TrainingDataset
from personalization.train.ranking_examples import Backtest, ObservedSearch, purchases_after_cut
from personalization.train.search_choices import query_choices
from personalization.train.search_vocabulary import TITLE_BREAK, CatalogueNames

logger = logging.getLogger("personalization")

MAX_QUERIES = 300
"""At most this many different queries are put to the engine: those that most searches have."""
MAX_SEARCHES_PER_CUSTOMER = 20
SILENT_QUERIES = 10
"""An engine that finds nothing for the first queries, which are made of what is sold, is asked no more."""
MIN_HITS = 2
"""With fewer hits there is nothing to order."""


@dataclass(frozen=True)
class _Search:
    customer: int
    query: str
    chosen: frozenset[int]


def observe_searches(past: Backtest, shop: TrainingDataset, progress: Progress) -> list[ObservedSearch]:
    """The searches after the cut whose hits hold something that was chosen, in a fixed arbitrary sequence.

    None where the engine is not to be asked, or does not answer.
    """
    if shop.find_products is None:
        return []
    searches = [*_logged_searches(past, shop), *_pseudo_searches(past, shop.names)]
    count = Counter(search.query for search in searches)
    queries = sorted(count, key=lambda query: (-count[query], query))[:MAX_QUERIES]
    listed: dict[str, NDArray[np.int64]] = {}
    for query in progress(queries, "Searching", len(queries)):
        listed[query] = _engine_hits(query, shop)
        if len(listed) == SILENT_QUERIES and not any(map(len, listed.values())):
            break  # an engine that is empty, or down
    return list(_with_hits(searches, listed))


def _with_hits(searches: Sequence[_Search], listed: dict[str, NDArray[np.int64]]) -> Iterator[ObservedSearch]:
    for search in searches:
        hits = listed.get(search.query)
        if hits is not None and len(hits) >= MIN_HITS and not search.chosen.isdisjoint(hits.tolist()):
            chosen = np.array(sorted(search.chosen), np.int64)
            yield ObservedSearch(search.customer, EngineHits(search.query, hits), chosen)


def _engine_hits(query: str, shop: TrainingDataset) -> NDArray[np.int64]:
    """The engine's hits as indices of products, in its order; none when it fails: training goes on without."""
    assert shop.find_products is not None
    try:
        keys = shop.find_products(query, conf.get_settings().RERANK_WINDOW)
    except Exception:  # whatever an engine's client raises
        logger.warning("The search engine did not answer; the order of its hits is not learned", exc_info=True)
        return np.empty(0, np.int64)
    return lookup_indices(shop.product_id, dict.fromkeys(keys))


def _logged_searches(past: Backtest, shop: TrainingDataset) -> Iterator[_Search]:
    """The searches of customers after the cut that were logged."""
    log = shop.searches.since(past.train_history.now)
    clicks = query_choices(log, past.train_history.now)
    chosen: dict[tuple[int, int], set[int]] = {}
    for customer, query, product in zip(
        clicks.visitor.tolist(), clicks.query.tolist(), clicks.product.tolist(), strict=True
    ):
        if customer in past.histories:
            chosen.setdefault((customer, query), set()).add(product)
    for (customer, query), products in chosen.items():
        yield _Search(customer, log.texts[query], frozenset(products))


def _pseudo_searches(past: Backtest, names: CatalogueNames) -> Iterator[_Search]:
    """Searches that the customers might have made for what they bought after the cut, interleaved by customer."""
    queues = [_searches_of(customer, bought, past, names) for customer, bought in purchases_after_cut(past)]
    for number in range(MAX_SEARCHES_PER_CUSTOMER):
        for queue in queues:
            if number < len(queue):
                yield queue[number]


def _searches_of(customer: int, bought: NDArray[Any], past: Backtest, names: CatalogueNames) -> list[_Search]:
    chance = Random(customer)
    leaf_category = past.train_history.catalogue.leaf_category
    products = bought.tolist()
    chance.shuffle(products)
    queries = dict.fromkeys(
        query
        for product in products
        for query in _pseudo_queries(int(product), int(leaf_category[product]), names, chance)
    )
    chosen = frozenset(int(product) for product in products)
    return [_Search(customer, query, chosen) for query in queries][:MAX_SEARCHES_PER_CUSTOMER]


def _pseudo_queries(product: int, leaf: int, names: CatalogueNames, chance: Random) -> Iterator[str]:
    """The name of the leaf category, its last word, and one or two words of the title that follow each other."""
    words = normalize_query(names.leaf_names[leaf]).split() if leaf >= 0 else []
    if words:
        yield " ".join(words)
        yield words[-1]
    title = normalize_query(TITLE_BREAK.split(names.titles[product])[0]).split()
    if title:
        length = chance.randint(1, 2)
        start = chance.randrange(max(len(title) - length, 0) + 1)
        yield " ".join(title[start : start + length])
