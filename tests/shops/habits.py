"""A shop as a training run reads it, without a database: 260 customers whose next purchases are known.

Every customer buys three products each week, and with `novelties` one product only once.
"""

from dataclasses import replace
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from personalization.recommenders import DAY, CatalogueArrays, HistoryArrays
from personalization.shop.catalogue import CategoryMemberships
from personalization.testing import REFERENCE_TIME, make_history
from personalization.train.dataset import TrainingDataset
from personalization.train.fit import fit_arrays
from personalization.train.ranking_examples import Backtest
from personalization.train.run import no_progress
from personalization.train.search_examples import observe_searches
from personalization.train.search_vocabulary import CatalogueNames

CUSTOMERS = 260
WEEKS = 10
GROUPS = 4
WEEKLY, ONCE = 10, 10
"""Products that the customers of a group buy every week, and products that each of them buys once."""
PRODUCTS = GROUPS * (WEEKLY + ONCE)
CUT_WEEKS = 4
"""Weeks that are held back for evaluation."""


def weekly(customer: int) -> list[int]:
    """The three products that a customer buys every week."""
    return [customer % GROUPS * WEEKLY + (customer // GROUPS + step) % WEEKLY for step in range(3)]


def once(customer: int, week: int) -> int:
    """The product that a customer buys in one week only; over ten weeks, all ten of the group."""
    return GROUPS * WEEKLY + customer % GROUPS * ONCE + (customer // GROUPS * 3 + week) % ONCE


def placed(week: int) -> float:
    """The timestamp of the orders of a week; those of the last week are placed yesterday."""
    return REFERENCE_TIME - DAY * (1 + 7 * (WEEKS - 1 - week))


def rows(customers: int = CUSTOMERS, novelties: bool = True) -> list[tuple[int, int, int, float]]:
    """Order lines as (customer, order, product, timestamp)."""
    return [
        (customer, week * customers + customer, product, placed(week))
        for week in range(WEEKS)
        for customer in range(customers)
        for product in (*weekly(customer), *([once(customer, week)] if novelties else []))
    ]


def shop_of(lines: list[tuple[int, int, int, float]], products: int = PRODUCTS) -> TrainingDataset:
    """The dataset of these order lines.

    Product n has the key 10 n + 7, and its leaf category is its group's.
    """
    numbers = np.arange(products)
    kind = np.where(numbers < GROUPS * WEEKLY, numbers // WEEKLY, numbers // ONCE).astype(np.int32)
    catalogue = replace(
        CatalogueArrays.empty(products), leaf_category=kind, price=np.linspace(1, 9, products, dtype=np.float32)
    )
    history = replace(make_history(lines, products), catalogue=catalogue)
    keys = 10 * numbers + 7
    members = CategoryMemberships(category=kind.astype(np.int64) + 1, product=keys, depth=dict.fromkeys(range(1, 9), 1))
    leaves = [f"Group {number}" for number in range(int(kind.max(initial=-1)) + 1)]
    names = CatalogueNames([f"Thing {number}" for number in range(products)], leaves, leaves)
    find = partial(find_by_number, keys=keys, kind=kind)
    return TrainingDataset(history, keys, catalogue.created, members, names=names, find_products=find)


def find_by_number(query: str, limit: int, *, keys: NDArray, kind: NDArray) -> list[int]:
    """A search engine: "thing 7" is one product, any other number is that of a group."""
    number = int(query.rsplit(maxsplit=1)[-1]) if query.rsplit(maxsplit=1)[-1].isdigit() else -1
    found = keys == 10 * number + 7 if query.startswith("thing") else kind == number
    return keys[found].tolist()[:limit]


def shuffled(shop: TrainingDataset, seed: int = 7) -> TrainingDataset:
    """The shop with its order lines in another sequence."""
    lines = np.random.default_rng(seed).permutation(len(shop.history.product))
    return replace(shop, history=taken(shop.history, lines))


def taken(history: HistoryArrays, lines: NDArray) -> HistoryArrays:
    """A history of these order lines only, given by their positions."""
    columns = ("customer", "order", "product", "ordered_at", "country")
    return replace(history, **{name: getattr(history, name)[lines] for name in columns})


def past_of(shop: TrainingDataset) -> Backtest:
    """The backtest that holds back the last weeks."""
    before = shop.history.until(REFERENCE_TIME - CUT_WEEKS * 7 * DAY)
    found = Backtest.cutoff(shop.history, before, fit_arrays(shop, before, no_progress))
    return found.with_searches(observe_searches(found, shop, no_progress))


@cache
def past() -> Backtest:
    """The backtest of the whole shop, computed once."""
    return past_of(shop_of(rows()))
