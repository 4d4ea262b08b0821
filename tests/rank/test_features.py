"""What is known of each candidate, as numbers that can be worked out by hand."""

import numpy as np
import pytest

from personalization.rank import features as described
from personalization.rank.features import NEVER_BOUGHT_DAYS, compute_features
from personalization.rank.visitor_history import VisitorHistory
from personalization.recommenders import DAY
from tests.shops.habits import past
from tests.shops.handmade_snapshot import COUNT, NOW, handmade_arrays, handmade_history

EVERYTHING = np.arange(COUNT)


def told(who, shop=None, basket=(), places=EVERYTHING):
    """The features by name, each as a list with one entry a candidate."""
    shop = shop or handmade_arrays()
    table = compute_features(who, shop, NOW, np.asarray(places), np.array(basket, np.int64))
    assert table.dtype == np.float32 and np.isfinite(table).all()
    return dict(zip(described.feature_names(shop), table.tolist(), strict=True))


def near_to(*values):
    return pytest.approx(values, rel=1e-6)


def test_own_purchases_are_told_by_weight_share_days_and_age():
    found = told(handmade_history((2, 3.0, 4, 60, 10), (0, 1.0, 1, 20, 20)))
    assert found["purchase.weight"] == [1, 0, 3, 0]
    assert found["purchase.share"] == [0.25, 0, 0.75, 0]
    assert found["purchase.days"] == [1, 0, 4, 0]
    assert found["purchase.days_since"] == [20, NEVER_BOUGHT_DAYS, 10, NEVER_BOUGHT_DAYS]
    assert found["visitor.products"] == [2, 2, 2, 2]
    assert found["visitor.repurchase_share"] == near_to(0.6, 0.6, 0.6, 0.6)


def test_what_is_due_is_told_by_the_customer_s_rhythm_and_the_product_s_as_one_gap():
    found = told(
        handmade_history((2, 3.0, 4, 60, 10), (0, 1.0, 1, 20, 20)),
        handmade_arrays(repurchase_interval__score=[0, 0, 14, 0]),
    )
    assert found["purchase.overdue_ratio"] == near_to(20 / 30, 0, 10 / ((50 + 14) / 4), 0)


def test_a_habit_is_the_own_weight_and_what_the_product_s_customers_usually_do():
    shop = handmade_arrays(repurchase_rate__score=[0.5, 0.5, 0, 0], repurchase_frequency__score=[2.0, 2.0, 0, 0])
    assert told(handmade_history((0, 1.5, 1, 9, 9)), shop)["purchase.expected"] == [1.5 + 2 * 0.5 + 0.5 * 2.0, 0, 0, 0]


def test_what_similar_customers_buy_is_told_by_its_weight():
    assert told(handmade_history(near=((3, 0.5), (1, 0.25))))["user_knn.score"] == [0, 0.25, 0, 0.5]


def test_the_kind_of_a_candidate_is_told_by_its_share_of_the_customer_s_weight():
    shop = handmade_arrays(product__leaf_category=[0, 1, 1, 0])
    assert told(handmade_history((0, 1.0, 1, 9, 9), (1, 3.0, 1, 9, 9)), shop)["category.purchase_share"] == [
        0.25,
        0.75,
        0.75,
        0.25,
    ]


def test_a_price_is_told_against_what_the_customer_usually_pays():
    shop = handmade_arrays(product__price=np.array([2, 8, 0, 4], np.float32))
    found = told(handmade_history((0, 1.0, 1, 9, 9), (1, 1.0, 1, 9, 9)), shop)["price.log_ratio"]
    assert found == pytest.approx([-np.log(2), np.log(2), 0, 0], abs=1e-6)


def test_the_basket_is_told_by_its_kinds_and_its_size():
    found = told(VisitorHistory.empty(), handmade_arrays(product__leaf_category=[0, 1, 1, 2]), basket=[1, 3])
    assert (found["basket.same_category"], found["basket.size"]) == ([0, 1, 1, 1], [2, 2, 2, 2])


def test_the_customer_s_products_speak_for_others_by_the_logarithm_of_their_weights():
    links = {"bought_together__index": [[3, 2], [3, -1], [0, -1], [-1, -1]]}
    links["bought_together__weight"] = [[0.5, 0.2], [0.1, 0], [0.9, 0], [0, 0]]
    found = told(handmade_history((0, np.e**3 - 1, 1, 9, 9), (1, np.e - 1, 1, 9, 9)), handmade_arrays(**links))
    assert found["bought_together.purchases"] == near_to(0, 0, 0.2 * 0.75, 0.5 * 0.75 + 0.1 * 0.25)
    assert found["co_purchased_by_customer.purchases"] == [0, 0, 0, 0]


def test_the_basket_s_products_speak_for_others_by_their_mean_and_by_the_closest():
    links = {"bought_together__index": [[3, 2], [3, -1], [0, -1], [-1, -1]]}
    links["bought_together__weight"] = [[0.5, 0.2], [0.1, 0], [0.9, 0], [0, 0]]
    found = told(VisitorHistory.empty(), handmade_arrays(**links), basket=[0, 1])
    assert found["bought_together.basket"] == near_to(0, 0, 0.1, 0.3)
    assert found["bought_together.basket_max"] == near_to(0, 0, 0.2, 0.5)


def test_of_a_stranger_nothing_is_told_but_the_products():
    found = told(
        VisitorHistory.empty(),
        handmade_arrays(popular__score=[4, 3, 2, 1], product__created_at=NOW - np.arange(4) * DAY),
    )
    never = {"purchase.days_since": [NEVER_BOUGHT_DAYS] * 4}
    assert {name: values for name, values in found.items() if any(values)} == never | {
        "popular": [1, 0.75, 0.5, 0.25],  # of the highest number of customers
        "product.age_days": [0, 1, 2, 3],
    }


def test_a_decision_without_candidates_has_as_many_features():
    none = np.empty(0, np.int64)
    assert compute_features(handmade_history((0, 1.0, 1, 9, 9)), handmade_arrays(), NOW, none).shape == (
        len(described.feature_names(handmade_arrays())),
        0,
    )


def test_a_candidate_is_told_alike_whoever_stands_beside_it():
    asked = past()
    who = next(iter(asked.histories.values()))
    whole = compute_features(who, asked.learned, asked.train_history.now, np.arange(80), who.purchased[:3])
    some = np.array([79, 3, 41, *who.purchased[:2]])
    assert np.array_equal(
        compute_features(who, asked.learned, asked.train_history.now, some, who.purchased[:3]), whole[:, some]
    )


def test_a_recommender_that_is_added_to_the_shelf_adds_its_features():
    added = handmade_arrays(own__score=[1, 2, 3, 4], link__index=[[1], [2], [3], [0]], link__weight=[[0.5]] * 4)
    assert sorted(set(described.feature_names(added)) - set(described.feature_names(handmade_arrays()))) == [
        "link.basket",
        "link.basket_max",
        "link.purchases",
        "own",
    ]
    assert told(VisitorHistory.empty(), added, basket=[0])["link.basket"] == [0, 0.5, 0, 0]
