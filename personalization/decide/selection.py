"""Which products are the best of their kind: arithmetic over the snapshot, nothing from the database."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.models import Genome
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rank.visitor_history import VisitorHistory

MAX_CANDIDATES = 40
"""How many candidates a row has at most."""
IndicesAndScores = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Places in the snapshot and their scores, best first."""


def top_k(score: NDArray[Any], places: NDArray[Any] | None = None, depth: int = MAX_CANDIDATES) -> IndicesAndScores:
    """The places with the highest scores above 0; equal scores stand in the order of their places."""
    places = np.arange(len(score)) if places is None else places
    if len(score) > 4 * depth:
        edge = np.partition(score, len(score) - depth)[len(score) - depth]
        high = score >= edge
        score, places = score[high], places[high]
    order = np.lexsort((places, -score))[:depth]
    order = order[score[order] > 0]
    return places[order], score[order].astype(np.float64)


def replenishable(snapshot: SnapshotArrays, person: VisitorHistory, min_rate: float) -> NDArray[np.int64]:
    """Those of the visitor's products that are worth offering again: what they bought on several days, and what at
    least the share `min_rate` of its customers bought again."""
    share = snapshot.scores("repurchase_rate").score[person.purchased]
    return person.purchased[(person.days > 1) | (share >= min_rate)]


def seed_products(snapshot: SnapshotArrays, genome: Genome, count: int) -> list[int]:
    """The places of the customer's products that say most about what else they may want, the most telling first.

    Recent weight, damped (a staple bought every week is no news), times how closely its neighbours go with it, times
    how much less common it is than the shop's favourites. None is a neighbour of one before it: two sizes of the same
    thing would tell the same.
    """
    near = snapshot.neighbours("bought_together")
    places = snapshot.product_indices(row[0] for row in genome.products)
    weight = np.array([row[1] for row in genome.products])
    known = places >= 0
    places, weight = places[known], weight[known]
    common = snapshot.scores("popular").score
    rarity = np.log1p(common.max(initial=0)) - np.log1p(common[places]) + 0.1
    telling, _ = top_k(np.round(np.log1p(weight) * near.weight[places, :5].sum(axis=1) * rarity, 6), places)
    chosen: list[int] = []
    for place in telling.tolist():
        if len(chosen) < count and not any(place in near.index[other] for other in chosen):
            chosen.append(place)
    return chosen


def co_purchased(snapshot: SnapshotArrays, place: int) -> IndicesAndScores:
    """What lies in one basket with this product, closest first."""
    near = snapshot.neighbours("bought_together")
    kept = near.index[place] >= 0
    return near.index[place][kept][:MAX_CANDIDATES].astype(np.int64), near.weight[place][kept][:MAX_CANDIDATES].astype(
        np.float64
    )


def related(snapshot: SnapshotArrays, place: int) -> IndicesAndScores:
    """What goes with a product by any recommender that links products: each says as much as its closest neighbour."""
    total = np.zeros(len(snapshot.ids))
    for name in snapshot.neighbour_recommenders():
        near = snapshot.neighbours(name)
        kept = near.index[place] >= 0
        closest = max(float(near.weight[place].max(initial=0)), 1e-9)
        total[near.index[place][kept]] += near.weight[place][kept] / closest
    return top_k(np.round(total, 6))


def distinctive_categories(snapshot: SnapshotArrays, genome: Genome) -> list[tuple[int, int]]:
    """(category key, the customer's purchases there), what sets them apart from others first.

    Ordered by share x log(share / the shop's share), the category's part in the divergence between the two.
    """
    known = snapshot.arrays["category.id"]
    if not genome.categories or not len(known):
        return []
    ids = np.array([row[0] for row in genome.categories])
    share = np.array([row[1] for row in genome.categories])
    place = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    usual = np.where(known[place] == ids, snapshot.arrays["category.share"][place], 0)
    apart = np.where(usual > 0, share * np.log(np.maximum(share, 1e-9) / np.maximum(usual, 1e-9)), 0)
    rows, _ = top_k(np.round(apart, 6), depth=4)
    return [(int(ids[row]), genome.categories[row][2]) for row in rows]


def largest_categories(snapshot: SnapshotArrays, few: int = 4) -> list[int]:
    """The keys of the categories that sell most, on the tree's second level, or on its first when there is no other."""
    depth = snapshot.arrays["category.depth"]
    level = depth == min(2, depth.max(initial=1))
    places, _ = top_k(np.where(level, snapshot.arrays["category.share"], 0), depth=few)
    categories: list[int] = snapshot.arrays["category.id"][places].tolist()
    return categories
