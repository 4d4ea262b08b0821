"""The genome of one customer or of some: one function, from order lines to weights that fade with age."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from personalization import conf
from personalization.models import Genome, Visitor
from personalization.rank.purchase_habits import DECIMALS, PurchaseHabits, purchase_habits
from personalization.recommenders import GUEST
from personalization.shop import catalogue, customers, orders

MAX_CATEGORIES = 100
"""The categories of a genome, the largest shares first."""


def refresh_genome(user_ids: Iterable[Any], now: float) -> int:
    """Works out the genomes of these customers anew and stores them; how many of them have one now."""
    user_ids = list(user_ids)
    with transaction.atomic():
        found = _compute_rows(Visitor.objects.lock_consented(user_ids), now)
        Genome.objects.store(found)
        emptied = set(user_ids) - {genome.user_id for genome in found}
        Genome.objects.filter(user_id__in=emptied).delete()
    return len(found)


def compute_genomes(user_ids: Iterable[Any], now: float) -> list[Genome]:
    """The genomes of those of these customers who agree to it and had bought something by then, not stored."""
    return _compute_rows(Visitor.objects.consented(user_ids), now)


def _compute_rows(agreed: dict[Any, float], now: float) -> list[Genome]:
    """Without purchases of sensitive products."""
    agreed = customers.exclude_children(agreed)
    purchases = orders.read_purchases(orders.line_values(orders.bought_lines(agreed)), until=now).exclude_customers(
        agreed
    )
    purchases = purchases.select(catalogue.not_sensitive_mask(purchases.product))
    members = catalogue.category_memberships(np.unique(purchases.product).tolist())
    return build_genomes(purchases, members, now)


def build_genomes(purchases: orders.PurchaseArrays, members: catalogue.CategoryMemberships, now: float) -> list[Genome]:
    """The genomes of the customers in these purchases; guests have none."""
    settings = conf.get_settings()
    known = purchases.customer != GUEST
    customer, product, placed = purchases.customer[known], purchases.product[known], purchases.ordered_at[known]
    own = purchase_habits(customer, product, placed, now, settings.PURCHASE_HALF_LIFE_DAYS)
    people = len(purchases.users)
    products = _rows_of(own.customer, people, own.item, own.weight, own.days, own.last, own.first)
    line, category = _categories_of(product, members)
    there = purchase_habits(customer[line], category, placed[line], now, settings.PURCHASE_HALF_LIFE_DAYS)
    categories = _categories(own, there, members, people)
    times = np.bincount(own.customer, own.days, people).astype(int)
    distinct = np.bincount(own.customer, minlength=people)
    return [
        Genome(
            user_id=user,
            products=products(place)[: settings.GENOME_MAX_PRODUCTS],
            categories=categories(place)[:MAX_CATEGORIES],
            purchases=int(times[place]),
            distinct_products=int(distinct[place]),
            computed_at=datetime.fromtimestamp(now, UTC),
        )
        for place, user in enumerate(purchases.users)
        if times[place]
    ]


def _categories(
    own: PurchaseHabits, there: PurchaseHabits, members: catalogue.CategoryMemberships, people: int
) -> Callable[[int], list[list]]:
    """Gives for a customer the rows [category, share of all weight, purchases, fading days], largest share first, from
    their habits with products and with categories."""
    order = np.lexsort((there.item, there.customer))
    who, where, fading = there.customer[order], there.item[order], there.weight[order]
    row, category = _categories_of(own.item, members)
    span = int(category.max(initial=0)) + 1
    at = np.searchsorted(who * span + where, own.customer[row] * span + category)
    total = np.bincount(own.customer, own.weight, people)
    share = np.round(np.bincount(at, own.weight[row], len(who)) / np.maximum(total[who], 1e-9), DECIMALS)
    purchases = np.bincount(at, own.days[row], len(who)).astype(np.int64)
    order = np.lexsort((where, -share, who))
    return _rows_of(who[order], people, where[order], share[order], purchases[order], fading[order])


def _categories_of(product: NDArray, members: catalogue.CategoryMemberships) -> tuple[NDArray, NDArray]:
    """(row of `product`, category), one entry for each category that the product lies in."""
    order = np.argsort(members.product, kind="stable")
    known = members.product[order]
    start = np.searchsorted(known, product, "left")
    size = np.searchsorted(known, product, "right") - start
    row = np.repeat(np.arange(len(product)), size)
    inside = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    return row, members.category[order][start[row] + inside]


def _rows_of(customer: NDArray, people: int, *columns: NDArray) -> Callable[[int], list[list]]:
    """Gives for a customer the rows of the columns; `customer` is ascending."""
    bounds = np.searchsorted(customer, np.arange(people + 1))
    table = [column.tolist() for column in columns]

    def rows(place: int) -> list[list]:
        parts = (column[bounds[place] : bounds[place + 1]] for column in table)
        return [list(row) for row in zip(*parts, strict=True)]

    return rows
