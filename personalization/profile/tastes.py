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
        _add_tastes(found, kind, own, keys, by_product)
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


def _add_tastes(
    found: dict[Any, list[Taste]], kind: str, own: orders.PurchaseArrays, keys: ProductKeys, by_product: PurchaseHabits
) -> None:
    """Appends what the customers bought of one kind, with its part of the weight of all that they bought."""
    line, key = keys.of_products(own.product)
    if not len(line):
        return
    all_keys, item = np.unique(key, return_inverse=True)
    customer, ordered_at = own.customer[line].astype(np.int64), own.ordered_at[line]
    pair, entry = np.unique(customer * len(all_keys) + item, return_inverse=True)
    last = np.zeros(len(pair))
    np.maximum.at(last, entry, np.floor(ordered_at))
    days = np.bincount(distinct_pairs(entry, (ordered_at // DAY).astype(np.int64))[0], minlength=len(pair))
    row, key_of_row = keys.of_products(by_product.item)
    pair_of_row = by_product.customer[row] * len(all_keys) + np.searchsorted(all_keys, key_of_row)
    weight = np.bincount(np.searchsorted(pair, pair_of_row), by_product.weight[row], len(pair))
    number, item = np.divmod(pair, len(all_keys))
    total = np.bincount(by_product.customer, by_product.weight, len(own.users))
    share = np.round(weight / np.maximum(total[number], 1e-9), SHARE_DECIMALS)
    sequence = np.lexsort((all_keys[item], -last, -share, number))
    rank = np.arange(len(pair)) - np.searchsorted(number, number[sequence])  # `number` ascends, as pairs do
    strongest = sequence[rank < MAX_TASTES]
    columns = (number, all_keys[item], share, days, last)
    for user, *taste in zip(*(column[strongest].tolist() for column in columns), strict=True):
        found[own.users[user]].append(Taste(str(kind), *taste))
