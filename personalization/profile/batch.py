"""The genomes of all customers, with what only a comparison of all can tell: what similar customers buy (user-kNN). For
workers only: it needs scipy, which a web process does not load.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from personalization import conf
from personalization.batching import batched
from personalization.models import CustomerFacts, Genome, GenomeMonth, Household, Visitor
from personalization.models.lost_connections import repeat_on_lost_connection
from personalization.profile.due_genomes import begin_sweep
from personalization.profile.genome import compute_genomes, refresh_households, refresh_own_genomes
from personalization.rank.snapshot_arrays import lookup_indices
from personalization.recommenders._user_neighbours import UserItemWeights, neighbour_products, sample_pool
from personalization.shop import customers, purchases

BATCH_SIZE = 250
"""Bounds the memory."""
HOUSEHOLDS_AT_ONCE = 50
"""Households are locked while they are worked out: nobody who leaves one may wait long."""


class NeighbourPool:
    """The sample of customers with whom each customer is compared."""

    def __init__(self, genomes: Iterable[Genome]) -> None:
        # One genome at a time: a row is large, its array small.
        weights = {genome.user_id: _product_weights(genome) for genome in genomes}
        self._number = {user: number for number, user in enumerate(weights)}
        products = np.concatenate([np.empty(0), *(pairs[:, 0] for pairs in weights.values())])
        self._products = np.unique(products.astype(np.int64))
        self._user_items = self._to_user_items(weights.values())

    def compare(self, genomes: Sequence[Genome]) -> None:
        """Fills in `neighbour_products` of these genomes: what the most similar customers of the pool buy."""
        pool_index = np.array([self._number.get(genome.user_id, -1) for genome in genomes], np.int64)
        users = self._to_user_items(map(_product_weights, genomes))
        found = neighbour_products(users, self._user_items, pool_index, conf.get_settings().MIN_CUSTOMERS)
        for genome, (products, weight) in zip(genomes, found, strict=True):
            pairs = zip(self._products[products].tolist(), weight.tolist(), strict=True)
            genome.neighbour_products = [list(pair) for pair in pairs]

    def _to_user_items(self, weights: Iterable[NDArray[np.float64]]) -> UserItemWeights:
        """From the (product's key, weight) of each customer, without products that nobody in the pool bought."""
        pairs = list(weights)
        rows = np.concatenate([np.empty((0, 2)), *pairs])
        product = lookup_indices(self._products, rows[:, 0].astype(np.int64))
        known = product >= 0
        customer = np.repeat(np.arange(len(pairs)), [len(each) for each in pairs])
        return UserItemWeights(customer[known], product[known], rows[known, 1], len(pairs), len(self._products))


def _product_weights(genome: Genome) -> NDArray[np.float64]:
    """(product's key, weight), one row for each product; shape (products, 2)."""
    return np.array([row[:2] for row in genome.products], np.float64).reshape(-1, 2)


def refresh_all_genomes(now: float, progress: Callable[[Sequence], Iterable] = iter, *, whole: bool = True) -> int:
    """Computes and stores the genomes and the facts of customers who consented, in batches: of all, or without `whole`
    of those that are due (`due_genomes`); gives how many were worked out and are there.

    What similar customers buy is worked out again for all whose genome changed since the last sweep. It may be killed
    at any point: the next one goes on with those that are still due.
    """
    consented = repeat_on_lost_connection(_consented_adults)()
    users = repeat_on_lost_connection(_consented_users)()
    refresh = repeat_on_lost_connection(refresh_own_genomes)
    sweep = repeat_on_lost_connection(begin_sweep)(now)
    whole = whole or sweep.last_began is None
    due = consented if whole else repeat_on_lost_connection(sweep.due_customers)(consented)
    stored = sum(refresh(batch, now) for batch in progress(list(batched(due, BATCH_SIZE))))
    repeat_on_lost_connection(Genome.objects.delete_except)(users)
    repeat_on_lost_connection(CustomerFacts.objects.delete_except)(consented)
    repeat_on_lost_connection(GenomeMonth.objects.delete_except)(consented)
    repeat_on_lost_connection(CustomerFacts.objects.store_tiers)()
    if conf.get_settings().HOUSEHOLDS:
        _refresh_all_households(now)
    changed = users if whole else repeat_on_lost_connection(sweep.changed_customers)(users)
    pool = repeat_on_lost_connection(_neighbour_pool)(_sampled_users(users))
    for batch in progress(list(batched(changed, BATCH_SIZE))):
        _refresh_neighbours(pool, batch)
    repeat_on_lost_connection(sweep.finish)()
    return stored


def _refresh_all_households(now: float) -> None:
    """Also of those that nobody else refreshes: purchases fade, invitations expire, children are found out."""
    key = 0
    while keys := repeat_on_lost_connection(Household.objects.keys_after)(key, HOUSEHOLDS_AT_ONCE):
        repeat_on_lost_connection(refresh_households)(keys, now)
        key = keys[-1]


def _neighbour_pool(users: list[Any]) -> NeighbourPool:
    return NeighbourPool(_stored_genomes(users))


@repeat_on_lost_connection
@transaction.atomic
def _refresh_neighbours(pool: NeighbourPool, batch: list[Any]) -> None:
    genomes = _sorted_by_user(Genome.objects.of_customers(Visitor.objects.lock_consented(batch)))
    pool.compare(genomes)
    Genome.objects.store_neighbours(genomes)


def computed_at(now: float) -> Callable[[Iterable[Any]], dict[Any, Genome]]:
    """A function from customers to their genomes as they were at an earlier moment; nothing is stored."""
    sampled = batched(_sampled_users(_consented_users()), BATCH_SIZE)
    pool = NeighbourPool(genome for batch in sampled for genome in _sorted_by_user(_compute_genomes(batch, now)))

    def of_customers(user_ids: Iterable[Any]) -> dict[Any, Genome]:
        genomes = _compute_genomes(list(user_ids), now)
        pool.compare(list(genomes.values()))
        return genomes

    return of_customers


def _consented_users() -> list[Any]:
    """The keys of all customers who ever bought something and consented, in a fixed sequence."""
    consented = set(_consented_adults())
    return [user_id for user_id in purchases.buying_customers() if user_id in consented]


def _consented_adults() -> list[Any]:
    """The keys of all customers who consented, in a fixed sequence."""
    return sorted(customers.exclude_children(Visitor.objects.consented()))


def _stored_genomes(user_ids: list[Any]) -> Iterator[Genome]:
    for batch in batched(user_ids, BATCH_SIZE):
        yield from _sorted_by_user(Genome.objects.of_customers(batch))


def _compute_genomes(user_ids: list[Any], now: float) -> dict[Any, Genome]:
    genomes = (each for batch in batched(user_ids, BATCH_SIZE) for each in compute_genomes(batch, now))
    return {each.user_id: each for each in genomes}


def _sampled_users(users: list[Any]) -> list[Any]:
    return [users[number] for number in sample_pool(len(users)).tolist()]


def _sorted_by_user(genomes: dict[Any, Genome]) -> list[Genome]:
    return [genomes[key] for key in sorted(genomes)]
