"""Variety within a row, the window of a count, and what is due."""

import numpy as np

from personalization.decide import selection
from personalization.decide.slate import Candidate, Reason, product_ref
from personalization.recommenders import DAY
from tests.shops.handmade_snapshot import NOW, handmade_arrays, handmade_history

COUNTS = [[9, 0, 0, 0], [9, 6, 0, 0], [9, 7, 8, 0], [9, 7, 8, 5]]


def candidates(*keys):
    return [Candidate(product_ref(key), 1.0, Reason("any")) for key in keys]


SIZED = {
    "product__family": [0, 0, 1, 0],
    "product__size": [16, 32, 8, 64],
    "all_time_popular__score": [5, 9, 3, 7],
    "all_time_popular__customers": [5, 9, 3, 7],
}


def standing(folded):
    families = [one.size_family for one in folded]
    return [
        one.item.id for n, one in enumerate(folded) if one.size_family is None or families.index(one.size_family) == n
    ]


def test_what_differs_in_size_only_is_folded_into_what_sells_best():
    folded = selection.fold_sizes(candidates(40, 30, 10, 20, 99), handmade_arrays(**SIZED))
    assert standing(folded) == [20, 30, 99]
    assert {one.item.id: one.size_count for one in folded} == {20: 3, 40: 3, 10: 3, 30: 1, 99: 1}


def test_what_the_visitor_bought_stands_for_the_other_sizes_and_two_that_they_bought_both_stay():
    learned = handmade_arrays(**SIZED)
    assert standing(selection.fold_sizes(candidates(40, 30, 10, 20), learned, {10})) == [10, 30]
    assert standing(selection.fold_sizes(candidates(40, 30, 10, 20), learned, {10, 40})) == [40, 30, 10]
    assert standing(selection.fold_sizes(candidates(40, 30, 10, 20), learned, {10, 40, 20})) == [20, 30, 10]


def test_where_a_row_says_something_else_of_each_product_the_first_stands_for_the_others():
    counted = [
        Candidate(product_ref(key), count, Reason("popular", {"customers": count}))
        for key, count in ((40, 9), (30, 8), (20, 7))
    ]
    assert standing(selection.fold_sizes(counted, handmade_arrays(**SIZED))) == [40, 30]


def test_a_row_about_a_product_shows_its_sizes():
    folded = selection.fold_sizes(candidates(40, 30, 10), handmade_arrays(**SIZED), subject=20)
    assert standing(folded) == [40, 30, 10]


def test_at_most_two_products_are_equal_where_no_other_size_can_be_read():
    for size in ([0, 0, 0, 0], [16, 16, 8, 16]):
        folded = selection.fold_sizes(candidates(40, 30, 10, 20), handmade_arrays(**(SIZED | {"product__size": size})))
        assert standing(folded) == [20, 30, 10]
        assert {one.size_count for one in folded} == {1}


def test_the_window_widens_until_a_row_fills():
    learned = handmade_arrays(popularity__days=[28, 90, 365, 0], popularity__customers=COUNTS)
    for fill, days, found in ((1, 28, [0]), (2, 90, [0, 1]), (3, 365, [0, 2, 1]), (6, 0, [0, 2, 1, 3])):
        popular = selection.popularity(learned, 28, fill)
        assert (popular.days, popular.indices.tolist()) == (days, found)
        assert popular.customers.tolist() == sorted(popular.customers.tolist(), reverse=True)


def test_a_window_fills_from_the_products_that_are_asked_for():
    learned = handmade_arrays(
        popularity__days=[28, 90, 365, 0],
        popularity__customers=COUNTS,
        category__id=[7],
        category__product_start=[0, 2],
        category__product=[2, 3],
    )
    assert selection.popularity(learned, 28, 1, 7).days == 365


def test_all_products_are_sorted_once_a_process_and_not_for_each_page(monkeypatch):
    learned = handmade_arrays(popularity__days=[28, 90, 365, 0], popularity__customers=COUNTS)
    first = selection.popularity(learned, 28, 2)
    monkeypatch.setattr(selection, "top_k", None)
    again = selection.popularity(learned, 28, 2)
    assert (again.days, again.indices.tolist()) == (first.days, first.indices.tolist())
    assert selection.popularity(learned, 28, 6).indices.tolist() == [0, 2, 1, 3]


def test_a_snapshot_of_an_earlier_release_has_one_window():
    learned = handmade_arrays(popular__score=[3, 0, 2, 0], popular__customers=[3, 0, 2, 0])
    assert selection.popularity(learned, 28, 6).indices.tolist() == [0, 2]


def test_what_was_bought_a_minute_ago_is_not_due_and_what_is_late_is():
    history = handmade_history((0, 1, 3, 60, 0), (1, 1, 3, 60, 40))
    ratios = selection.overdue_ratios(handmade_arrays(), history, NOW + DAY / 2, np.array([1, 0]))
    assert ratios[0] > 1 and ratios[1] < 0.1


def test_what_was_bought_today_is_as_fresh_in_the_evening_as_at_noon():
    """Purchases are known by their day, as its noon."""
    history = handmade_history((0, 1, 30, 1, 0))
    moments, one = (NOW, NOW + 0.49 * DAY), np.array([0])
    noon, evening = (selection.overdue_ratios(handmade_arrays(), history, moment, one) for moment in moments)
    assert noon == evening == 0
