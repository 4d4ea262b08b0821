"""The team draft: fair, whole, and steady."""

from datetime import date, timedelta
from itertools import permutations
from random import Random
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as some

from personalization.decide.interleaving import NO_TEAM, TEAM_A, TEAM_B, DraftedItem, draft_coin, team_draft

UNIT, DAY = UUID(int=7), date(2026, 3, 2)
orders = some.lists(some.integers(0, 30), unique=True, max_size=20)


def a_first(pair):
    return True


def b_first(pair):
    return False


def coins(bits):
    return lambda pair: bits[pair % len(bits)]


def test_in_each_pair_both_orders_add_their_best():
    assert team_draft([1, 2, 3, 4], [4, 3, 2, 1], a_first) == [
        DraftedItem(1, TEAM_A),
        DraftedItem(4, TEAM_B),
        DraftedItem(2, TEAM_A),
        DraftedItem(3, TEAM_B),
    ]
    assert [one.item for one in team_draft([1, 2, 3, 4], [4, 3, 2, 1], b_first)] == [4, 1, 3, 2]


def test_what_both_orders_have_in_the_same_place_counts_for_neither():
    drafted = team_draft(["top", "x", "y"], ["top", "y", "x"], a_first)
    assert drafted[0] == DraftedItem("top", NO_TEAM)
    assert {one.team for one in drafted[1:]} == {TEAM_A, TEAM_B}
    assert {one.team for one in team_draft([1, 2, 3], [1, 2, 3], a_first)} == {NO_TEAM}


def test_a_pinned_item_stands_in_its_place_and_counts_for_neither():
    drafted = team_draft([1, 2, 3, 4], [4, 3, 2, 1], a_first, pinned={1: 3, 3: 9})
    assert [one.item for one in drafted] == [1, 3, 4, 9, 2]
    assert [one.team for one in drafted] == [TEAM_A, NO_TEAM, TEAM_B, NO_TEAM, NO_TEAM]
    assert team_draft([], [], a_first, pinned={5: 1}) == [DraftedItem(1, NO_TEAM)]


@given(orders, orders, some.lists(some.booleans(), min_size=1), some.dictionaries(some.integers(0, 9), some.just(99)))
def test_no_item_is_lost_and_none_stands_twice(a, b, bits, pinned):
    drafted = [one.item for one in team_draft(a, b, coins(bits), dict(list(pinned.items())[:1]))]
    assert sorted(drafted) == sorted({*a, *b, *list(pinned.values())[:1]})


@given(some.permutations(range(12)), some.permutations(range(12)), some.lists(some.booleans(), min_size=1))
def test_both_orders_add_equally_many_at_every_length(a, b, bits):
    drafted = team_draft(a, b, coins(bits))
    flipped = team_draft(b, a, coins([not bit for bit in bits]))
    assert [one.item for one in drafted] == [one.item for one in flipped]
    mirror = {TEAM_A: TEAM_B, TEAM_B: TEAM_A, NO_TEAM: NO_TEAM}
    assert [one.team for one in drafted] == [mirror[one.team] for one in flipped]


def test_with_both_coins_each_pair_of_orders_gets_the_same_places():
    for b in permutations([1, 2, 3]):
        places = {TEAM_A: [], TEAM_B: [], NO_TEAM: []}
        for bits in ([True, True], [True, False], [False, True], [False, False]):
            for place, one in enumerate(team_draft([1, 2, 3], list(b), coins(bits))):
                places[one.team].append(place)
        assert sorted(places[TEAM_A]) == sorted(places[TEAM_B])


def test_ten_thousand_pages_favour_neither_order():
    """Visitors who click by place alone, whatever stands there."""
    chance, clicks = Random(20260302), {TEAM_A: 0, TEAM_B: 0, NO_TEAM: 0}
    a = list(range(12))
    b = [0, *chance.sample(range(1, 12), 11)]
    for number in range(10_000):
        coin = draft_coin(UUID(int=number), salt="order-1", page="search:tea", day=DAY)
        for place, one in enumerate(team_draft(a, b, coin)):
            clicks[one.team] += chance.random() < 0.3 / (place + 1)
    both = clicks[TEAM_A] + clicks[TEAM_B]
    assert both > 3_000
    assert abs(clicks[TEAM_A] - clicks[TEAM_B]) < 2 * both**0.5
    assert clicks[NO_TEAM] > 2_000


def test_an_order_that_is_better_wins():
    chance, clicks = Random(1), {TEAM_A: 0, TEAM_B: 0, NO_TEAM: 0}
    for number in range(2_000):
        coin = draft_coin(UUID(int=number), salt="order-1", page="home", day=DAY)
        for place, one in enumerate(team_draft([1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1], coin)):
            clicks[one.team] += chance.random() < (0.3 if one.item > 3 else 0.2) / (place + 1)
    assert clicks[TEAM_B] > 1.2 * clicks[TEAM_A]


def test_a_list_stays_as_it_is_for_a_day():
    def drawn(unit=UNIT, salt="order-1", page="home", day=DAY):
        coin = draft_coin(unit, salt=salt, page=page, day=day)
        return [coin(pair) for pair in range(64)]

    assert drawn() == drawn()
    others = [drawn(salt="order-2"), drawn(page="search"), drawn(day=DAY + timedelta(1)), drawn(unit=UUID(int=8))]
    assert all(other != drawn() for other in others)
    assert 16 < sum(drawn()) < 48
