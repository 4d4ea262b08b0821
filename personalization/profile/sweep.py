"""Everyone's genome at once, and what only a look at everyone can tell: the habits of similar customers. For workers
only: it needs scipy, which a web process does not load.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from personalization import conf
from personalization.models import Genome
from personalization.oscar import orders
from personalization.profile import genome
from personalization.rank.learned import placed
from personalization.recommenders._similar_customers import Weights, in_pool, near

CUSTOMERS_AT_ONCE = 1_000
"""Bounds the memory of a sweep."""


class Pool:
    """The customers with whom each customer is compared."""

    def __init__(self, genomes: Iterable[Genome]) -> None:
        genomes = list(genomes)
        self._row = {each.user_id: row for row, each in enumerate(genomes)}
        self._products = np.unique(np.array([row[0] for each in genomes for row in each.products], np.int64))
        self._weights = self._table(genomes)

    def compare(self, genomes: Sequence[Genome]) -> None:
        """Fills in what the customers of the pool buy whose habits are most like those of each genome."""
        same = np.array([self._row.get(each.user_id, -1) for each in genomes], np.int64)
        found = near(self._table(genomes), self._weights, same, conf.current().min_customers)
        for row, (places, weight) in zip(genomes, found, strict=True):
            pairs = zip(self._products[places].tolist(), weight.tolist(), strict=True)
            row.near = [list(pair) for pair in pairs]

    def _table(self, genomes: Sequence[Genome]) -> Weights:
        size = [len(each.products) for each in genomes]
        rows = np.array([row[:2] for each in genomes for row in each.products], np.float64).reshape(-1, 2)
        product = placed(self._products, rows[:, 0].astype(np.int64))
        known = product >= 0
        customer = np.repeat(np.arange(len(genomes)), size)
        return Weights(customer[known], product[known], rows[known, 1], len(genomes), len(self._products))


def sweep(now: float, progress: Callable[[Sequence], Iterable] = iter) -> int:
    """Works out and stores the genome of every customer, some at a time; how many have one now."""
    everyone = list(orders.customers())
    batches = _batches(everyone)
    kept = sum(genome.refresh(batch, now) for batch in progress(batches))
    Genome.objects.drop_except(everyone)
    pool = Pool(_in_order(Genome.objects.of_customers(_pool_of(everyone))))
    for batch in progress(batches):
        genomes = _in_order(Genome.objects.of_customers(batch))
        pool.compare(genomes)
        Genome.objects.store_near(genomes)
    return kept


def as_of(now: float) -> Callable[[Iterable[Any]], dict[Any, Genome]]:
    """Gives the genomes of some customers as they were at an earlier moment; nothing is stored."""
    pool = Pool(_in_order(_worked_out(_pool_of(list(orders.customers())), now)))

    def of_customers(user_ids: Iterable[Any]) -> dict[Any, Genome]:
        found = _worked_out(list(user_ids), now)
        pool.compare(list(found.values()))
        return found

    return of_customers


def _worked_out(user_ids: list[Any], now: float) -> dict[Any, Genome]:
    found = (each for batch in _batches(user_ids) for each in genome.worked_out(batch, now))
    return {each.user_id: each for each in found}


def _pool_of(everyone: list[Any]) -> list[Any]:
    return [everyone[row] for row in in_pool(len(everyone)).tolist()]


def _in_order(genomes: dict[Any, Genome]) -> list[Genome]:
    return [genomes[key] for key in sorted(genomes)]


def _batches(everyone: list[Any]) -> list[list[Any]]:
    return [everyone[at : at + CUSTOMERS_AT_ONCE] for at in range(0, len(everyone), CUSTOMERS_AT_ONCE)]
