"""Arithmetic over a snapshot made by hand."""

from dataclasses import replace

import numpy as np

from personalization.decide import selection
from personalization.models import Genome
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rank.visitor_history import VisitorHistory

IDS = [10, 20, 30, 40]


def snapshot(ids=IDS, **arrays) -> SnapshotArrays:
    count = len(ids)
    blank = {
        "product.id": np.array(ids, np.int64),
        "repurchase_rate.score": np.zeros(count, np.float32),
        "repurchase_rate.customers": np.zeros(count, np.int32),
        "popular.score": np.ones(count, np.float32),
        "popular.customers": np.full(count, 9, np.int32),
        "bought_together.index": np.full((count, 3), -1, np.int32),
        "bought_together.weight": np.zeros((count, 3), np.float32),
        "category.id": np.array([], np.int64),
        "category.share": np.array([], np.float64),
        "category.depth": np.array([], np.int32),
    }
    return SnapshotArrays(blank | {name.replace("__", "."): np.array(value) for name, value in arrays.items()})


def genome(*products, categories=()) -> Genome:
    """Products as (key, weight, days)."""
    return Genome(products=[[key, weight, days, 0, 0] for key, weight, days in products], categories=list(categories))


def test_the_best_stand_first_and_equal_ones_by_place():
    places, scores = selection.top_k(np.array([1.0, 3.0, 0.0, 3.0, -1.0]))
    assert (places.tolist(), scores.tolist()) == ([1, 3, 0], [3.0, 3.0, 1.0])


def test_the_best_of_many_are_the_best_of_all():
    score = np.random.default_rng(3).integers(0, 50, 5_000).astype(float)
    places, _ = selection.top_k(score)
    assert places.tolist() == sorted(range(5_000), key=lambda place: (-score[place], place))[: selection.MAX_CANDIDATES]


def test_what_was_bought_once_is_offered_again_if_it_is_of_that_kind():
    shop = snapshot(repurchase_rate__score=[0.5, 0.0, 0.25, 0.1])
    days = np.array([1, 3, 1, 1])
    mine = replace(VisitorHistory.empty(), purchased=np.arange(4), weight=np.ones(4), days=days)
    assert selection.replenishable(shop, mine, 0.2).tolist() == [0, 1, 2]  # the last was bought once, as by everyone


def test_an_empty_genome_says_nothing():
    for shop in (snapshot(), snapshot(ids=[])):
        assert selection.replenishable(shop, VisitorHistory.empty(), 0.2).tolist() == []
        assert selection.seed_products(shop, Genome(), 2) == []
        assert selection.distinctive_categories(shop, Genome()) == []


def test_two_anchors_are_never_neighbours():
    near = {
        "bought_together__index": [[1, 3, -1], [0, 3, -1], [3, -1, -1], [2, -1, -1]],
        "bought_together__weight": [[0.9, 0.1, 0], [0.9, 0.1, 0], [0.2, 0, 0], [0.2, 0, 0]],
    }
    mine = genome((10, 3.0, 1), (20, 2.0, 1), (30, 1.0, 1))
    assert selection.seed_products(snapshot(**near), mine, 2) == [0, 2]


def test_the_category_that_sets_a_customer_apart_stands_first():
    shop = snapshot(category__id=[1, 2, 3], category__share=[0.6, 0.1, 0.3])
    theirs = genome((10, 1.0, 1), categories=[[1, 0.6, 6, 1], [2, 0.4, 4, 1], [3, 0.0, 1, 1], [9, 0.4, 4, 1]])
    assert selection.distinctive_categories(shop, theirs) == [(2, 4)]


def test_the_largest_categories_are_those_of_the_second_level():
    shop = snapshot(category__id=[1, 2, 3], category__share=[1.0, 0.4, 0.6], category__depth=[1, 2, 2])
    assert selection.largest_categories(shop) == [3, 2]
    flat = snapshot(category__id=[1, 2], category__share=[0.4, 0.6], category__depth=[1, 1])
    assert selection.largest_categories(flat) == [2, 1]


def test_what_was_created_between_two_moments_is_the_newest_first_and_equal_ones_by_number():
    learned = SnapshotArrays({"product.created_at": np.array([5.0, 9.0, 5.0, 7.0, 9.5])})
    assert learned.created_between(5, 9).tolist() == [1, 3]
    assert learned.created_between(0, 9).tolist() == [1, 3, 0, 2]
    assert learned.created_between(9.5, 20).tolist() == []


def test_equal_products_are_found_without_looking_at_all():
    learned = SnapshotArrays({"product.family": np.array([3, 1, 3, 2, 3])})
    assert selection.equal_products(learned, "product.family", 2).tolist() == [0, 2, 4]
    assert selection.equal_products(learned, "product.family", 1).tolist() == [1]
