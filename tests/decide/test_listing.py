"""Products that somebody else chose, in the visitor's order."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as some

from personalization.decide.reranking import WHOLE, Basis, _of_the_day, basis, reordered
from personalization.decide.visit import Lately, Visit
from personalization.models import Genome
from personalization.models.visitors import Wish
from personalization.rank.snapshot_arrays import country_key
from personalization.recommenders import DAY
from tests.rank.by_hand import NOW, learned

SELLS = {"popular__score": [1, 2, 3, 4]}


def visit(*products, **named):
    """A visitor with own products as (key, weight)."""
    own = [[key, weight, 1, NOW - 9 * DAY, NOW - DAY] for key, weight in products]
    return Visit(**{"now": NOW, "strategy": None, "genome": Genome(products=own), **named})


def test_a_stranger_is_shown_what_sells_first():
    assert reordered(visit(listing=(10, 20, 30, 40)), learned(**SELLS), WHOLE) == (40, 30, 20, 10)


def test_a_customer_is_shown_their_own_products_first_the_usual_ones_on_top():
    asked = visit((10, 9.0), (30, 1.0), listing=(40, 30, 20, 10))
    assert reordered(asked, learned(**SELLS), WHOLE)[:2] == (10, 30)


def test_what_is_equal_stays_in_the_order_given():
    shop = learned(popular__score=[0, 5, 5, 5])
    assert reordered(visit(listing=(10, 40, 20, 30)), shop, WHOLE) == (40, 20, 30, 10)


def test_what_the_snapshot_does_not_know_stays_where_it_is():
    asked = visit(listing=(77, 10, 20, 78, 40, 79))
    assert reordered(asked, learned(**SELLS), WHOLE) == (77, 40, 20, 78, 10, 79)


def test_what_the_visitor_does_not_want_stands_last_known_or_not():
    wishes = (Wish("product", 40, -1, NOW - DAY), Wish("product", 77, -1, NOW - DAY))
    asked = visit(listing=(77, 10, 40, 20), wishes=wishes)
    assert reordered(asked, learned(**SELLS), WHOLE) == (20, 10, 77, 40)
    assert reordered(asked, learned(**SELLS), 1) == (10, 20, 77, 40)


def test_a_dial_at_0_leaves_everything_as_it_was_given():
    asked = visit((10, 9.0), listing=(40, 30, 77, 10), wishes=(Wish("product", 40, -1, NOW),))
    assert reordered(asked, learned(**SELLS), 0) == (40, 30, 77, 10)


def test_an_empty_listing_stays_empty():
    assert reordered(visit(), learned(**SELLS), WHOLE) == ()


def test_a_search_asks_the_engine_first_and_the_visitor_last():
    found = reordered(visit((40, 9.0), query="milk", listing=(10, 20, 30, 40)), learned(**SELLS), WHOLE)
    assert found == (10, 20, 30, 40)


def test_in_a_country_of_its_own_its_bestsellers_come_first():
    shop = learned(**SELLS, country__code=[country_key("DE")], country__start=[0, 2], country__product=[1, 0])
    assert reordered(visit(country="DE", listing=(10, 20, 30, 40)), shop, WHOLE) == (20, 10, 40, 30)
    assert basis(visit(country="DE"), shop) == Basis.PLACE
    assert basis(visit(country="FR"), shop) == Basis.ALL
    assert basis(visit(country="DE", query="milk"), shop) == Basis.ALL


def test_an_order_is_the_visitors_own_when_something_of_them_takes_part():
    assert basis(visit(), learned()) == Basis.ALL
    assert basis(visit((10, 1.0)), learned()) == Basis.OWN
    assert basis(visit((77, 1.0)), learned()) == Basis.ALL  # nothing is known of their product any more
    assert basis(visit(wishes=(Wish("product", 10, -1, NOW),)), learned()) == Basis.OWN
    removed = (Wish("product", 10, -1, NOW),)
    assert basis(visit((10, 1.0), wishes=removed), learned()) == Basis.OWN


def test_nothing_that_happens_between_two_pages_changes_the_order():
    shop, listing = learned(**SELLS), (10, 20, 30, 40)
    morning = visit((30, 1.0), now=NOW + 1, listing=listing)
    evening = replace(morning, now=NOW + DAY - 1, basket=frozenset({30}), recent=Lately(lambda: 1 / 0))
    assert _of_the_day(evening, shop).now == _of_the_day(morning, shop).now  # learned orders look at the clock
    disliked = Wish("reason", "bestsellers", -1, NOW)
    assert reordered(evening, shop, WHOLE) == reordered(morning, shop, WHOLE)
    assert reordered(replace(evening, wishes=(disliked,)), shop, WHOLE) == reordered(morning, shop, WHOLE)


@trying(deadline=None)
@given(
    listing=some.permutations([10, 20, 30, 40, 77, 78]),
    own=some.lists(some.sampled_from([10, 20, 30, 40]), unique=True),
    scores=some.lists(some.integers(0, 3), min_size=4, max_size=4),
)
def test_the_dial_turns_the_given_order_into_ours_and_swaps_each_pair_once(listing, own, scores):
    asked = visit(*((key, 1.0) for key in own), listing=tuple(listing))
    shop = learned(popular__score=scores)
    orders = [reordered(asked, shop, strength) for strength in range(WHOLE + 1)]
    assert orders[0] == tuple(listing)
    assert all(sorted(order) == sorted(listing) for order in orders)
    for one, other in combinations(listing, 2):
        first = [order.index(one) < order.index(other) for order in orders]
        assert first == sorted(first, reverse=True)


@pytest.mark.parametrize("size", [200, 500])
def test_a_product_that_is_listed_twice_stays_there_twice(size):
    listing = tuple(np.resize([10, 20, 99, 30], size).tolist())
    assert sorted(reordered(visit((20, 1.0), listing=listing), learned(**SELLS), WHOLE)) == sorted(listing)
