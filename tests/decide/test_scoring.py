"""One ranked list: which candidates, in which order, and the reason for each."""

from dataclasses import replace

import numpy as np
import pytest

from personalization.decide import scoring
from personalization.decide.policy import Policy
from personalization.decide.visit import Visit
from personalization.models import Genome
from personalization.rank import scorer, tasks
from personalization.rank.snapshot_arrays import MAX_CLOCK_DRIFT, SnapshotArrays
from personalization.recommenders import DAY
from tests.shops.handmade_snapshot import COUNT, NOW, handmade_arrays

POPULAR = {"product__bestsellers": [3, 2, 1, 0], "popular__score": [1, 2, 3, 4], "popular__customers": [0, 6, 7, 8]}
LINKS = {
    "bought_together__index": [[1, 2], [0, 3], [-1, -1], [-1, -1]],
    "bought_together__weight": [[0.5, 0.25], [0.5, 0.125], [0, 0], [0, 0]],
}


def visit(*products, near=(), now=NOW, **named):
    """A visitor with own products as (key, weight, days) and near ones as (key, weight)."""
    own = [[key, weight, days, now - DAY, now - 9 * DAY] for key, weight, days in products]
    return Visit(now, None, genome=Genome(products=own, neighbour_products=[list(pair) for pair in near]), **named)


def keys(scored):
    return [candidate.item.id for candidate in scoring.sorted_candidates(scored)]


def reasons(scored):
    return {
        candidate.item.id: (candidate.reason.code, candidate.reason.params)
        for candidate in scoring.sorted_candidates(scored)
    }


def test_the_best_stand_first_and_equal_ones_by_their_keys():
    shop = handmade_arrays(product__bestsellers=[3, 2, 1, 0], popular__score=[1, 1, 1, 4])
    assert keys(scoring.score_for_visitor(visit(), shop)) == [40, 10, 20, 30]


def test_the_first_reason_that_is_true_is_given():
    asked = visit((10, 3.0, 4), near=[(10, 9.0), (20, 1.0)])
    assert reasons(scoring.score_for_visitor(asked, handmade_arrays(**POPULAR, **LINKS))) == {
        10: ("bought_before", {"days": 4, "last": NOW - DAY}),
        20: ("similar_customers", {}),
        30: ("bought_together_with_purchase", {"product": 10}),
        40: ("popular", {"customers": 8, "period": 28}),
    }


def test_what_nobody_bought_lately_is_simply_there():
    assert reasons(scoring.score_for_visitor(visit(), handmade_arrays(**POPULAR)))[10] == ("in_range", {})


def test_in_a_basket_the_closest_of_its_products_is_the_reason():
    found = reasons(scoring.score_for_basket(visit(basket=frozenset({10, 20})), handmade_arrays(**POPULAR, **LINKS)))
    assert found == {
        30: ("bought_together_with_basket", {"product": 10}),
        40: ("bought_together_with_basket", {"product": 20}),
    }


def test_at_home_the_basket_is_no_reason():
    found = reasons(scoring.score_for_visitor(visit(basket=frozenset({10})), handmade_arrays(**POPULAR, **LINKS)))
    assert found[20] == ("popular", {"customers": 6, "period": 28})


def test_what_is_new_holds_nothing_that_was_bought():
    asked = visit((10, 3.0, 4), (40, 1.0, 1), near=[(20, 1.0)])
    assert keys(scoring.score_discovery(asked, handmade_arrays(**POPULAR, **LINKS))) == [20, 30]


def test_a_listing_comes_back_complete_each_product_once():
    asked = visit((30, 1.0, 1), candidate_products=(20, 40, 30, 20, 10))
    assert keys(scoring.score_listing(asked, handmade_arrays())) == [30, 10, 20, 40]


def test_what_a_snapshot_does_not_know_it_leaves_out():
    asked = visit((77, 9.0, 9), (30, 1.0, 1), near=[(78, 1.0)], candidate_products=(99, 30, 20), basket=frozenset({79}))
    assert keys(scoring.score_listing(asked, handmade_arrays())) == [30, 20]
    assert keys(scoring.score_for_visitor(asked, handmade_arrays())) == [30]
    assert keys(scoring.score_for_basket(asked, handmade_arrays())) == [30]


def test_a_category_is_a_listing_of_all_its_products():
    shop = handmade_arrays(category__id=[5, 6], category__product_start=[0, 1, 3], category__product=[0, 3, 1])
    assert keys(scoring.score_listing(visit(category=6), shop)) == [20, 40]
    assert keys(scoring.score_listing(visit(category=7), shop)) == []
    assert keys(scoring.score_listing(visit(), shop)) == []


def test_a_basket_is_completed_by_what_was_learned_of_customers_or_of_guests():
    shop = handmade_arrays(product__bestsellers=[3, 2, 1, 0])
    leaf = {"feature": np.zeros((1, 7)), "threshold": np.zeros((1, 7)), "left": np.full((1, 7), 255)}
    arrays = {"ranker.fingerprint": np.array([scorer.feature_fingerprint(shop)])}
    for kind, value in ((tasks.BASKET, 5.0), (tasks.GUEST_BASKET, 7.0)):
        trees = {**leaf, "value": np.full((1, 8), value), "calibration": np.zeros(2)}
        arrays |= {kind.array_name(name): array for name, array in trees.items()}
    shop = SnapshotArrays({**shop.arrays, **{name: array.astype(int) for name, array in arrays.items()}})
    tea = frozenset({40})
    assert scoring.score_for_basket(visit((10, 1.0, 1), basket=tea), shop).score.tolist() == [5] * (COUNT - 1)
    assert scoring.score_for_basket(visit((99, 1.0, 1), basket=tea), shop).score.tolist() == [7] * (COUNT - 1)
    assert scoring.score_for_basket(visit(basket=tea), shop).score.tolist() == [7] * (COUNT - 1)


def test_with_an_empty_basket_the_visitor_is_asked_what_they_want_at_all():
    asked, shop = visit((10, 1.0, 1)), handmade_arrays(**POPULAR, **LINKS)
    assert (
        scoring.score_for_basket(asked, shop).product_indices.tolist()
        == scoring.score_for_visitor(asked, shop).product_indices.tolist()
    )


def test_of_a_huge_basket_only_so_many_products_are_asked():
    full = visit(basket=frozenset({10, 20}), policy=Policy(max_order_products=1))
    scored = scoring.score_for_basket(full, handmade_arrays(**POPULAR, **LINKS))
    assert scored.basket.tolist() == [0]


@pytest.mark.parametrize("late", [0.0, MAX_CLOCK_DRIFT, 400 * DAY])
def test_the_clock_stands_still_some_weeks_after_the_last_training(late):
    asked, shop = visit((10, 1.0, 1), (20, 1.0, 1)), handmade_arrays(product__created_at=np.zeros(COUNT))
    then = [
        scoring.score_for_visitor(replace(asked, timestamp=NOW + min(late, MAX_CLOCK_DRIFT)), shop) for _ in range(2)
    ]
    found = scoring.score_for_visitor(replace(asked, timestamp=NOW + late), shop)
    assert found.score.tolist() == then[0].score.tolist()
    assert shop.clamp_time(NOW + late) == NOW + min(late, MAX_CLOCK_DRIFT)


def test_a_snapshot_of_no_products_has_no_candidates():
    none = np.zeros(0)
    empty = {name: none.astype(array.dtype) for name, array in handmade_arrays().arrays.items() if array.ndim == 1}
    pairs = {name: np.zeros((0, 2), array.dtype) for name, array in handmade_arrays().arrays.items() if array.ndim == 2}
    shop = SnapshotArrays(
        {**empty, **pairs, "training.cutoff": np.array([NOW]), "category.product_start": np.array([0])}
    )
    asked = visit((10, 1.0, 1), near=[(20, 1.0)], candidate_products=(10,), basket=frozenset({10}))
    for rank in (scoring.score_for_visitor, scoring.score_discovery, scoring.score_for_basket, scoring.score_listing):
        assert keys(rank(asked, shop)) == []
