"""Products that somebody else chose, in the visitor's order."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as some

from personalization.decide.policy import Policy
from personalization.decide.reranking import FULL_STRENGTH, RerankBasis, _day_stable, rerank, rerank_basis
from personalization.decide.visit import LazySequence, Visit
from personalization.models import Genome
from personalization.models.visitors import Preference
from personalization.rank.snapshot_arrays import country_code_to_int
from personalization.recommenders import DAY
from tests.shops.handmade_snapshot import NOW, handmade_arrays

SELLS = {"popular__score": [1, 2, 3, 4]}


def visit(*products, **named):
    """A visitor with own products as (key, weight)."""
    own = [[key, weight, 1, NOW - 9 * DAY, NOW - DAY] for key, weight in products]
    return Visit(**{"timestamp": NOW, "strategy": None, "genome": Genome(products=own), **named})


def test_a_stranger_is_shown_what_sells_first():
    assert rerank(visit(candidate_products=(10, 20, 30, 40)), handmade_arrays(**SELLS)) == (40, 30, 20, 10)


def test_a_customer_is_shown_their_own_products_first_the_usual_ones_on_top():
    asked = visit((10, 9.0), (30, 1.0), candidate_products=(40, 30, 20, 10))
    assert rerank(asked, handmade_arrays(**SELLS))[:2] == (10, 30)


def test_what_is_equal_stays_in_the_order_given():
    shop = handmade_arrays(popular__score=[0, 5, 5, 5])
    assert rerank(visit(candidate_products=(10, 40, 20, 30)), shop) == (40, 20, 30, 10)


def test_what_the_snapshot_does_not_know_stays_where_it_is():
    asked = visit(candidate_products=(77, 10, 20, 78, 40, 79))
    assert rerank(asked, handmade_arrays(**SELLS)) == (77, 40, 20, 78, 10, 79)


def test_what_the_visitor_does_not_want_stands_last_known_or_not():
    wishes = (Preference("product", 40, -1, NOW - DAY), Preference("product", 77, -1, NOW - DAY))
    asked = visit(candidate_products=(77, 10, 40, 20), preferences=wishes)
    assert rerank(asked, handmade_arrays(**SELLS)) == (20, 10, 77, 40)
    gently = replace(asked, policy=Policy(rerank_strength=1))
    assert rerank(gently, handmade_arrays(**SELLS)) == (10, 20, 77, 40)


def test_a_dial_at_0_leaves_everything_as_it_was_given():
    asked = visit((10, 9.0), candidate_products=(40, 30, 77, 10), preferences=(Preference("product", 40, -1, NOW),))
    off = replace(asked, policy=Policy(rerank_strength=0))
    assert rerank(off, handmade_arrays(**SELLS)) == (40, 30, 77, 10)


def test_an_empty_listing_stays_empty():
    assert rerank(visit(), handmade_arrays(**SELLS)) == ()


def test_a_search_shows_first_what_the_visitor_buys_then_what_sells():
    hits = (10, 20, 30, 40)
    assert rerank(visit((20, 9.0), query="milk", candidate_products=hits), handmade_arrays(**SELLS))[0] == 20
    assert rerank(visit(query="milk", candidate_products=hits), handmade_arrays(**SELLS)) == (40, 30, 20, 10)
    assert rerank(visit(query="milk", candidate_products=hits), handmade_arrays()) == hits


def test_in_a_country_of_its_own_its_bestsellers_come_first():
    shop = handmade_arrays(
        **SELLS, country__code=[country_code_to_int("DE")], country__start=[0, 2], country__product=[1, 0]
    )
    assert rerank(visit(country="DE", candidate_products=(10, 20, 30, 40)), shop) == (20, 10, 40, 30)
    assert rerank_basis(visit(country="DE"), shop) == RerankBasis.CONTEXTUAL
    assert rerank_basis(visit(country="FR"), shop) == RerankBasis.POPULAR
    assert rerank_basis(visit(country="DE", query="milk"), shop) == RerankBasis.POPULAR


def test_an_order_is_the_visitors_own_when_something_of_them_takes_part():
    assert rerank_basis(visit(), handmade_arrays()) == RerankBasis.POPULAR
    assert rerank_basis(visit((10, 1.0)), handmade_arrays()) == RerankBasis.PERSONAL
    assert (
        rerank_basis(visit((77, 1.0)), handmade_arrays()) == RerankBasis.POPULAR
    )  # nothing is known of their product any more
    assert (
        rerank_basis(visit(preferences=(Preference("product", 10, -1, NOW),)), handmade_arrays())
        == RerankBasis.PERSONAL
    )
    removed = (Preference("product", 10, -1, NOW),)
    assert rerank_basis(visit((10, 1.0), preferences=removed), handmade_arrays()) == RerankBasis.PERSONAL


def test_nothing_that_happens_between_two_pages_changes_the_order():
    shop, listing = handmade_arrays(**SELLS), (10, 20, 30, 40)
    morning = visit((30, 1.0), timestamp=NOW + 1, candidate_products=listing)
    evening = replace(
        morning, timestamp=NOW + DAY - 1, basket=frozenset({30}), recent_events=LazySequence(lambda: 1 / 0)
    )
    assert (
        _day_stable(evening, shop).timestamp == _day_stable(morning, shop).timestamp
    )  # learned orders look at the clock
    disliked = Preference("reason", "bestsellers", -1, NOW)
    assert rerank(evening, shop) == rerank(morning, shop)
    assert rerank(replace(evening, preferences=(disliked,)), shop) == rerank(morning, shop)


@trying(deadline=None)
@given(
    listing=some.permutations([10, 20, 30, 40, 77, 78]),
    own=some.lists(some.sampled_from([10, 20, 30, 40]), unique=True),
    scores=some.lists(some.integers(0, 3), min_size=4, max_size=4),
)
def test_the_dial_turns_the_given_order_into_ours_and_swaps_each_pair_once(listing, own, scores):
    asked = visit(*((key, 1.0) for key in own), candidate_products=tuple(listing))
    shop = handmade_arrays(popular__score=scores)
    policies = [Policy(rerank_strength=strength) for strength in range(FULL_STRENGTH + 1)]
    orders = [rerank(replace(asked, policy=policy), shop) for policy in policies]
    assert orders[0] == tuple(listing)
    assert all(sorted(order) == sorted(listing) for order in orders)
    for one, other in combinations(listing, 2):
        first = [order.index(one) < order.index(other) for order in orders]
        assert first == sorted(first, reverse=True)


@pytest.mark.parametrize("size", [200, 500])
def test_a_product_that_is_listed_twice_stays_there_twice(size):
    listing = tuple(np.resize([10, 20, 99, 30], size).tolist())
    assert sorted(rerank(visit((20, 1.0), candidate_products=listing), handmade_arrays(**SELLS))) == sorted(listing)
