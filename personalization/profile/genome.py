"""The genomes of one customer or of many, by one function: from order lines to weights that fade with age."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from personalization import conf
from personalization.models import (
    CustomerFacts,
    Genome,
    GenomeMonth,
    Household,
    HouseholdInvitation,
    HouseholdMember,
    Visitor,
)
from personalization.models.lost_connections import streamed_reads
from personalization.profile.customer_facts import build_facts
from personalization.profile.sizes import usual_sizes
from personalization.profile.tastes import purchase_tastes
from personalization.rank.purchase_habits import DECIMALS, PurchaseHabits, purchase_habits
from personalization.recommenders import GUEST
from personalization.shop import catalogue, customers, orders, purchases

MAX_CATEGORIES = 100
"""At most this many categories of a genome are kept, those with the largest shares."""


def refresh_genome(user_ids: Iterable[Any], now: float) -> int:
    """Computes and stores the genomes of these customers, and their facts, and then the genomes of their households;
    gives how many of them have a genome now. `now` in seconds since 1970."""
    user_ids = list(user_ids)
    refreshed = refresh_own_genomes(user_ids, now)
    if conf.get_settings().HOUSEHOLDS and (households := HouseholdMember.objects.households_of(user_ids)):
        refresh_households(households, now)
    return refreshed


def refresh_own_genomes(user_ids: Iterable[Any], now: float) -> int:
    """As `refresh_genome`, without households."""
    user_ids = list(user_ids)
    with transaction.atomic():
        history = read_history(Visitor.objects.lock_consented(user_ids), now)
        genomes = build_genomes(history.purchases, history.members, now)
        sizes = usual_sizes(history.since, now)
        for genome in genomes:
            genome.sizes = sizes.get(genome.user_id, [])
        Genome.objects.store(genomes)
        without_genome = set(user_ids) - {genome.user_id for genome in genomes}
        Genome.objects.filter(user_id__in=without_genome).delete()
        tastes = purchase_tastes(history.purchases, history.members, now)
        CustomerFacts.objects.store(build_facts(history.since, tastes, now))
        delete_profiles(set(user_ids) - history.since.keys())
    return len(genomes)


@transaction.atomic
def refresh_households(keys: Iterable[int], now: float) -> None:
    """Works out the genomes of these households from what their members bought, inside a transaction that may have
    changed who they are.

    Who may not be in one any more (children, who consents no more) is taken out. A household of fewer than two goes,
    unless nobody has joined it yet and an invitation to it holds.
    """
    moment = datetime.fromtimestamp(now, UTC)
    households = Household.objects.lock_households(keys)
    members = HouseholdMember.objects.present(households)
    history = read_history(Visitor.objects.consented(user for _, _, user in members), now)
    HouseholdMember.objects.remove([visitor for _, visitor, user in members if user not in history.since])
    household_of = {user: household for household, _, user in members if user in history.since}
    sizes = Counter(household_of.values())
    invited = HouseholdInvitation.objects.count_open(households, moment)
    genomes = _household_genomes(history, household_of, now)
    together = [household for household in households.values() if sizes[household.pk] > 1]
    for household in together:
        household.take_genome(genomes.get(household.pk), moment)
    Household.objects.store_genomes(together)
    for household in households.values():
        waits = sizes[household.pk] and household.computed_at is None and invited.get(household.pk)
        if sizes[household.pk] < 2 and not waits:
            household.delete()


def _household_genomes(history: "PurchaseHistory", household_of: dict[Any, int], now: float) -> dict[int, Genome]:
    """By household what its members bought together; none for one that bought nothing."""
    keys = sorted(set(household_of.values()))
    number = {key: position for position, key in enumerate(keys)}
    bought = history.purchases
    of_user = np.array([*(number[household_of[user]] for user in bought.users), GUEST], bought.customer.dtype)
    united = replace(bought, users=keys, customer=of_user[bought.customer])  # GUEST is -1: the last entry
    return {genome.user_id: genome for genome in build_genomes(united, history.members, now)}


def delete_profiles(user_ids: Iterable[Any]) -> None:
    """Deletes genomes, those of earlier months, too, facts and tastes of these customers."""
    user_ids = list(user_ids)
    Genome.objects.filter(user_id__in=user_ids).delete()
    CustomerFacts.objects.delete_of(user_ids)
    GenomeMonth.objects.delete_of(user_ids)


def compute_genomes(user_ids: Iterable[Any], now: float) -> list[Genome]:
    """The genomes of those of these customers who consented and had bought something by `now`; nothing is stored."""
    with streamed_reads():
        history = read_history(Visitor.objects.consented(user_ids), now)
    return build_genomes(history.purchases, history.members, now)


@dataclass(frozen=True)
class PurchaseHistory:
    """What customers bought, as far as it may be used."""

    since: dict[Any, float]
    """For each customer the moment before which nothing is used."""
    purchases: orders.PurchaseArrays
    members: catalogue.CategoryMemberships

    def bought_in(self, order_id: int) -> tuple[int, ...]:
        """The different products of an order, by key."""
        return tuple(np.unique(self.purchases.product[self.purchases.order == order_id]).tolist())

    def bought_between(self, user_id: Any, since: float, until: float) -> set[int]:
        """What a customer bought after one moment and before another."""
        rows = self.purchases
        own = rows.customer == self.numbers.get(user_id, len(rows.users))
        return set(rows.product[own & (rows.ordered_at > since) & (rows.ordered_at < until)].tolist())

    def genome_before(self, user_id: Any, moment: float) -> Genome:
        """The genome of a customer from what they had bought before a moment, without what similar customers buy."""
        number = self.numbers.get(user_id, len(self.purchases.users))
        own = self.purchases.select((self.purchases.customer == number) & (self.purchases.ordered_at < moment))
        alone = replace(own, users=[user_id], customer=np.zeros_like(own.customer))
        return next(iter(build_genomes(alone, self.members, moment)), Genome())

    @cached_property
    def numbers(self) -> dict[Any, int]:
        """The position of each customer in the purchases."""
        return {user: number for number, user in enumerate(self.purchases.users)}


def read_history(consented: dict[Any, float], now: float) -> PurchaseHistory:
    """`consented` has for each customer the moment before which purchases are not used. Purchases of sensitive products
    and of children are left out."""
    since = customers.exclude_children(consented)
    bought = orders.read_purchases(purchases.purchase_rows(since), until=now).exclude_customers(since)
    bought = bought.select(catalogue.not_sensitive_mask(bought.product))
    members = catalogue.category_memberships(np.unique(bought.product).tolist())
    return PurchaseHistory(since, bought, members)


def build_genomes(purchases: orders.PurchaseArrays, members: catalogue.CategoryMemberships, now: float) -> list[Genome]:
    """The genomes of the customers in these purchases; guests have none."""
    settings = conf.get_settings()
    signed_in = purchases.customer != GUEST
    customer, product = purchases.customer[signed_in], purchases.product[signed_in]
    ordered_at, half_life = purchases.ordered_at[signed_in], settings.PURCHASE_HALF_LIFE_DAYS
    by_product = purchase_habits(customer, product, ordered_at, now, half_life)
    customers = len(purchases.users)
    products = _rows_by_customer(
        by_product.customer,
        customers,
        by_product.item,
        by_product.weight,
        by_product.days,
        by_product.last,
        by_product.first,
    )
    line, category = _categories_of(product, members)
    by_category = purchase_habits(customer[line], category, ordered_at[line], now, half_life)
    categories = _category_rows(by_product, by_category, members, customers)
    purchase_count = np.bincount(by_product.customer, by_product.days, customers).astype(int)
    product_count = np.bincount(by_product.customer, minlength=customers)
    return [
        Genome(
            user_id=user,
            products=products(number)[: settings.GENOME_MAX_PRODUCTS],
            categories=categories(number)[:MAX_CATEGORIES],
            purchases=int(purchase_count[number]),
            distinct_products=int(product_count[number]),
            computed_at=datetime.fromtimestamp(now, UTC),
        )
        for number, user in enumerate(purchases.users)
        if purchase_count[number]
    ]


def _category_rows(
    by_product: PurchaseHabits, by_category: PurchaseHabits, members: catalogue.CategoryMemberships, customers: int
) -> Callable[[int], list[list]]:
    """A function from a customer's number to their rows [category, share of all weight, purchases, weight of the days
    on which they bought there], the largest share first."""
    order = np.lexsort((by_category.item, by_category.customer))
    customer, category, weight = by_category.customer[order], by_category.item[order], by_category.weight[order]
    row, bought_category = _categories_of(by_product.item, members)
    span = int(bought_category.max(initial=0)) + 1  # customer and category as one number, to look pairs up
    entry = np.searchsorted(customer * span + category, by_product.customer[row] * span + bought_category)
    total = np.bincount(by_product.customer, by_product.weight, customers)
    summed = np.bincount(entry, by_product.weight[row], len(customer))
    share = np.round(summed / np.maximum(total[customer], 1e-9), DECIMALS)
    purchases = np.bincount(entry, by_product.days[row], len(customer)).astype(np.int64)
    order = np.lexsort((category, -share, customer))
    columns = (category[order], share[order], purchases[order], weight[order])
    return _rows_by_customer(customer[order], customers, *columns)


def _categories_of(product: NDArray[Any], members: catalogue.CategoryMemberships) -> tuple[NDArray[Any], NDArray[Any]]:
    """(index in `product`, category), one entry for each category of each product."""
    order = np.argsort(members.product, kind="stable")
    sorted_product = members.product[order]
    start = np.searchsorted(sorted_product, product, "left")
    size = np.searchsorted(sorted_product, product, "right") - start
    row = np.repeat(np.arange(len(product)), size)
    offset = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    return row, members.category[order][start[row] + offset]


def _rows_by_customer(customer: NDArray[Any], customers: int, *columns: NDArray[Any]) -> Callable[[int], list[list]]:
    """A function from a customer's number to their rows of these columns; `customer` is ascending."""
    bounds = np.searchsorted(customer, np.arange(customers + 1))
    lists = [column.tolist() for column in columns]

    def rows_of(number: int) -> list[list]:
        parts = (column[bounds[number] : bounds[number + 1]] for column in lists)
        return [list(row) for row in zip(*parts, strict=True)]

    return rows_of
