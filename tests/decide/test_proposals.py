"""Variety within a row, the window of a count, and what is due."""

import numpy as np

from personalization.decide import selection
from personalization.decide.slate import Candidate, Reason, product_ref
from personalization.recommenders import DAY
from tests.shops.handmade_snapshot import NOW, handmade_arrays, handmade_history

COUNTS = [[9, 0, 0, 0], [9, 6, 0, 0], [9, 7, 8, 0], [9, 7, 8, 5]]


def candidates(*keys):
    return [Candidate(product_ref(key), 1.0, Reason("any")) for key in keys]


def test_at_most_two_products_of_a_row_differ_in_size_only():
    learned = handmade_arrays(product__family=[0, 0, 1, 0])
    varied = selection.vary_sizes(candidates(40, 30, 10, 20, 99), learned)
    assert [one.item.id for one in varied] == [40, 30, 10, 99]


def test_the_window_widens_until_a_row_fills():
    learned = handmade_arrays(popularity__days=[28, 90, 365, 0], popularity__customers=COUNTS)
    for fill, days, found in ((1, 28, [0]), (2, 90, [0, 1]), (3, 365, [0, 2, 1]), (6, 0, [0, 2, 1, 3])):
        popular = selection.popularity(learned, 28, fill)
        assert (popular.days, popular.indices.tolist()) == (days, found)
        assert popular.customers.tolist() == sorted(popular.customers.tolist(), reverse=True)


def test_a_window_fills_from_the_products_that_are_asked_for():
    learned = handmade_arrays(popularity__days=[28, 90, 365, 0], popularity__customers=COUNTS)
    assert selection.popularity(learned, 28, 1, np.array([2, 3])).days == 365


def test_a_snapshot_of_an_earlier_release_has_one_window():
    learned = handmade_arrays(popular__score=[3, 0, 2, 0], popular__customers=[3, 0, 2, 0])
    assert selection.popularity(learned, 28, 6).indices.tolist() == [0, 2]


def test_what_was_bought_a_minute_ago_is_not_due_and_what_is_late_is():
    history = handmade_history((0, 1, 3, 60, 0), (1, 1, 3, 60, 40))
    ratios = selection.overdue_ratios(handmade_arrays(), history, NOW + DAY / 2, np.array([1, 0]))
    assert ratios[0] > 1 and ratios[1] < 0.1
