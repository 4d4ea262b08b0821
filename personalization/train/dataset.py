"""The only way from rows to arrays: the shop's purchases, catalogue, views and searches as recommenders see them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.models import Visitor
from personalization.models.lost_connections import repeat_on_lost_connection, streamed_reads
from personalization.recommenders import UNKNOWN_COUNTRY, CatalogueArrays, HistoryArrays, KeptTexts, ViewArrays
from personalization.shop import catalogue, orders, product_content, purchases
from personalization.train.card_history import read_cards, shown_arrays
from personalization.train.search_history import SearchLog, read_searches
from personalization.train.search_vocabulary import CatalogueNames
from personalization.train.visitor_actions import DEVICE_NUMBERS, VisitorActions, read_visitor_actions

Progress = Callable[[Iterable[Any], str, int | None], Iterable[Any]]
"""Passes a stream on and shows its progress: (stream, description, length); None where counting would be reading it
twice."""

FindProducts = Callable[[str, int], Sequence[int]]
"""Asks the shop's search engine: (query, limit) -> the primary keys of the products found, in its order."""


@dataclass(frozen=True)
class TrainingDataset:
    """The input of a training run."""

    history: HistoryArrays
    product_id: NDArray[np.int64]
    """The primary keys of the products that `history` numbers, ascending."""
    created: NDArray[np.float64]
    """When each product was created, in seconds since 1970."""
    members: catalogue.CategoryMemberships
    views_by_device: Mapping[str, ViewArrays] = field(default_factory=dict)
    """By type of device, those of the views in `history` that a device of this type reported."""
    searches: SearchLog = field(default_factory=SearchLog)
    """Searches, and what was done afterwards."""
    names: CatalogueNames = field(default_factory=CatalogueNames)
    """What products and categories are called."""
    find_products: FindProducts | None = None
    """The shop's search engine; None where it is not to be asked."""

    def with_kept_texts(self, kept_texts: KeptTexts | None) -> "TrainingDataset":
        """As one that goes on from what an earlier run learned from the texts."""
        return replace(
            self, history=replace(self.history, catalogue=replace(self.history.catalogue, kept_texts=kept_texts))
        )


@repeat_on_lost_connection
def read_dataset(now: float, progress: Progress, find_products: FindProducts | None = None) -> TrainingDataset:
    """The shop up to `now` (seconds since 1970). Order lines and views of sensitive products, and of products that
    cannot be browsed (any more), are left out, and so is what belongs to customers who opted out."""
    with streamed_reads():
        return _read_dataset(now, progress, find_products)


def _read_dataset(now: float, progress: Progress, find_products: FindProducts | None) -> TrainingDataset:
    product_id, created = catalogue.browsable_products()
    not_sensitive = catalogue.not_sensitive_mask(product_id)
    product_id, created = product_id[not_sensitive], created[not_sensitive]
    members = catalogue.category_memberships()
    rows = progress(purchases.purchase_rows(), "Reading order lines", None)
    opted_out_until = Visitor.objects.opted_out()
    bought = orders.read_purchases(rows, until=now).exclude_customers(opted_out_until)
    kept, product = _number_products(bought.product, product_id)
    _, order = np.unique(bought.order[kept], return_inverse=True)
    country, countries = _countries(bought.order[kept])
    actions = read_visitor_actions(bought.users, opted_out_until, progress)
    views, views_by_device = _views(actions, product_id, now)
    history = HistoryArrays(
        customer=bought.customer[kept],
        order=order.astype(np.int32),
        product=product,
        ordered_at=bought.ordered_at[kept],
        products=len(product_id),
        now=now,
        catalogue=_catalogue_arrays(product_id, created, members),
        views=views,
        country=country,
        countries=countries,
        shown=shown_arrays(progress(read_cards(now), "Reading clicks", 2), now, product_id),
    )
    searches = read_searches(actions, product_id, bought, now)
    names = _catalogue_names(product_id, members)
    return TrainingDataset(history, product_id, created, members, views_by_device, searches, names, find_products)


def _number_products(
    keys: NDArray[np.int64], product_id: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.int32]]:
    """A mask of the keys that are among the products, and the numbers of these products."""
    index = np.minimum(np.searchsorted(product_id, keys), max(len(product_id) - 1, 0))
    known = product_id[index] == keys if len(product_id) else np.zeros(len(keys), bool)
    return known, index[known].astype(np.int32)


def _countries(order: NDArray[np.int64]) -> tuple[NDArray[np.int32], list[str]]:
    """The number of the country of each of these orders, and the codes of the countries."""
    shipped, code = orders.customer_countries()
    codes, number = np.unique(np.char.upper(code), return_inverse=True)
    known, index = _number_products(order, shipped)
    country = np.full(len(order), UNKNOWN_COUNTRY, np.int32)
    country[known] = number[index]
    return country, codes.tolist()


def _catalogue_arrays(
    product_id: NDArray[np.int64], created: NDArray[np.float64], members: catalogue.CategoryMemberships
) -> CatalogueArrays:
    blank = CatalogueArrays.empty(len(product_id))
    priced, price = product_content.product_prices()
    known, product = _number_products(priced, product_id)
    blank.price[product] = price[known]
    leaf_category, category_key = _leaf_categories(product_id, members)
    return CatalogueArrays(leaf_category, blank.price, created, _texts(product_id), category_key)


def _leaf_categories(
    product_id: NDArray[np.int64], members: catalogue.CategoryMemberships
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The leaf category of each product: numbers without gaps, in the sequence of the categories' paths, and keys; -1
    for none."""
    product, category = _products_in_leaves(product_id, members)
    number = {key: row for row, key in enumerate(_used_leaves(category, members))}
    leaf_category, category_key = np.full(len(product_id), -1, np.int32), np.full(len(product_id), -1, np.int64)
    leaf_category[product] = [number[key] for key in category]
    category_key[product] = category
    return leaf_category, category_key


def _products_in_leaves(
    product_id: NDArray[np.int64], members: catalogue.CategoryMemberships
) -> tuple[NDArray[np.int32], list[int]]:
    """(numbers of products, the key of the leaf category of each)"""
    categorised, category = catalogue.leaf_categories(members)
    known, product = _number_products(categorised, product_id)
    return product, category[known].tolist()


def _used_leaves(categories: Iterable[int], members: catalogue.CategoryMemberships) -> list[int]:
    """These categories, each once, in the sequence of their paths."""
    used = set(categories)
    return [key for key in members.depth if key in used]


def _catalogue_names(product_id: NDArray[np.int64], members: catalogue.CategoryMemberships) -> CatalogueNames:
    """The titles of the products, and the names of their leaf categories with those above."""
    titles, names = catalogue.product_titles(), catalogue.category_names_by_id()
    leaves = _used_leaves(_products_in_leaves(product_id, members)[1], members)
    return CatalogueNames(
        titles=[titles.get(key, "") for key in product_id.tolist()],
        leaf_names=[names.get(key, "") for key in leaves],
        leaf_paths=[" ".join(names.get(key, "") for key in members.ancestors_and_self(leaf)) for leaf in leaves],
    )


def _texts(product_id: NDArray[np.int64]) -> list[str]:
    index = {key: number for number, key in enumerate(product_id.tolist())}
    text = [""] * len(product_id)
    for key, part in product_content.product_texts():
        if key in index:
            text[index[key]] = f"{text[index[key]]} {part}".strip()
    return text


def _views(
    actions: VisitorActions, product_id: NDArray[np.int64], now: float
) -> tuple[ViewArrays, dict[str, ViewArrays]]:
    """The views of these products, those that Oscar recorded and those among our own events; and of the latter those
    that each type of device reported."""
    seen = actions.views
    seen = seen[seen["at"] <= now]
    known, product = _number_products(seen["product"], product_id)
    views = ViewArrays(seen["visitor"][known].astype(np.int32), product, seen["at"][known])
    device = seen["device"][known]
    return views, {name: views.take(device == number) for name, number in DEVICE_NUMBERS.items()}
