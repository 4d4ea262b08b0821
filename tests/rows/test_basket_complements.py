"""What still belongs in a basket, by hand: how likely it must be, and what counts as an alternative."""

import numpy as np
import pytest

from personalization.decide.policy import Policy
from personalization.decide.visit import Visit
from personalization.rank import scorer, tasks
from personalization.rank.features import feature_names
from personalization.rows import basket_complements
from tests.shops.handmade_snapshot import NOW, handmade_arrays

NO_LINKS = {"index": [[-1, -1]] * 4, "weight": [[0.0, 0.0]] * 4}
ALIKE = {"substitutes__index": [[1, -1], [-1, -1], [-1, -1], [-1, -1]]}
KIND = {"product__leaf_category": [0, 0, 1, 2]}


def shop(**arrays):
    """Product 10 lies in 90 baskets, and so do the others; 20 lies in 50 of them, too, and 30 in 20."""
    both = np.array([50, 20])
    weight = both / (90 * 90**0.25 + 10)
    return handmade_arrays(
        **{
            "bought_together__index": [[1, 2], [0, -1], [0, -1], [-1, -1]],
            "bought_together__weight": [weight, [weight[0], 0], [weight[1], 0], [0, 0]],
            "all_time_popular__score": [90, 90, 90, 90],
            "substitutes__index": NO_LINKS["index"],
            "substitutes__weight": NO_LINKS["weight"],
            **arrays,
        }
    )


def offered(learned, *basket, **visit):
    asked = Visit(timestamp=NOW, strategy=None, basket=frozenset(basket), **visit)
    return [candidate.item.id for candidate in basket_complements.basket_complements(asked, learned)]


@pytest.mark.parametrize(
    ("percent", "likely_enough"), [(1, [20, 30]), (12, [20, 30]), (13, [20]), (30, [20]), (31, [])]
)
def test_where_nothing_was_learned_the_share_of_baskets_says_how_likely_it_is(percent, likely_enough):
    """.6 x 20 / 100 = .12 and .6 x 50 / 100 = .3: ten more than there were damp the share."""
    assert offered(shop(), 10, policy=Policy(add_on_min_probability=percent / 100)) == likely_enough


def of_one_leaf(learned_shop, slope, offset):
    """The same shop, whose trees find all products equally likely."""
    one = {"feature": np.zeros((1, 7), np.int32), "threshold": np.zeros((1, 7), np.float32)}
    one |= {"left": np.full((1, 7), 255, np.int32), "value": np.zeros((1, 8)), "calibration": np.array([slope, offset])}
    trees = {tasks.GUEST_BASKET.array_name(name): array for name, array in one.items()}
    whole = {**learned_shop.arrays, **trees}
    marked = {**whole, "ranker.fingerprint": np.array([scorer.feature_fingerprint(learned_shop)])}
    assert feature_names(learned_shop) == feature_names(type(learned_shop)(marked))
    return type(learned_shop)(marked)


def test_where_it_was_learned_the_learned_chance_does():
    policy = Policy(add_on_min_probability=0.2)
    assert offered(of_one_leaf(shop(), 1.0, np.log(0.21 / 0.79)), 10, policy=policy) == [20, 30]
    assert offered(of_one_leaf(shop(), 1.0, np.log(0.19 / 0.81)), 10, policy=policy) == []


def test_however_likely_it_is_what_nobody_put_in_one_basket_with_it_is_not_offered():
    certain = of_one_leaf(shop(product__bestsellers=[3, 2, 1, 0]), 1.0, 5.0)
    assert offered(certain, 10) == [20, 30]
    assert offered(certain, 40) == []


@pytest.mark.parametrize(("likeness", "left"), [(0.49, [20, 30]), (0.5, [30])])
def test_what_is_very_like_something_there_is_an_alternative(likeness, left):
    weight = [[likeness, 0], *NO_LINKS["weight"][1:]]
    assert offered(shop(**ALIKE, substitutes__weight=weight), 10) == left


def test_so_is_what_has_something_there_among_its_own_substitutes():
    index = [[-1, -1], [0, -1], [-1, -1], [-1, -1]]
    weight = [[0, 0], [0.9, 0], [0, 0], [0, 0]]
    assert offered(shop(substitutes__index=index, substitutes__weight=weight), 10) == [30]


def test_what_is_of_a_kind_that_is_there_is_one_unless_they_are_bought_together():
    assert offered(shop(**KIND), 10) == [20, 30]  # 20 is of 10's kind, and in one basket with it
    assert offered(shop(product__leaf_category=[0, 1, 2, 1]), 10, 40) == [30]  # 20 is of 40's kind, and never with it


def test_what_has_no_kind_is_no_alternative():
    assert offered(shop(product__leaf_category=[0, -1, -1, -1]), 10, 40) == [20, 30]


def test_a_line_that_sold_out_brings_nothing_and_is_no_alternative_for_less():
    assert offered(shop(), 10, 40, unavailable_basket_products=(10,)) == []
    assert offered(shop(product__leaf_category=[0, 1, 2, 1]), 10, 40, unavailable_basket_products=(40,)) == [30]


def test_alternatives_are_looked_for_in_all_of_a_large_basket(settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "MAX_ORDER_PRODUCTS": 1}
    assert offered(shop(product__leaf_category=[0, 1, 2, 1]), 10, 40) == [30]


def test_a_basket_of_what_the_snapshot_does_not_know_is_offered_nothing():
    assert offered(shop(product__bestsellers=[0, 1, 2, 3]), 99) == []
    assert offered(shop(product__bestsellers=[0, 1, 2, 3])) == []
