"""From a shop's history to what a snapshot holds: each recommender's arrays, and what the catalogue says."""

from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from personalization import conf, plugins
from personalization.rank.snapshot_arrays import DEVICES, SnapshotArrays, country_code_to_int, lookup_indices
from personalization.recommenders import (
    DAY,
    HistoryArrays,
    LearningLimits,
    Neighbours,
    ProductScores,
    ViewArrays,
    distinct_pairs,
)
from personalization.train.dataset import Progress, TrainingDataset
from personalization.train.engines.local import BlockStore

MAX_POPULAR = 1_000
"""So many bestsellers of the shop are listed."""

MAX_PER_COUNTRY = 200
"""So many of each country."""

MAX_PER_DEVICE = 200
"""So many of what is looked at with each kind of device."""


def fit_arrays(
    shop: TrainingDataset, history: HistoryArrays, progress: Progress, blocks: BlockStore | None = None
) -> SnapshotArrays:
    """What there is to learn from this history of the shop: all of it, or what was known at an earlier moment. With
    `blocks`, what is finished is kept there until all is."""
    arrays = {**fit_recommenders(history, progress, blocks), **product_arrays(shop, history)}
    return SnapshotArrays(arrays)


def learning_limits() -> LearningLimits:
    """The shop's settings, as recommenders see them."""
    settings = conf.get_settings()
    return LearningLimits(
        min_customers=settings.MIN_CUSTOMERS,
        popularity_window_days=settings.POPULARITY_WINDOW_DAYS,
        max_order_products=settings.MAX_ORDER_PRODUCTS,
        neighbours_per_product=settings.NEIGHBOURS_PER_PRODUCT,
        purchase_half_life_days=settings.PURCHASE_HALF_LIFE_DAYS,
    )


def fit_recommenders(
    history: HistoryArrays, progress: Progress, blocks: BlockStore | None = None
) -> dict[str, NDArray]:
    """What each recommender has learned, as arrays named after it."""
    arrays: dict[str, NDArray] = {}
    registered = plugins.registered_recommenders().values()
    for recommender in progress(registered, "Learning", len(registered)):
        fit = partial(blocks.fit, recommender) if blocks else recommender.fit
        match fit(history, learning_limits()):
            case ProductScores(score, customers):
                arrays |= {f"{recommender.name}.score": score, f"{recommender.name}.customers": customers}
            case Neighbours(index, weight):
                arrays |= {f"{recommender.name}.index": index, f"{recommender.name}.weight": weight}
    return arrays


def product_arrays(shop: TrainingDataset, history: HistoryArrays) -> dict[str, NDArray]:
    """What the catalogue says, and how the shop's sales spread over it."""
    least = conf.get_settings().MIN_CUSTOMERS
    lately = history.ordered_at > history.now - conf.get_settings().POPULARITY_WINDOW_DAYS * DAY
    popular = history.purchases_with_support(lately, least)
    always = history.purchases_with_support(np.ones(len(lately), bool), least)
    best = np.lexsort((np.arange(history.products), -always, -popular))
    best = best[always[best] > 0][:MAX_POPULAR]
    return {
        "product.id": shop.product_id,
        "product.created_at": history.catalogue.created,
        "product.price": history.catalogue.price,
        "product.leaf_category": history.catalogue.leaf_category,
        "product.bestsellers": best.astype(np.int32),
        **_category_shares(history.catalogue.leaf_category, popular),
        **_categories(shop, popular, always),
        **_countries(history, lately, popular),
        **_devices(shop, history, popular),
    }


def _category_shares(kind: NDArray[np.int32], popular: NDArray[np.int32]) -> dict[str, NDArray]:
    """Each product's part in the sales of its kind, and the kind's part in all."""
    sold = np.bincount(kind + 1, popular, int(kind.max(initial=-1)) + 2)
    return {
        "product.share_of_category": (popular / np.maximum(sold[kind + 1], 1)).astype(np.float32),
        "product.category_sales_share": (sold[kind + 1] / max(float(sold.sum()), 1.0)).astype(np.float32),
    }


def _categories(shop: TrainingDataset, popular: NDArray[np.int32], always: NDArray[np.int32]) -> dict[str, NDArray]:
    """Each category's products, the best-selling first, and its part in all sales."""
    place = lookup_indices(shop.product_id, shop.members.product.tolist())
    known = place >= 0
    category, place = shop.members.category[known], place[known]
    order = np.lexsort((place, -always[place], -popular[place], category))
    category, place = category[order], place[order]
    ids, start = np.unique(category, return_index=True)
    total = max(int(always.sum()), 1)
    share = np.add.reduceat(always[place], start) / total if len(start) else np.zeros(0)
    return {
        "category.id": ids,
        "category.depth": np.array([shop.members.depth[key] for key in ids.tolist()], np.int32),
        "category.parent": np.array([shop.members.parent.get(key, 0) for key in ids.tolist()], np.int64),
        "category.product_start": np.append(start, len(category)).astype(np.int64),
        "category.product": place.astype(np.int32),
        "category.share": share.astype(np.float64),
    }


def _countries(history: HistoryArrays, lately: NDArray[np.bool_], popular: NDArray[np.int32]) -> dict[str, NDArray]:
    """Each country's bestsellers, what sells as well there by how it sells everywhere; a country that has any."""
    found: dict[int, NDArray[np.int64]] = {}
    for number, code in enumerate(history.countries):
        sold = history.purchases_with_support(lately & (history.country == number), conf.get_settings().MIN_CUSTOMERS)
        places = np.flatnonzero(sold)
        best = places[np.lexsort((places, -popular[places], -sold[places]))][:MAX_PER_COUNTRY]
        if len(best) and country_code_to_int(code) >= 0:
            found[country_code_to_int(code)] = best
    return _list_arrays("country", found)


def _devices(shop: TrainingDataset, history: HistoryArrays, popular: NDArray[np.int32]) -> dict[str, NDArray]:
    """What most customers looked at with each kind of device lately, a customer counted once for a product."""
    found: dict[int, NDArray[np.int64]] = {}
    since = history.now - conf.get_settings().POPULARITY_WINDOW_DAYS * DAY
    for number, device in enumerate(DEVICES):
        views = shop.views_by_device.get(device, ViewArrays.empty())
        lately = (views.seen > since) & (views.seen <= history.now)
        product, _ = distinct_pairs(views.product[lately], views.customer[lately])
        viewers = np.bincount(product, minlength=history.products)
        places = np.flatnonzero(viewers >= conf.get_settings().MIN_CUSTOMERS)
        best = places[np.lexsort((places, -popular[places], -viewers[places]))][:MAX_PER_DEVICE]
        if len(best):
            found[number] = best
    return _list_arrays("device", found)


def _list_arrays(kind: str, found: Mapping[int, NDArray[np.int64]]) -> dict[str, NDArray]:
    """These lists of products one after the other, and where each starts."""
    keys = sorted(found)
    return {
        f"{kind}.code": np.array(keys, np.int32),
        f"{kind}.start": np.cumsum([0, *(len(found[key]) for key in keys)], dtype=np.int64),
        f"{kind}.product": np.concatenate([np.empty(0, np.int32), *(found[key] for key in keys)]).astype(np.int32),
    }
