"""Everyone's genome at once, and what only a look at everyone can tell: the habits of similar customers. For workers
only: it needs scipy, which a web process does not load.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from personalization import conf
from personalization.batching import batched
from personalization.models import Genome, Visitor
from personalization.profile import genome
from personalization.rank.snapshot_arrays import lookup_indices
from personalization.recommenders._user_neighbours import UserItemWeights, neighbour_products, sample_pool
from personalization.shop import customers, orders

CUSTOMERS_AT_ONCE = 250
"""Bounds the memory of a sweep."""


class NeighbourPool:
    """The customers with whom each customer is compared."""

    def __init__(self, genomes: Iterable[Genome]) -> None:
        kept = [
            (genome.user_id, _history_weights(genome)) for genome in genomes
        ]  # one at a time: rows are large, arrays small
        self._row = {user: row for row, (user, _) in enumerate(kept)}
        self._products = np.unique(np.concatenate([np.empty(0), *(pairs[:, 0] for _, pairs in kept)]).astype(np.int64))
        self._habits = self._table([pairs for _, pairs in kept])

    def compare(self, genomes: Sequence[Genome]) -> None:
        """Fills in what the customers of the pool buy whose habits are most like those of each genome."""
        same = np.array([self._row.get(each.user_id, -1) for each in genomes], np.int64)
        found = neighbour_products(
            self._table(map(_history_weights, genomes)), self._habits, same, conf.get_settings().MIN_CUSTOMERS
        )
        for row, (places, weight) in zip(genomes, found, strict=True):
            pairs = zip(self._products[places].tolist(), weight.tolist(), strict=True)
            row.neighbour_products = [list(pair) for pair in pairs]

    def _table(self, habits: Iterable[NDArray[np.float64]]) -> UserItemWeights:
        pairs = list(habits)
        rows = np.concatenate([np.empty((0, 2)), *pairs])
        product = lookup_indices(self._products, rows[:, 0].astype(np.int64))
        known = product >= 0
        customer = np.repeat(np.arange(len(pairs)), [len(each) for each in pairs])
        return UserItemWeights(customer[known], product[known], rows[known, 1], len(pairs), len(self._products))


def _history_weights(genome: Genome) -> NDArray[np.float64]:
    """(product's key, weight), a row a product."""
    return np.array([row[:2] for row in genome.products], np.float64).reshape(-1, 2)


def refresh_all_genomes(now: float, progress: Callable[[Sequence], Iterable] = iter) -> int:
    """Works out and stores the genome of every customer who agrees, some at a time; how many have one now."""
    everyone = _consented_users()
    batches = list(batched(everyone, CUSTOMERS_AT_ONCE))
    kept = sum(genome.refresh_genome(batch, now) for batch in progress(batches))
    Genome.objects.delete_except(everyone)
    pool = NeighbourPool(_stored_genomes(_pool_of(everyone)))
    for batch in progress(batches):
        _refresh_neighbours(pool, batch)
    return kept


@transaction.atomic
def _refresh_neighbours(pool: NeighbourPool, batch: list[Any]) -> None:
    genomes = _sorted_batches(Genome.objects.of_customers(Visitor.objects.lock_consented(batch)))
    pool.compare(genomes)
    Genome.objects.store_neighbours(genomes)


def computed_at(now: float) -> Callable[[Iterable[Any]], dict[Any, Genome]]:
    """Gives the genomes of some customers as they were at an earlier moment; nothing is stored."""
    pooled = batched(_pool_of(_consented_users()), CUSTOMERS_AT_ONCE)
    pool = NeighbourPool(each for batch in pooled for each in _sorted_batches(_compute_genomes(batch, now)))

    def of_customers(user_ids: Iterable[Any]) -> dict[Any, Genome]:
        found = _compute_genomes(list(user_ids), now)
        pool.compare(list(found.values()))
        return found

    return of_customers


def _consented_users() -> list[Any]:
    """The keys of all customers who ever ordered and agree, in a fixed sequence."""
    agreed = customers.exclude_children(Visitor.objects.consented())
    return [user_id for user_id in orders.ordering_customers() if user_id in agreed]


def _stored_genomes(user_ids: list[Any]) -> Iterator[Genome]:
    for batch in batched(user_ids, CUSTOMERS_AT_ONCE):
        yield from _sorted_batches(Genome.objects.of_customers(batch))


def _compute_genomes(user_ids: list[Any], now: float) -> dict[Any, Genome]:
    found = (each for batch in batched(user_ids, CUSTOMERS_AT_ONCE) for each in genome.compute_genomes(batch, now))
    return {each.user_id: each for each in found}


def _pool_of(everyone: list[Any]) -> list[Any]:
    return [everyone[row] for row in sample_pool(len(everyone)).tolist()]


def _sorted_batches(genomes: dict[Any, Genome]) -> list[Genome]:
    return [genomes[key] for key in sorted(genomes)]
