"""Arithmetic over a snapshot made by hand."""

import numpy as np
import pytest

from personalization.decide import rank
from personalization.decide.snapshot import LoadedSnapshot
from personalization.models import Genome

IDS = [10, 20, 30, 40]


def snapshot(ids=IDS, **arrays) -> LoadedSnapshot:
    count = len(ids)
    blank = {
        "product.id": np.array(ids, np.int64),
        "repeat_purchase.score": np.zeros(count, np.float32),
        "repeat_purchase.customers": np.zeros(count, np.int32),
        "popular.score": np.ones(count, np.float32),
        "popular.customers": np.full(count, 9, np.int32),
        "bought_together.index": np.full((count, 3), -1, np.int32),
        "bought_together.weight": np.zeros((count, 3), np.float32),
        "category.id": np.array([], np.int64),
        "category.share": np.array([], np.float64),
        "category.depth": np.array([], np.int32),
    }
    return LoadedSnapshot(
        "by hand", blank | {name.replace("__", "."): np.array(value) for name, value in arrays.items()}
    )


def genome(*products, categories=()) -> Genome:
    """Products as (key, weight, days)."""
    return Genome(products=[[key, weight, days, 0] for key, weight, days in products], categories=list(categories))


def test_the_best_stand_first_and_equal_ones_by_place():
    places, scores = rank.best(np.array([1.0, 3.0, 0.0, 3.0, -1.0]))
    assert (places.tolist(), scores.tolist()) == ([1, 3, 0], [3.0, 3.0, 1.0])


def test_the_best_of_many_are_the_best_of_all():
    score = np.random.default_rng(3).integers(0, 50, 5_000).astype(float)
    places, _ = rank.best(score)
    assert places.tolist() == sorted(range(5_000), key=lambda place: (-score[place], place))[: rank.DEPTH]


def test_the_repeat_rate_counts_as_two_purchases():
    shop = snapshot(repeat_purchase__score=[0.5, 0.0, 0.25, 0.1])
    found = rank.bought_again(shop, genome((10, 1.0, 1), (20, 1.5, 3), (30, 0.1, 1), (40, 9.0, 1)))
    assert found == pytest.approx({10: 2.0, 20: 1.5, 30: 0.6})  # 40 was bought once, and is not bought again


def test_a_product_that_the_snapshot_does_not_know_may_be_bought_again():
    assert rank.bought_again(snapshot(), genome((99, 1.0, 2))) == {99: 1.0}
    assert rank.bought_again(snapshot(ids=[]), genome((99, 1.0, 2))) == {99: 1.0}


def test_the_repeat_share_of_a_newcomer_is_that_of_the_products_they_bought():
    shop = snapshot(repeat_purchase__score=[0.5, 0.0, 0.25, 0.1])
    newcomer = Genome(products=[[10, 1.0, 1, 0]], purchases=1, distinct=1)
    regular = Genome(products=[[10, 1.0, 90, 0]], purchases=90, distinct=1)
    assert rank.repeat_share(shop, newcomer) == pytest.approx(5 / 11)
    assert rank.repeat_share(shop, regular) == pytest.approx((89 + 5) / 100)


def test_an_empty_genome_says_nothing():
    for shop in (snapshot(), snapshot(ids=[])):
        assert rank.bought_again(shop, Genome()) == {}
        assert rank.repeat_share(shop, Genome()) == 0.0
        assert rank.anchors(shop, Genome(), 2) == []
        assert rank.favourite_categories(shop, Genome()) == []


def test_two_anchors_are_never_neighbours():
    near = {
        "bought_together__index": [[1, 3, -1], [0, 3, -1], [3, -1, -1], [2, -1, -1]],
        "bought_together__weight": [[0.9, 0.1, 0], [0.9, 0.1, 0], [0.2, 0, 0], [0.2, 0, 0]],
    }
    mine = genome((10, 3.0, 1), (20, 2.0, 1), (30, 1.0, 1))
    assert rank.anchors(snapshot(**near), mine, 2) == [0, 2]


def test_the_category_that_sets_a_customer_apart_stands_first():
    shop = snapshot(category__id=[1, 2, 3], category__share=[0.6, 0.1, 0.3])
    theirs = genome((10, 1.0, 1), categories=[[1, 0.6, 6], [2, 0.4, 4], [3, 0.0, 1], [9, 0.4, 4]])
    assert rank.favourite_categories(shop, theirs) == [(2, 0.4, 4)]


def test_the_largest_categories_are_those_of_the_second_level():
    shop = snapshot(category__id=[1, 2, 3], category__share=[1.0, 0.4, 0.6], category__depth=[1, 2, 2])
    assert rank.largest_categories(shop) == [3, 2]
    flat = snapshot(category__id=[1, 2], category__share=[0.4, 0.6], category__depth=[1, 1])
    assert rank.largest_categories(flat) == [2, 1]
