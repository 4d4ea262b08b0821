"""The menu's entries in a visitor's order, no further than the shop allows."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from personalization.decide.bounded_order import reorder_bounded

KEYS = st.lists(st.integers(1, 99), max_size=6, unique=True)
MOVES = st.integers(0, 6)


def allowed(order, most, pinned):
    """Every order that the shop allows, found by trying all."""
    for found in permutations(order):
        distances = {key: abs(found.index(key) - order.index(key)) for key in order}
        if all(distance <= (0 if key in pinned else most) for key, distance in distances.items()):
            yield list(found)


@given(KEYS, MOVES, st.data())
def test_of_all_orders_that_the_shop_allows_it_is_the_one_with_the_most_wanted_in_front(order, most, data):
    pinned = data.draw(st.sets(st.sampled_from(order))) if order else set()
    values = data.draw(st.permutations(range(len(order))))
    wanted = dict(zip(order, values, strict=True))
    best = max(allowed(order, most, pinned), key=lambda found: [wanted[key] for key in found])
    assert reorder_bounded(order, wanted, max_shift=most, pinned=pinned) == best


@given(KEYS, MOVES, st.data())
def test_with_equal_wishes_it_is_still_allowed_and_equals_keep_the_shops_sequence(order, most, data):
    pinned = data.draw(st.sets(st.sampled_from(order))) if order else set()
    wanted = {key: data.draw(st.sampled_from([0.0, 1.0])) for key in order}
    found = reorder_bounded(order, wanted, max_shift=most, pinned=pinned)
    assert found in list(allowed(order, most, pinned))
    for value in (0.0, 1.0):
        equal = [key for key in order if wanted[key] == value and key not in pinned]
        assert [key for key in found if key in equal] == equal


def test_nothing_moves_where_nothing_may_or_nothing_is_wanted():
    assert reorder_bounded([5, 3, 9], {9: 1.0}, max_shift=0, pinned=()) == [5, 3, 9]
    assert reorder_bounded([5, 3, 9], {}, max_shift=9, pinned=()) == [5, 3, 9]
    assert reorder_bounded([], {9: 1.0}, max_shift=9, pinned=()) == []


def test_the_most_wanted_comes_forward_as_far_as_it_may():
    order = [1, 2, 3, 4, 5]
    assert reorder_bounded(order, {5: 1.0}, max_shift=2, pinned=()) == [1, 2, 5, 3, 4]
    assert reorder_bounded(order, {5: 2.0, 4: 1.0}, max_shift=2, pinned=()) == [1, 4, 5, 2, 3]
    assert reorder_bounded(order, {5: 1.0}, max_shift=9, pinned=()) == [5, 1, 2, 3, 4]


def test_what_is_pinned_stays_and_is_gone_around():
    assert reorder_bounded([1, 2, 3, 4, 5], {5: 2.0, 4: 1.0}, max_shift=9, pinned={2, 99}) == [5, 2, 4, 1, 3]


def test_who_would_have_to_step_over_a_pinned_entry_too_far_stays():
    assert reorder_bounded([1, 2, 3], {3: 1.0}, max_shift=1, pinned={2}) == [1, 2, 3]
