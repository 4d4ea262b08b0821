"""From a shop's history to the arrays of a snapshot: each recommender's, those of products and categories, and
bestsellers by country and device."""

from collections.abc import Mapping
from functools import partial
from typing import Any

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
    is_ranking_feature,
)
from personalization.train.dataset import Progress, TrainingDataset
from personalization.train.engines.local import BlockStore
from personalization.train.product_sizes import size_arrays
from personalization.train.search_vocabulary import vocabulary_arrays

WIDER_WINDOWS = (90, 365)
"""Days over which popularity is counted, too, besides the popularity window and the whole history."""
MAX_POPULAR = 1_000
"""At most this many bestsellers of the shop are listed, ..."""
MAX_PER_COUNTRY = 200
"""... of each country, ..."""
MAX_PER_DEVICE = 200
"""... and most viewed products of each type of device."""


def fit_arrays(
    shop: TrainingDataset,
    history: HistoryArrays,
    progress: Progress,
    blocks: BlockStore | None = None,
    *,
    for_rows: bool = True,
) -> SnapshotArrays:
    """All arrays that are learned from a history of the shop: the whole one, or one that ends earlier. With `blocks`,
    finished blocks are kept there, so that a run that was killed does not do them again. Without `for_rows`, for
    learning to rank, what only rows use is left out."""
    arrays = {**fit_recommenders(history, progress, blocks, for_rows=for_rows), **product_arrays(shop, history)}
    return SnapshotArrays(arrays)


def learning_limits() -> LearningLimits:
    """The limits of recommenders, from the settings."""
    settings = conf.get_settings()
    return LearningLimits(
        min_customers=settings.MIN_CUSTOMERS,
        popularity_window_days=settings.POPULARITY_WINDOW_DAYS,
        max_order_products=settings.MAX_ORDER_PRODUCTS,
        neighbours_per_product=settings.NEIGHBOURS_PER_PRODUCT,
        purchase_half_life_days=settings.PURCHASE_HALF_LIFE_DAYS,
    )


def fit_recommenders(
    history: HistoryArrays, progress: Progress, blocks: BlockStore | None = None, *, for_rows: bool = True
) -> dict[str, NDArray[Any]]:
    """What each recommender learns, as arrays that are named after it."""
    arrays: dict[str, NDArray[Any]] = {}
    registered = [one for one in plugins.registered_recommenders().values() if for_rows or is_ranking_feature(one)]
    for recommender in progress(registered, "Learning", len(registered)):
        fit = partial(blocks.fit, recommender) if blocks else recommender.fit
        learned = fit(history, learning_limits())
        _refuse_what_is_not_finite(recommender.name, learned)
        match learned:
            case ProductScores(score, customers):
                arrays |= {f"{recommender.name}.score": score, f"{recommender.name}.customers": customers}
            case Neighbours(index, weight):
                part = "" if is_ranking_feature(recommender) else "row_"
                arrays |= {f"{recommender.name}.{part}index": index, f"{recommender.name}.{part}weight": weight}
    return arrays


def _refuse_what_is_not_finite(name: str, learned: ProductScores | Neighbours) -> None:
    """No reader would load it; and who wrote the recommender is told here."""
    numbers = learned.score if isinstance(learned, ProductScores) else learned.weight
    if not np.isfinite(numbers).all():
        raise plugins.PluginError(f"The recommender {name!r} learned numbers that are not finite")


def product_arrays(shop: TrainingDataset, history: HistoryArrays) -> dict[str, NDArray[Any]]:
    """What is known of each product and category besides recommenders, and bestsellers by country and device."""
    min_customers = conf.get_settings().MIN_CUSTOMERS
    recent = history.ordered_at > history.now - conf.get_settings().POPULARITY_WINDOW_DAYS * DAY
    popular = history.purchases_with_support(recent, min_customers)
    ever = history.purchases_with_support(np.ones(len(recent), bool), min_customers)
    best = np.lexsort((np.arange(history.products), -ever, -popular))
    best = best[ever[best] > 0][:MAX_POPULAR]
    return {
        "product.id": shop.product_id,
        "product.created_at": history.catalogue.created,
        "product.price": history.catalogue.price,
        "product.leaf_category": history.catalogue.leaf_category,
        "product.bestsellers": best.astype(np.int32),
        **_vocabulary(shop, ever),
        **_popularity_windows(history),
        **(size_arrays(shop.names.titles, history.catalogue.leaf_category) if shop.names.titles else {}),
        **_category_shares(history.catalogue.leaf_category, popular),
        **_categories(shop, popular, ever),
        **_countries(history, recent, popular),
        **_devices(shop, history, popular),
    }


def _vocabulary(shop: TrainingDataset, ever: NDArray[np.int32]) -> dict[str, NDArray[Any]]:
    """The words of titles and categories; none of a dataset without names."""
    return vocabulary_arrays(shop.names, shop.history.catalogue.leaf_category, ever) if shop.names.titles else {}


def _popularity_windows(history: HistoryArrays) -> dict[str, NDArray[Any]]:
    """How many customers bought each product within the popularity window, and within wider ones, for a shop that
    sells too little to fill a row from the first; 0 where they are fewer than `MIN_CUSTOMERS`."""
    settings = conf.get_settings()
    first = settings.POPULARITY_WINDOW_DAYS
    days = [first, *(wider for wider in WIDER_WINDOWS if wider > first), 0]
    counts = [
        history.customer_counts(history.ordered_at > history.now - window * DAY if window else history.ordered_at > 0)
        for window in days
    ]
    supported = [np.where(count >= settings.MIN_CUSTOMERS, count, 0) for count in counts]
    return {"popularity.days": np.array(days, np.int32), "popularity.customers": np.array(supported, np.int32)}


def _category_shares(category: NDArray[np.int32], popular: NDArray[np.int32]) -> dict[str, NDArray[Any]]:
    """Each product's share of the recent sales of its leaf category, and the category's share of all."""
    sold = np.bincount(category + 1, popular, int(category.max(initial=-1)) + 2)
    return {
        "product.share_of_category": (popular / np.maximum(sold[category + 1], 1)).astype(np.float32),
        "product.category_sales_share": (sold[category + 1] / max(float(sold.sum()), 1.0)).astype(np.float32),
    }


def _categories(shop: TrainingDataset, popular: NDArray[np.int32], ever: NDArray[np.int32]) -> dict[str, NDArray[Any]]:
    """Each category's products, the best-selling first, and its share of all sales. Also those of the categories
    below."""
    product = lookup_indices(shop.product_id, shop.members.product.tolist())
    known = product >= 0
    category, product = shop.members.category[known], product[known]
    order = np.lexsort((product, -ever[product], -popular[product], category))
    category, product = category[order], product[order]
    ids, start = np.unique(category, return_index=True)
    total = max(int(ever.sum()), 1)
    share = np.add.reduceat(ever[product], start) / total if len(start) else np.zeros(0)
    return {
        "category.id": ids,
        "category.depth": np.array([shop.members.depth[key] for key in ids.tolist()], np.int32),
        "category.parent": np.array([shop.members.parent.get(key, 0) for key in ids.tolist()], np.int64),
        "category.product_start": np.append(start, len(category)).astype(np.int64),
        "category.product": product.astype(np.int32),
        "category.share": share.astype(np.float64),
    }


def _countries(
    history: HistoryArrays, recent: NDArray[np.bool_], popular: NDArray[np.int32]
) -> dict[str, NDArray[Any]]:
    """The recent bestsellers of each country that has any; equal ones by their sales everywhere."""
    found: dict[int, NDArray[np.int64]] = {}
    for number, code in enumerate(history.countries):
        sold = history.purchases_with_support(recent & (history.country == number), conf.get_settings().MIN_CUSTOMERS)
        products = np.flatnonzero(sold)
        best = products[np.lexsort((products, -popular[products], -sold[products]))][:MAX_PER_COUNTRY]
        if len(best) and country_code_to_int(code) >= 0:
            found[country_code_to_int(code)] = best
    return _list_arrays("country", found)


def _devices(shop: TrainingDataset, history: HistoryArrays, popular: NDArray[np.int32]) -> dict[str, NDArray[Any]]:
    """The products that most customers viewed recently, by type of device; a customer counts once for a product."""
    found: dict[int, NDArray[np.int64]] = {}
    since = history.now - conf.get_settings().POPULARITY_WINDOW_DAYS * DAY
    for number, device in enumerate(DEVICES):
        views = shop.views_by_device.get(device, ViewArrays.empty())
        recent = (views.seen > since) & (views.seen <= history.now)
        product, _ = distinct_pairs(views.product[recent], views.customer[recent])
        viewers = np.bincount(product, minlength=history.products)
        products = np.flatnonzero(viewers >= conf.get_settings().MIN_CUSTOMERS)
        best = products[np.lexsort((products, -popular[products], -viewers[products]))][:MAX_PER_DEVICE]
        if len(best):
            found[number] = best
    return _list_arrays("device", found)


def _list_arrays(name: str, found: Mapping[int, NDArray[np.int64]]) -> dict[str, NDArray[Any]]:
    """These lists of products, by number, one after the other, and where each starts."""
    keys = sorted(found)
    return {
        f"{name}.code": np.array(keys, np.int32),
        f"{name}.start": np.cumsum([0, *(len(found[key]) for key in keys)], dtype=np.int64),
        f"{name}.product": np.concatenate([np.empty(0, np.int32), *(found[key] for key in keys)]).astype(np.int32),
    }
