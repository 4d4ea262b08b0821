"""From a shop's history to what a snapshot holds: each recommender's arrays, and what the catalogue says."""

import numpy as np
from numpy.typing import NDArray

from personalization import conf, recommenders
from personalization.rank.learned import Learned, placed
from personalization.recommenders import DAY, History, Limits, Neighbours, Scores
from personalization.train.history import Progress, Shop

POPULAR = 1_000
"""So many bestsellers of the shop are listed."""


def learn(shop: Shop, history: History, progress: Progress) -> Learned:
    """What there is to learn from this history of the shop: all of it, or what was known at an earlier moment."""
    arrays = {**fitted(history, progress), **described(shop, history)}
    return Learned(arrays)


def limits() -> Limits:
    """The shop's settings, as recommenders see them."""
    settings = conf.current()
    return Limits(
        min_customers=settings.min_customers,
        popular_days=settings.popular_days,
        basket_cap=settings.basket_cap,
        neighbours=settings.neighbours,
        half_life_days=settings.half_life_days,
    )


def fitted(history: History, progress: Progress) -> dict[str, NDArray]:
    """What each recommender has learned, as arrays named after it."""
    arrays: dict[str, NDArray] = {}
    shelf = recommenders.every()
    for recommender in progress(shelf, "Learning", len(shelf)):
        match recommender.fit(history, limits()):
            case Scores(score, customers):
                arrays |= {f"{recommender.name}.score": score, f"{recommender.name}.customers": customers}
            case Neighbours(index, weight):
                arrays |= {f"{recommender.name}.index": index, f"{recommender.name}.weight": weight}
    return arrays


def described(shop: Shop, history: History) -> dict[str, NDArray]:
    """What the catalogue says, and how the shop's sales spread over it."""
    least = conf.current().min_customers
    lately = history.placed > history.now - conf.current().popular_days * DAY
    popular = history.backed_purchases(lately, least)
    always = history.backed_purchases(np.ones(len(lately), bool), least)
    best = np.lexsort((np.arange(history.products), -always, -popular))
    best = best[always[best] > 0][:POPULAR]
    return {
        "product.id": shop.product_id,
        "product.created": history.catalogue.created,
        "product.price": history.catalogue.price,
        "product.kind": history.catalogue.kind,
        "product.popular": best.astype(np.int32),
        **_kinds(history.catalogue.kind, popular),
        **_categories(shop, popular, always),
    }


def _kinds(kind: NDArray[np.int32], popular: NDArray[np.int32]) -> dict[str, NDArray]:
    """Each product's part in the sales of its kind, and the kind's part in all."""
    sold = np.bincount(kind + 1, popular, int(kind.max(initial=-1)) + 2)
    return {
        "product.kind_popular": (popular / np.maximum(sold[kind + 1], 1)).astype(np.float32),
        "product.kind_share": (sold[kind + 1] / max(float(sold.sum()), 1.0)).astype(np.float32),
    }


def _categories(shop: Shop, popular: NDArray[np.int32], always: NDArray[np.int32]) -> dict[str, NDArray]:
    """Each category's products, the best-selling first, and its part in all sales."""
    place = placed(shop.product_id, shop.members.product.tolist())
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
        "category.start": np.append(start, len(category)).astype(np.int64),
        "category.product": place.astype(np.int32),
        "category.share": share.astype(np.float64),
    }
