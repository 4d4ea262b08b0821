"""Everyone's genome at once, and what only a look at everyone can tell: the habits of similar customers. For workers
only: it needs scipy, which a web process does not load.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from personalization import conf
from personalization.models import Genome, Visitor
from personalization.privacy import consent
from personalization.profile import genome
from personalization.rank.snapshot_arrays import placed
from personalization.recommenders._user_neighbours import Weights, in_pool, near
from personalization.shop import orders

CUSTOMERS_AT_ONCE = 250
"""Bounds the memory of a sweep."""


class Pool:
    """The customers with whom each customer is compared."""

    def __init__(self, genomes: Iterable[Genome]) -> None:
        kept = [(genome.user_id, _weights(genome)) for genome in genomes]  # one at a time: rows are large, arrays small
        self._row = {user: row for row, (user, _) in enumerate(kept)}
        self._products = np.unique(np.concatenate([np.empty(0), *(pairs[:, 0] for _, pairs in kept)]).astype(np.int64))
        self._habits = self._table([pairs for _, pairs in kept])

    def compare(self, genomes: Sequence[Genome]) -> None:
        """Fills in what the customers of the pool buy whose habits are most like those of each genome."""
        same = np.array([self._row.get(each.user_id, -1) for each in genomes], np.int64)
        found = near(self._table(map(_weights, genomes)), self._habits, same, conf.current().min_customers)
        for row, (places, weight) in zip(genomes, found, strict=True):
            pairs = zip(self._products[places].tolist(), weight.tolist(), strict=True)
            row.near = [list(pair) for pair in pairs]

    def _table(self, habits: Iterable[NDArray[np.float64]]) -> Weights:
        pairs = list(habits)
        rows = np.concatenate([np.empty((0, 2)), *pairs])
        product = placed(self._products, rows[:, 0].astype(np.int64))
        known = product >= 0
        customer = np.repeat(np.arange(len(pairs)), [len(each) for each in pairs])
        return Weights(customer[known], product[known], rows[known, 1], len(pairs), len(self._products))


def _weights(genome: Genome) -> NDArray[np.float64]:
    """(product's key, weight), a row a product."""
    return np.array([row[:2] for row in genome.products], np.float64).reshape(-1, 2)


def sweep(now: float, progress: Callable[[Sequence], Iterable] = iter) -> int:
    """Works out and stores the genome of every customer who agrees, some at a time; how many have one now."""
    everyone = _agreeing()
    batches = _batches(everyone)
    kept = sum(genome.refresh(batch, now) for batch in progress(batches))
    Genome.objects.drop_except(everyone)
    pool = Pool(_stored(_pool_of(everyone)))
    for batch in progress(batches):
        _compare(pool, batch)
    return kept


@transaction.atomic
def _compare(pool: Pool, batch: list[Any]) -> None:
    genomes = _in_order(Genome.objects.of_customers(Visitor.objects.hold(batch)))
    pool.compare(genomes)
    Genome.objects.store_near(genomes)


def as_of(now: float) -> Callable[[Iterable[Any]], dict[Any, Genome]]:
    """Gives the genomes of some customers as they were at an earlier moment; nothing is stored."""
    pooled = _batches(_pool_of(_agreeing()))
    pool = Pool(each for batch in pooled for each in _in_order(_worked_out(batch, now)))

    def of_customers(user_ids: Iterable[Any]) -> dict[Any, Genome]:
        found = _worked_out(list(user_ids), now)
        pool.compare(list(found.values()))
        return found

    return of_customers


def _agreeing() -> list[Any]:
    """The keys of all customers who ever ordered and agree, in a fixed sequence."""
    agreed = consent.without_children(Visitor.objects.who_agreed())
    return [user_id for user_id in orders.customers() if user_id in agreed]


def _stored(user_ids: list[Any]) -> Iterator[Genome]:
    for batch in _batches(user_ids):
        yield from _in_order(Genome.objects.of_customers(batch))


def _worked_out(user_ids: list[Any], now: float) -> dict[Any, Genome]:
    found = (each for batch in _batches(user_ids) for each in genome.worked_out(batch, now))
    return {each.user_id: each for each in found}


def _pool_of(everyone: list[Any]) -> list[Any]:
    return [everyone[row] for row in in_pool(len(everyone)).tolist()]


def _in_order(genomes: dict[Any, Genome]) -> list[Genome]:
    return [genomes[key] for key in sorted(genomes)]


def _batches(everyone: list[Any]) -> list[list[Any]]:
    return [everyone[at : at + CUSTOMERS_AT_ONCE] for at in range(0, len(everyone), CUSTOMERS_AT_ONCE)]
