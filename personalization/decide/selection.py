"""The best products and categories by one number or another: arithmetic over the snapshot, no database."""

from bisect import bisect_left, bisect_right
from collections.abc import Set
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.decide.genome_age import fading_until_training
from personalization.decide.slate import PRODUCT, Candidate
from personalization.models import Genome
from personalization.rank.features import expected_interval
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rank.visitor_history import VisitorHistory
from personalization.recommenders import DAY

MAX_CANDIDATES = 40
"""How many candidates a row has at most."""
MAX_DISTINCTIVE_CATEGORIES = MAX_LARGEST_CATEGORIES = 4
CLOSEST_NEIGHBOURS = 5
"""A product leads to other products as closely as its first neighbours, this many, go with it."""
RELATED = ("content_similarity", "substitutes", "view_to_purchase", "viewed_together")
"""The recommenders that know what is like a product."""
MAX_OF_FAMILY = 2
"""At most this many products of one row are equal but for their size."""
WHOLE_HISTORY = 0
"""Stands for the days of a popularity window that has no beginning."""
SCORE_DECIMALS = 6
"""Scores are rounded, so that ties break the same everywhere."""
IndicesAndScores = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Product indices of the snapshot and their scores, best first."""


def top_k(score: NDArray[Any], indices: NDArray[Any] | None = None, depth: int = MAX_CANDIDATES) -> IndicesAndScores:
    """The indices with the highest scores above 0, `depth` at most; equal scores stand in the order of their indices.

    Parameters: `score`, one for each of `indices`, which are 0, 1, ... by default.
    """
    positive = np.flatnonzero(score > 0)
    score, indices = score[positive], positive if indices is None else indices[positive]
    if len(score) > 4 * depth:  # sorting all of a large shop is slower than finding the edge first
        edge = np.partition(score, len(score) - depth)[len(score) - depth]
        high = score >= edge
        score, indices = score[high], indices[high]
    order = np.lexsort((indices, -score))[:depth]
    return indices[order], score[order].astype(np.float64)


def best_scored(snapshot: SnapshotArrays, recommender: str) -> IndicesAndScores:
    """What a recommender scores highest in the whole shop, sorted once a process."""
    if ("best_scored", recommender) not in snapshot.worked_out:
        snapshot.worked_out["best_scored", recommender] = top_k(snapshot.scores(recommender).score)
    best: IndicesAndScores = snapshot.worked_out["best_scored", recommender]
    return best


@dataclass(frozen=True)
class Popularity:
    """What most customers bought within one window of days, best first."""

    days: int
    """WHOLE_HISTORY for no limit."""
    indices: NDArray[np.int64]
    customers: NDArray[np.int64]
    """How many customers bought each; never fewer than the shop's `MIN_CUSTOMERS`."""


def popularity(snapshot: SnapshotArrays, default_days: int, fill: int, category: int | None = None) -> Popularity:
    """What most customers bought, in a category or in the whole shop: within the narrowest window in which enough
    bought `fill` products, else within the widest. Sorted once a process.

    Parameters: `default_days`, the window of a snapshot of an earlier release, which has one only.
    """
    days = snapshot.arrays.get("popularity.days", np.array([default_days]))
    known = snapshot.worked_out.get(("popularity", category))
    if known is None:
        known = snapshot.worked_out["popularity", category] = _popular_by_window(snapshot, category)
    window = next((number for number, popular in enumerate(known) if popular[0] >= fill), len(days) - 1)
    _, best, customers = known[window]
    return Popularity(int(days[window]), best, customers)


def _popular_by_window(
    snapshot: SnapshotArrays, category: int | None
) -> list[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
    """For each window how many products enough customers bought, and the best of them with their customers."""
    counts = snapshot.arrays.get("popularity.customers", snapshot.scores("popular").customers[None, :])
    indices = None if category is None else snapshot.category_products(category).astype(np.int64)
    found = []
    for row in counts if indices is None else counts[:, indices]:
        best, customers = top_k(row, indices)
        found.append((int(np.count_nonzero(row)), best.astype(np.int64), customers.astype(np.int64)))
    return found


def fold_sizes(
    candidates: list[Candidate], snapshot: SnapshotArrays, purchased: Set[int] = frozenset(), subject: int | None = None
) -> list[Candidate]:
    """The candidates, of which those that differ in size only are folded into the first of them; what the visitor
    bought, else what sells best, takes its place where the row has the same to say of both. At most `MAX_OF_FAMILY`
    stand by themselves, where a second one was bought, too, has no other size that could be read, or they are sizes of
    the product that the row is about.

    Parameters: `purchased`, the keys of what the visitor bought; `subject`, the key of that product.
    """
    family = snapshot.arrays.get("product.family")
    if family is None or len(candidates) < MAX_OF_FAMILY:
        return candidates
    indices = snapshot.product_indices([one.item.id if one.item.kind == PRODUCT else 0 for one in candidates])
    (about,) = snapshot.product_indices([subject or 0]).tolist()
    members: dict[int, list[int]] = {}
    for place in np.flatnonzero(indices >= 0).tolist():
        members.setdefault(int(family[indices[place]]), []).append(place)
    folded: list[Candidate | None] = list(candidates)
    for number, places in members.items():
        if about >= 0 and number == family[about]:
            for place in places[MAX_OF_FAMILY:]:
                folded[place] = None
        elif len(places) > 1:
            rows = [(candidates[place], int(indices[place])) for place in places]
            for place, candidate in zip(places, _fold_family(rows, snapshot, purchased), strict=True):
                folded[place] = candidate
    return [one for one in folded if one is not None]


def _fold_family(
    family: list[tuple[Candidate, int]], snapshot: SnapshotArrays, purchased: Set[int]
) -> list[Candidate | None]:
    """For each (candidate, product index) of one family what stands in its place: None for nothing."""
    sold = snapshot.scores("all_time_popular").customers
    alike = [row for row, (one, _index) in enumerate(family) if one.reason == family[0][0].reason]
    leader = min(alike, key=lambda row: (family[row][0].item.id not in purchased, -sold[family[row][1]], row))
    family[0], family[leader] = family[leader], family[0]
    (first, first_index), *others = family
    sizes = _sizes_of_family(snapshot, first_index)
    fold = partial(replace, size_family=min(sizes), size_count=len({size for size in sizes.values() if size}))
    kept, placed = 1, list[Candidate | None]()
    for candidate, index in others:
        if 0 < sizes[index] != sizes[first_index] > 0 and candidate.item.id not in purchased:
            placed.append(fold(candidate))
        else:
            placed.append(candidate if kept < MAX_OF_FAMILY else None)
            kept += 1
    has_folded = any(one is not None and one.size_family is not None for one in placed)
    return [fold(first) if has_folded else first, *placed]


def _sizes_of_family(snapshot: SnapshotArrays, index: int) -> dict[int, float]:
    """By product index, the sizes of all that differ from this product in size only; 0 where it cannot be read."""
    same = equal_products(snapshot, "product.family", index)
    sizes = snapshot.arrays.get("product.size", np.zeros(len(snapshot.ids)))[same]
    return dict(zip(same.tolist(), sizes.tolist(), strict=True))


def equal_products(snapshot: SnapshotArrays, array: str, index: int) -> NDArray[np.int64]:
    """The indices of all products that an array says the same of as of this one, and its own, ascending."""
    values = snapshot.arrays[array]
    if ("sorted", array) not in snapshot.worked_out:
        snapshot.worked_out["sorted", array] = np.argsort(values, kind="stable").astype(np.int32)
    order = snapshot.worked_out["sorted", array]
    first, last = (bisect(order, values[index], key=lambda row: values[row]) for bisect in (bisect_left, bisect_right))
    found: NDArray[np.int64] = order[first:last].astype(np.int64)
    return found


def replenishable(snapshot: SnapshotArrays, history: VisitorHistory, min_rate: float) -> NDArray[np.int64]:
    """The indices of those of the visitor's products that are worth offering again: what they bought on several days,
    and what at least the share `min_rate` of its customers bought again."""
    rate = snapshot.scores("repurchase_rate").score[history.purchased]
    return history.purchased[(history.days > 1) | (rate >= min_rate)]


def overdue_ratios(
    snapshot: SnapshotArrays, history: VisitorHistory, now: float, indices: NDArray[np.int64]
) -> NDArray[np.float64]:
    """For each of these products, all bought by the visitor: the days since they last did, as a multiple of the
    interval after which they buy it again. `now` in seconds since 1970.

    In whole days, since purchases are known by their day only: what was bought a minute ago is not half a day old in
    the evening.
    """
    since = np.maximum(snapshot.clamp_time(now) // DAY - history.last // DAY, 0)
    ratio = since / expected_interval(history, snapshot)
    order = np.argsort(history.purchased)
    aligned: NDArray[np.float64] = ratio[order[np.searchsorted(history.purchased, indices, sorter=order)]]
    return aligned


def seed_products(snapshot: SnapshotArrays, genome: Genome, count: int) -> list[int]:
    """The indices of the customer's products that say most about what else they may want, the most informative first.

    By recent weight, damped (a staple bought every week is no news), times how closely its neighbours go with it, times
    how much less common it is than the shop's favourites. None is a neighbour of one before it: two sizes of one
    product would say the same.
    """
    neighbours = snapshot.neighbours("bought_together")
    indices = snapshot.product_indices(row[0] for row in genome.products)
    weight = np.array([row[1] for row in genome.products]) * fading_until_training(genome, snapshot)
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


def complements(snapshot: SnapshotArrays, product_index: int) -> IndicesAndScores:
    """What goes with this product more than with others, closest first; see `recommenders.complements`."""
    neighbours = snapshot.row_neighbours("complements")
    filled = neighbours.index[product_index] >= 0
    indices = neighbours.index[product_index][filled][:MAX_CANDIDATES]
    weight = neighbours.weight[product_index][filled][:MAX_CANDIDATES]
    return indices.astype(np.int64), weight.astype(np.float64)


def substitutes(snapshot: SnapshotArrays, product_index: int) -> set[int]:
    """The primary keys of what can stand in for this product, or differs from it in size only."""
    neighbours = snapshot.neighbours("substitutes").index[product_index]
    sizes = "product.family" in snapshot.arrays  # a snapshot of an earlier release has none
    same = equal_products(snapshot, "product.family", product_index) if sizes else np.array([product_index])
    return set(snapshot.ids[np.concatenate([neighbours[neighbours >= 0], same])].tolist())


def related(snapshot: SnapshotArrays, product_index: int) -> IndicesAndScores:
    """What is like a product or goes with it, each counted as a share of its closest neighbour. What is merely bought
    often with anything is neither."""
    linked = [*map(snapshot.neighbours, RELATED), snapshot.row_neighbours("complements")]
    rows = [neighbours.index[product_index] for neighbours in linked]
    others = np.unique(np.concatenate(rows))
    others = others[others >= 0].astype(np.int64)
    total = np.zeros(len(others))
    for neighbours, row in zip(linked, rows, strict=True):
        filled = row >= 0
        if filled.any():
            closest = max(float(neighbours.weight[product_index].max(initial=0)), 1e-9)
            total[np.searchsorted(others, row[filled])] += neighbours.weight[product_index][filled] / closest
    return top_k(np.round(total, SCORE_DECIMALS), others)


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
    categories: list[int] = snapshot.arrays["category.id"][indices].tolist()
    return categories
