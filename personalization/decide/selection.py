"""The best products and categories by one number or another: arithmetic over the snapshot, no database."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.models import Genome
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rank.visitor_history import VisitorHistory

MAX_CANDIDATES = 40
"""How many candidates a row has at most."""
MAX_DISTINCTIVE_CATEGORIES = MAX_LARGEST_CATEGORIES = 4
CLOSEST_NEIGHBOURS = 5
"""A product leads to other products as closely as its first neighbours, this many, go with it."""
SCORE_DECIMALS = 6
"""Scores are rounded, so that ties break the same everywhere."""
IndicesAndScores = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Product indices of the snapshot and their scores, best first."""


def top_k(
    score: NDArray[Any], indices: NDArray[np.int64] | None = None, depth: int = MAX_CANDIDATES
) -> IndicesAndScores:
    """The indices with the highest scores above 0, `depth` at most; equal scores stand in the order of their indices.

    Parameters: `score`, one for each of `indices`, which are 0, 1, ... by default.
    """
    indices = np.arange(len(score)) if indices is None else indices
    if len(score) > 4 * depth:  # sorting all of a large shop is slower than finding the edge first
        edge = np.partition(score, len(score) - depth)[len(score) - depth]
        high = score >= edge
        score, indices = score[high], indices[high]
    order = np.lexsort((indices, -score))[:depth]
    order = order[score[order] > 0]
    return indices[order], score[order].astype(np.float64)


def replenishable(snapshot: SnapshotArrays, history: VisitorHistory, min_rate: float) -> NDArray[np.int64]:
    """The indices of those of the visitor's products that are worth offering again: what they bought on several days,
    and what at least the share `min_rate` of its customers bought again."""
    rate = snapshot.scores("repurchase_rate").score[history.purchased]
    return history.purchased[(history.days > 1) | (rate >= min_rate)]


def seed_products(snapshot: SnapshotArrays, genome: Genome, count: int) -> list[int]:
    """The indices of the customer's products that say most about what else they may want, the most informative first.

    By recent weight, damped (a staple bought every week is no news), times how closely its neighbours go with it, times
    how much less common it is than the shop's favourites. None is a neighbour of one before it: two sizes of one
    product would say the same.
    """
    neighbours = snapshot.neighbours("bought_together")
    indices = snapshot.product_indices(row[0] for row in genome.products)
    weight = np.array([row[1] for row in genome.products])
    in_snapshot = indices >= 0
    indices, weight = indices[in_snapshot], weight[in_snapshot]
    popularity = snapshot.scores("popular").score
    rarity = np.log1p(popularity.max(initial=0)) - np.log1p(popularity[indices]) + 0.1
    closeness = neighbours.weight[indices, :CLOSEST_NEIGHBOURS].sum(axis=1)
    informative, _ = top_k(np.round(np.log1p(weight) * closeness * rarity, SCORE_DECIMALS), indices)
    seeds: list[int] = []
    for index in informative.tolist():
        if len(seeds) < count and not any(index in neighbours.index[other] for other in seeds):
            seeds.append(index)
    return seeds


def co_purchased(snapshot: SnapshotArrays, product_index: int) -> IndicesAndScores:
    """What is put in one basket with this product, closest first."""
    neighbours = snapshot.neighbours("bought_together")
    filled = neighbours.index[product_index] >= 0
    indices = neighbours.index[product_index][filled][:MAX_CANDIDATES]
    weight = neighbours.weight[product_index][filled][:MAX_CANDIDATES]
    return indices.astype(np.int64), weight.astype(np.float64)


def related(snapshot: SnapshotArrays, product_index: int) -> IndicesAndScores:
    """What goes with a product by any neighbour recommender, each counted as a share of its closest neighbour."""
    total = np.zeros(len(snapshot.ids))
    for name in snapshot.neighbour_recommenders():
        neighbours = snapshot.neighbours(name)
        filled = neighbours.index[product_index] >= 0
        closest = max(float(neighbours.weight[product_index].max(initial=0)), 1e-9)
        total[neighbours.index[product_index][filled]] += neighbours.weight[product_index][filled] / closest
    return top_k(np.round(total, SCORE_DECIMALS))


def distinctive_categories(snapshot: SnapshotArrays, genome: Genome) -> list[tuple[int, int]]:
    """(category key, the customer's purchases there), what sets them apart from others first.

    By share x log(share / the shop's share), the category's part in the Kullback-Leibler divergence between the two.
    """
    category_ids = snapshot.arrays["category.id"]
    if not genome.categories or not len(category_ids):
        return []
    ids = np.array([row[0] for row in genome.categories])
    share = np.array([row[1] for row in genome.categories])
    index = np.minimum(np.searchsorted(category_ids, ids), len(category_ids) - 1)
    usual = np.where(category_ids[index] == ids, snapshot.arrays["category.share"][index], 0)
    divergence = np.where(usual > 0, share * np.log(np.maximum(share, 1e-9) / np.maximum(usual, 1e-9)), 0)
    rows, _ = top_k(np.round(divergence, SCORE_DECIMALS), depth=MAX_DISTINCTIVE_CATEGORIES)
    return [(int(ids[row]), genome.categories[row][2]) for row in rows]


def largest_categories(snapshot: SnapshotArrays) -> list[int]:
    """The keys of the categories that sell most, on the tree's second level, or on its first when there is no other."""
    depth = snapshot.arrays["category.depth"]
    level = depth == min(2, depth.max(initial=1))
    share = np.where(level, snapshot.arrays["category.share"], 0)
    indices, _ = top_k(share, depth=MAX_LARGEST_CATEGORIES)
    keys: list[int] = snapshot.arrays["category.id"][indices].tolist()
    return keys
