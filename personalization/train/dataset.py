"""The only road from rows to arrays: the shop's orders, catalogue and views as recommenders see them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.models import Event, Visitor
from personalization.rank.snapshot_arrays import DEVICES
from personalization.recommenders import UNKNOWN_COUNTRY, CatalogueArrays, HistoryArrays, ViewArrays
from personalization.shop import catalogue, orders, product_views
from personalization.train.search_history import SearchLog, read_searches

Progress = Callable[[Iterable, str, int], Iterable]
"""Passes a stream on and shows how far it is: (stream, what it is, how long it is)."""


@dataclass(frozen=True)
class TrainingDataset:
    """All that a training run reads."""

    history: HistoryArrays
    product_id: NDArray[np.int64]
    """The primary keys of the products that `history` numbers, ascending."""
    created: NDArray[np.float64]
    """When each of them was created, in seconds since 1970."""
    members: catalogue.CategoryMemberships
    views_by_device: Mapping[str, ViewArrays] = field(default_factory=dict)
    """By kind of device, the views that were reported by one; the same views as in `history`."""
    searches: SearchLog = field(default_factory=SearchLog)
    """What was searched for, and what was done afterwards."""


def read_dataset(now: float, progress: Progress) -> TrainingDataset:
    """The shop up to now. Lines and views of sensitive products, and of those that cannot be browsed (any more), are
    left out."""
    product_id, created = catalogue.browsable_products()
    telling = catalogue.not_sensitive_mask(product_id)
    product_id, created = product_id[telling], created[telling]
    members = catalogue.category_memberships()
    lines = orders.bought_lines()
    rows = progress(orders.line_values(lines), "Reading order lines", lines.count())
    unheard = Visitor.objects.opted_out()
    bought = orders.read_purchases(rows, until=now).exclude_customers(unheard)
    known, product = _number_products(bought.product, product_id)
    _, order = np.unique(bought.order[known], return_inverse=True)
    country, countries = _countries(bought.order[known])
    heard = _ConsentedViews(product_id, bought.users, unheard, now)
    history = HistoryArrays(
        customer=bought.customer[known],
        order=order.astype(np.int32),
        product=product,
        ordered_at=bought.ordered_at[known],
        products=len(product_id),
        now=now,
        catalogue=_catalogue_arrays(product_id, created, members),
        views=_read_views(heard, progress),
        country=country,
        countries=countries,
    )
    looked = {
        device: heard.consented_views(Event.objects.views().for_device(device).by_customer()) for device in DEVICES
    }
    searched = read_searches(product_id, bought, unheard, now, progress)
    return TrainingDataset(history, product_id, created, members, looked, searched)


def _number_products(
    keys: NDArray[np.int64], product_id: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.int32]]:
    """Which of these keys are among the products, and the numbers of those."""
    place = np.minimum(np.searchsorted(product_id, keys), max(len(product_id) - 1, 0))
    known = product_id[place] == keys if len(product_id) else np.zeros(len(keys), bool)
    return known, place[known].astype(np.int32)


def _countries(order: NDArray[np.int64]) -> tuple[NDArray[np.int32], list[str]]:
    """The country of each of these orders, and the codes."""
    sent, code = orders.customer_countries()
    codes, number = np.unique(np.char.upper(code), return_inverse=True)
    known, place = _number_products(order, sent)
    country = np.full(len(order), UNKNOWN_COUNTRY, np.int32)
    country[known] = number[place]
    return country, codes.tolist()


def _catalogue_arrays(
    product_id: NDArray[np.int64], created: NDArray[np.float64], members: catalogue.CategoryMemberships
) -> CatalogueArrays:
    blank = CatalogueArrays.empty(len(product_id))
    priced, price = catalogue.product_prices()
    known, product = _number_products(priced, product_id)
    blank.price[product] = price[known]
    blank.leaf_category[:] = _leaf_categories(product_id, members)
    return CatalogueArrays(
        leaf_category=blank.leaf_category, price=blank.price, created=created, text=_texts(product_id)
    )


def _leaf_categories(product_id: NDArray[np.int64], members: catalogue.CategoryMemberships) -> NDArray[np.int32]:
    """The kind of each product: numbers without gaps, in the order of the categories' paths."""
    placed, category = catalogue.leaf_categories(members)
    known, product = _number_products(placed, product_id)
    used = set(category[known].tolist())
    number = {key: kind for kind, key in enumerate(key for key in members.depth if key in used)}
    kind = np.full(len(product_id), -1, np.int32)
    kind[product] = [number[key] for key in category[known].tolist()]
    return kind


def _texts(product_id: NDArray[np.int64]) -> list[str]:
    place = {key: number for number, key in enumerate(product_id.tolist())}
    text = [""] * len(product_id)
    for key, words in catalogue.product_texts():
        if key in place:
            text[place[key]] = f"{text[place[key]]} {words}".strip()
    return text


@dataclass(frozen=True)
class _ConsentedViews:
    """Whose views of what are learned from: those of customers who bought something, unless they objected."""

    product_id: NDArray[np.int64]
    users: list[Any]
    unheard: dict[Any, float]
    now: float

    def consented_views(self, rows: Iterable[tuple]) -> ViewArrays:
        """Those of these (customer's key, product's key, moment) as arrays."""
        heard = (row for row in rows if row[2] > self.unheard.get(row[0], -inf))
        viewed = product_views.read_views(heard, self.users, until=self.now)
        known, product = _number_products(viewed.product, self.product_id)
        return ViewArrays(customer=viewed.customer[known], product=product, seen=viewed.seen[known])


def _read_views(heard: _ConsentedViews, progress: Progress) -> ViewArrays:
    """What Oscar saw customers look at, and what those who agreed had reported; without who never bought anything."""
    everyones, reported = product_views.all_product_views(), Event.objects.views()
    rows = chain(product_views.view_values(everyones), reported.by_customer())
    return heard.consented_views(progress(rows, "Reading views", everyones.count() + reported.count()))
