"""What customers buy most of: by category, brand, value of an attribute and product, from arrays of purchases."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization import conf
from personalization.models.customer_facts import MAX_TASTES, Taste, TasteKind
from personalization.rank.purchase_habits import PurchaseHabits, purchase_habits
from personalization.recommenders import DAY, GUEST, distinct_pairs
from personalization.shop import catalogue, orders, product_values

SHARE_DECIMALS = 3
NEW_SECONDS = 365 * DAY
"""For so long a category that a customer took up is new."""
SETTLED_SECONDS = 30 * DAY
"""To somebody whose first order is younger everything is new."""
FEWEST_NEW_DAYS = 2
"""What was bought on one day only may have been a present."""


@dataclass(frozen=True)
class ProductKeys:
    """What products belong to: one entry for each pair, products ascending."""

    product: NDArray[np.int64]
    key: NDArray[np.int64]

    def of_products(self, product: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(index in `product`, key), one entry for each key of each of them."""
        start, end = (np.searchsorted(self.product, product, side) for side in ("left", "right"))
        size = end - start
        row = np.repeat(np.arange(len(product)), size)
        offset = np.arange(len(row)) - np.repeat(np.cumsum(size) - size, size)
        return row, self.key[start[row] + offset]


def purchase_tastes(
    purchases: orders.PurchaseArrays, members: catalogue.CategoryMemberships, now: float
) -> dict[Any, list[Taste]]:
    """The tastes of the customers in these purchases, the strongest of each kind first."""
    own = purchases.select(purchases.customer != GUEST)
    product = np.unique(own.product)
    values = _attribute_keys(product.tolist())
    belongings = {
        TasteKind.CATEGORY: _sorted(members.product, members.category),
        TasteKind.BRAND: values[0],
        TasteKind.ATTRIBUTE: values[1],
        TasteKind.PRODUCT: ProductKeys(product, product),
    }
    found: dict[Any, list[Taste]] = {user: [] for user in purchases.users}
    half_life = conf.get_settings().PURCHASE_HALF_LIFE_DAYS
    by_product = purchase_habits(own.customer.astype(np.int64), own.product, own.ordered_at, now, half_life)
    for kind, keys in belongings.items():
        habits = _key_habits(own, keys, by_product)
        _add_tastes(found, kind, own.users, habits)
        if kind == TasteKind.CATEGORY:
            _add_new_categories(found, own, habits, now)
    return found


def _attribute_keys(product_ids: Iterable[int]) -> tuple[ProductKeys, ProductKeys]:
    """(brands, values of other attributes)"""
    brand = conf.get_settings().BRAND_ATTRIBUTE
    pairs: tuple[set[tuple[int, int]], set[tuple[int, int]]] = (set(), set())
    for product, code, key in product_values.attribute_values(product_ids):
        pairs[code != brand].add((product, key))
    brands, others = (np.array(sorted(each), np.int64).reshape(-1, 2) for each in pairs)
    return ProductKeys(brands[:, 0], brands[:, 1]), ProductKeys(others[:, 0], others[:, 1])


def _sorted(product: NDArray[np.int64], key: NDArray[np.int64]) -> ProductKeys:
    order = np.argsort(product, kind="stable")
    return ProductKeys(product[order], key[order])


@dataclass(frozen=True)
class KeyHabits:
    """What customers bought of one kind: one entry for each customer and key, customers ascending."""

    customer: NDArray[np.int64]
    key: NDArray[np.int64]
    share: NDArray[np.float64]
    """The part of the weight of all that they bought."""
    days: NDArray[np.int64]
    """On how many days (UTC) they bought it."""
    first: NDArray[np.float64]
    last: NDArray[np.float64]
    """Whole seconds since 1970."""


def _key_habits(own: orders.PurchaseArrays, keys: ProductKeys, by_product: PurchaseHabits) -> KeyHabits:
    line, key = keys.of_products(own.product)
    all_keys, item = np.unique(key, return_inverse=True)
    customer, ordered_at = own.customer[line].astype(np.int64), np.floor(own.ordered_at[line])
    pair, entry = np.unique(customer * max(len(all_keys), 1) + item, return_inverse=True)
    first, last = np.full(len(pair), np.inf), np.zeros(len(pair))
    np.minimum.at(first, entry, ordered_at)
    np.maximum.at(last, entry, ordered_at)
    days = np.bincount(distinct_pairs(entry, (ordered_at // DAY).astype(np.int64))[0], minlength=len(pair))
    row, key_of_row = keys.of_products(by_product.item)
    pair_of_row = by_product.customer[row] * len(all_keys) + np.searchsorted(all_keys, key_of_row)
    weight = np.bincount(np.searchsorted(pair, pair_of_row), by_product.weight[row], len(pair))
    number, item = np.divmod(pair, max(len(all_keys), 1))
    total = np.bincount(by_product.customer, by_product.weight, len(own.users))
    share = np.round(weight / np.maximum(total[number], 1e-9), SHARE_DECIMALS)
    return KeyHabits(number, all_keys[item], share, days, first, last)


def _add_tastes(found: dict[Any, list[Taste]], kind: str, users: list[Any], habits: KeyHabits) -> None:
    """Appends what the customers bought of one kind."""
    sequence = np.lexsort((habits.key, -habits.last, -habits.share, habits.customer))
    strongest = _first_of_each(habits.customer, sequence)
    columns = (habits.customer, habits.key, habits.share, habits.days, habits.last)
    for user, *taste in zip(*(column[strongest].tolist() for column in columns), strict=True):
        found[users[user]].append(Taste(str(kind), *taste))


def _add_new_categories(
    found: dict[Any, list[Taste]], own: orders.PurchaseArrays, categories: KeyHabits, now: float
) -> None:
    """Appends the categories that customers took up within the last year: those of which they bought on two days, the
    first of them well after their first purchase of anything."""
    begun = np.full(len(own.users), np.inf)
    np.minimum.at(begun, own.customer, own.ordered_at)
    settled = categories.first >= begun[categories.customer] + SETTLED_SECONDS
    is_new = settled & (categories.days >= FEWEST_NEW_DAYS) & (categories.first > now - NEW_SECONDS)
    sequence = np.lexsort((categories.key, -categories.first, categories.customer))
    newest = _first_of_each(categories.customer, sequence[is_new[sequence]])
    columns = (categories.customer, categories.key, categories.share, categories.days, categories.first)
    for user, *taste in zip(*(column[newest].tolist() for column in columns), strict=True):
        found[own.users[user]].append(Taste(str(TasteKind.NEW), *taste))


def _first_of_each(customer: NDArray[np.int64], sequence: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of a sequence of indices, which is sorted by customer, as many of each as are kept."""
    ordered = customer[sequence]
    rank = np.arange(len(sequence)) - np.searchsorted(ordered, ordered)
    return sequence[rank < MAX_TASTES]
