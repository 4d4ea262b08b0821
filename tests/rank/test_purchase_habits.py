"""Habits: from order lines to weights that fade."""

import json

import numpy as np

from personalization.rank.purchase_habits import purchase_habits
from personalization.recommenders import DAY

NOW = 1_000 * DAY
HALF_LIFE = 10


def of(*lines):
    """The habits of (customer, thing, days ago)."""
    customer, thing, ago = np.array(lines, np.float64).reshape(-1, 3).T
    return purchase_habits(customer.astype(np.int32), thing.astype(np.int32), NOW - ago * DAY, NOW, HALF_LIFE)


def test_a_purchase_counts_half_after_each_half_life_and_days_add_up():
    found = of((0, 5, 0), (0, 5, 10), (0, 5, 20))
    assert (found.weight.tolist(), found.days.tolist()) == ([1.75], [3])


def test_a_purchase_counts_once_a_day_however_often_it_was_made():
    often = of(*[(0, 5, 9.5 + line / 25_000) for line in range(10_000)], (0, 5, 0))
    once = of((0, 5, 9.7), (0, 5, 0))
    assert all(np.array_equal(vars(often)[name], vars(once)[name]) for name in vars(often))


def test_the_first_and_the_last_day_are_told_by_their_noons():
    found = of((0, 5, 29.9), (0, 5, 3.2))
    assert (found.first.tolist(), found.last.tolist()) == ([970.5 * DAY], [996.5 * DAY])


def test_the_strongest_habit_stands_first_and_equal_ones_by_number():
    found = of((0, 9, 1), (0, 4, 1), (0, 7, 0), (1, 3, 5))
    assert found.customer.tolist() == [0, 0, 0, 1]
    assert found.item.tolist() == [7, 4, 9, 3]


def test_each_customer_s_entries_lie_between_their_bounds():
    assert of((1, 9, 1), (1, 4, 1), (3, 7, 0)).bounds(5).tolist() == [0, 0, 2, 2, 3, 3]


def test_the_sequence_of_the_lines_changes_nothing():
    lines = [(line % 7, line * line % 11, line % 40) for line in range(300)]
    one, other = of(*lines), of(*reversed(lines))
    assert all(np.array_equal(vars(one)[name], vars(other)[name]) for name in vars(one))


def test_a_weight_comes_back_from_json_as_it_was():
    weight = of(*[(0, thing, ago) for thing in range(20) for ago in range(0, 60, 1 + thing)]).weight.tolist()
    assert json.loads(json.dumps(weight)) == weight == [round(value, 4) for value in weight]


def test_nothing_bought_is_no_habit():
    found = of()
    assert [len(vars(found)[name]) for name in vars(found)] == [0] * 6
    assert found.bounds(2).tolist() == [0, 0, 0]


def test_a_purchase_of_long_ago_weighs_nothing_and_is_still_known():
    found = of((0, 5, 900))
    assert (found.weight.tolist(), found.days.tolist()) == ([0.0], [1])
