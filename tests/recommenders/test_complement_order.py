"""In which order the complements of a product stand."""

from itertools import pairwise

import numpy as np

from personalization.recommenders._complement_order import DISTINCTIVE, LIKELIEST, WEIGHTS, order_links

AFFINITY = 1.3
"""What a visitor's affinity multiplies a weight by, at most."""


def order(lift, popularity, category=None, anchor=None):
    count = len(lift)
    weight = order_links(
        np.zeros(count, np.int64) if anchor is None else np.array(anchor),
        np.arange(count) if category is None else np.array(category),
        np.array(lift, float),
        np.array(popularity, float),
    )
    return np.argsort(-weight, kind="stable").tolist(), weight


def test_first_stand_the_likeliest_then_what_is_distinctive_then_the_rest():
    lift, popularity = [2, 2, 2, 2, 2, 9, 8, 7, 6], [100, 90, 80, 70, 60, 1, 1, 1, 1]
    assert order(lift, popularity)[0] == [0, 1, 2, 5, 6, 7, 3, 4, 8]


def test_of_the_distinctive_each_is_of_another_category():
    lift, popularity = [2, 2, 2, 9, 8, 7, 6], [100, 90, 80, 1, 1, 1, 1]
    assert order(lift, popularity, category=[0, 1, 2, 3, 3, 4, 5])[0] == [0, 1, 2, 3, 5, 6, 4]
    assert order(lift, popularity, category=[0, 1, 2, -1, -1, -1, 5])[0] == [0, 1, 2, 3, 4, 5, 6]


def test_no_more_than_three_of_a_category_are_the_likeliest_before_others():
    found, _ = order([2, 2, 2, 2, 2], [9, 8, 7, 6, 1], category=[0, 0, 0, 0, 1])
    assert set(found[:3]) == {0, 1, 2}


def test_products_do_not_disturb_each_other_and_few_links_are_enough():
    _, both = order([2, 3, 5], [4, 4, 4], anchor=[0, 1, 1])
    assert both[0] == both[2] == 1.0
    assert order([], [])[0] == []


def test_affinity_moves_nothing_into_another_part():
    parts = ["others", "distinctive", "likeliest"]
    for lower, upper in pairwise(parts):
        assert WEIGHTS[lower][1] * AFFINITY < WEIGHTS[upper][0]
    assert LIKELIEST + DISTINCTIVE == 6
