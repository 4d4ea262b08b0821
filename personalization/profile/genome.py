"""The genome of one customer or of all: one function, from order lines to weights that fade with age."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization import conf
from personalization.models import Genome
from personalization.oscar import catalogue, orders
from personalization.recommenders import DAY, GUEST, distinct

CUSTOMERS_AT_ONCE = 1_000
"""Bounds the memory of a sweep."""
CATEGORIES_KEPT = 100
"""The categories of a genome, the largest shares first."""


def refresh(user_ids: Iterable[Any], now: float) -> int:
    """Works out the genomes of these customers anew and stores them; how many of them have one now."""
    user_ids = list(user_ids)
    purchases = orders.purchases(orders.line_values(orders.bought_lines(user_ids)), until=now)
    members = catalogue.members(np.unique(purchases.product).tolist())
    Genome.objects.store(genomes(purchases, members, now))
    emptied = set(user_ids) - set(purchases.users)
    Genome.objects.filter(user_id__in=emptied).delete()
    return len(purchases.users)


def sweep(now: float, progress: Callable[[Sequence], Iterable] = iter) -> int:
    """The same for every customer, some at a time; how many have a genome now."""
    everyone = list(orders.customers())
    batches = [everyone[at : at + CUSTOMERS_AT_ONCE] for at in range(0, len(everyone), CUSTOMERS_AT_ONCE)]
    kept = sum(refresh(batch, now) for batch in progress(batches))
    Genome.objects.drop_except(everyone)
    return kept


def genomes(purchases: orders.Purchases, members: catalogue.Members, now: float) -> list[Genome]:
    """The genomes of the customers in these purchases; guests have none.

    A product's weight is the sum over the days on which it was bought of 0.5 ** (age / half life).
    """
    settings = conf.current()
    known = purchases.customer != GUEST
    day = (purchases.placed[known] // DAY).astype(np.int64)
    customer, product, day = distinct(purchases.customer[known], purchases.product[known], day)
    fade = 0.5 ** ((now / DAY - day) / settings.half_life_days)
    customer, product, weight, times, first = _summed(customer, product, fade, np.ones(len(day), np.int64))
    last = (np.append(day[first[1:] - 1], day[-1:]) + 0.5) * DAY
    row, category = _categories_of(product, members)
    category_of, category, category_weight, category_times, _ = _summed(
        customer[row], category, weight[row], times[row]
    )
    people = len(purchases.users)
    total = np.bincount(customer, weight, minlength=people)
    share = category_weight / total[category_of]
    products = _strongest(people, customer, np.round(weight, 4), product, times, last.astype(np.int64))
    categories = _strongest(people, category_of, np.round(share, 4), category, category_times)
    return [
        Genome(
            user_id=user,
            products=[[key, value, *rest] for value, key, *rest in products(place)][: settings.genome_products],
            categories=[[key, value, *rest] for value, key, *rest in categories(place)][:CATEGORIES_KEPT],
            purchases=int(times[customer == place].sum()),
            distinct=int((customer == place).sum()),
            as_of=datetime.fromtimestamp(now, UTC),
        )
        for place, user in enumerate(purchases.users)
    ]


def _summed(customer: NDArray, key: NDArray, weight: NDArray, times: NDArray) -> tuple[NDArray, ...]:
    """(customer, key, sum of weights, sum of times, first row), one entry for each customer and key, sorted by both."""
    order = np.lexsort((key, customer))
    customer, key, weight, times = customer[order], key[order], weight[order], times[order]
    new = np.ones(len(key), bool)
    new[1:] = (customer[1:] != customer[:-1]) | (key[1:] != key[:-1])
    first = np.flatnonzero(new)
    if not len(first):
        return customer, key, weight, times, first
    return customer[first], key[first], np.add.reduceat(weight, first), np.add.reduceat(times, first), first


def _categories_of(product: NDArray, members: catalogue.Members) -> tuple[NDArray, NDArray]:
    """(row of `product`, category), one entry for each category that the product lies in."""
    order = np.argsort(members.product, kind="stable")
    known = members.product[order]
    start = np.searchsorted(known, product, "left")
    size = np.searchsorted(known, product, "right") - start
    row = np.repeat(np.arange(len(product)), size)
    inside = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    return row, members.category[order][start[row] + inside]


def _strongest(people: int, customer: NDArray, weight: NDArray, *columns: NDArray) -> Callable[[int], list[tuple]]:
    """Gives for a customer the rows (weight, *columns), the heaviest first; equal ones by the first column."""
    order = np.lexsort((columns[0], -weight, customer))
    bounds = np.searchsorted(customer[order], np.arange(people + 1))
    table = [column[order].tolist() for column in (weight, *columns)]

    def rows(place: int) -> list[tuple]:
        return list(zip(*(column[bounds[place] : bounds[place + 1]] for column in table), strict=True))

    return rows
