"""How far what counts moves a product: never further than its dial says, whatever moves the others."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personalization.decide.objectives import LIST_WINDOW, order_candidates, order_list, order_row
from personalization.decide.slate import CATEGORY, Candidate, ItemRef, Reason, RowCandidate, product_ref
from personalization.decide.store_preference import LINES_AHEAD
from personalization.decide.trace import Trace
from personalization.decide.visit import Visit
from personalization.merchandising.compiled import CompiledRules, ProductGroups
from personalization.merchandising.compiled_objectives import MAX_MOVE, RELATIVE, Dial, Objective, Objectives
from personalization.merchandising.compiled_rows import Nudge, RowSettings, RowSource
from personalization.models import CustomerFacts
from personalization.rows.bestsellers import BESTSELLERS
from personalization.rows.new_products import LATEST, NEW_IN
from personalization.rows.own_rows import make_own_row_type

BEST = replace(BESTSELLERS, code="best")
PRODUCTS = list(range(1, 31))
SHARES = st.floats(0, 1, exclude_min=True)
"""How slow, or how scarce, a product is."""


def numbers(values):
    """By product."""
    table = sorted(values.items())
    keys, found = zip(*table, strict=True) if table else ((), ())
    return ProductGroups(np.array(keys, np.int64), np.array(found, np.float64))


def visit_where(*dials, surface="search", **more):
    objectives = Objectives(1, 1, {surface: tuple(dials)})
    return Visit(timestamp=0.0, strategy=None, rules=CompiledRules(objectives=objectives), **more)


def moved(*dials, products=PRODUCTS, **more):
    return list(order_list(products, visit_where(*dials, **more), "search"))


@st.composite
def made_up_dials(draw):
    objective = draw(st.sampled_from([*Objective]))
    values = st.floats(-1e6, 1e6) if objective in RELATIVE else SHARES
    return Dial(
        objective, draw(st.integers(1, MAX_MOVE)), numbers(draw(st.dictionaries(st.sampled_from(PRODUCTS), values)))
    )


def places_moved(after, before=PRODUCTS):
    return max(abs(before.index(key) - after.index(key)) for key in before)


@given(made_up_dials())
@settings(max_examples=200, deadline=None)
def test_one_dial_moves_no_product_further_than_it_says(dial):
    after = moved(dial, facts=CustomerFacts(expected_tier=1))
    assert sorted(after) == PRODUCTS
    assert places_moved(after) <= len(PRODUCTS) * dial.percent / 100


@given(st.lists(made_up_dials(), max_size=5))
@settings(max_examples=200, deadline=None)
def test_all_dials_together_move_no_product_further_than_a_fifth(dials):
    after = moved(*dials, facts=CustomerFacts(expected_tier=1))
    assert sorted(after) == PRODUCTS
    assert places_moved(after) <= len(PRODUCTS) * MAX_MOVE / 100


@given(made_up_dials())
@settings(max_examples=100, deadline=None)
def test_of_two_neighbours_the_one_that_is_pulled_more_does_not_fall_behind(dial):
    after = moved(dial, facts=CustomerFacts(expected_tier=1))
    pulls = dict(zip(PRODUCTS, dial.pulls(PRODUCTS).tolist(), strict=True))
    for first in PRODUCTS:
        for second in range(first + 1, PRODUCTS[-1] + 1):
            if pulls[first] >= pulls[second]:
                assert after.index(first) < after.index(second)


def test_what_earns_most_moves_up_by_just_its_percent_of_the_list():
    dial = Dial(Objective.MARGIN, 10, numbers(dict.fromkeys(PRODUCTS, 1.0) | {20: 5.0}))
    after = moved(dial)
    assert 17 <= after.index(20) + 1 < 20
    assert [key for key in after if key != 20] == [key for key in PRODUCTS if key != 20]


def test_what_is_not_known_is_neither_good_nor_bad():
    assert moved(Dial(Objective.MARGIN, 20, numbers({}))) == PRODUCTS
    assert moved(Dial(Objective.MARGIN, 20, numbers({7: 3.0}))) == PRODUCTS
    after = moved(Dial(Objective.MARGIN, 20, numbers({5: 1.0, 6: 9.0})))
    assert after.index(6) < 5 < after.index(5) < 8


@pytest.mark.parametrize(("objective", "is_up"), [(Objective.CLEAR, True), (Objective.PROTECT, False)])
def test_clearing_brings_up_and_protecting_brings_down(objective, is_up):
    after = moved(Dial(objective, 20, numbers({15: 1.0})))
    assert after.index(15) == (14 - 6 if is_up else 14 + 6)


def test_the_best_customers_and_they_alone_find_scarce_pieces_higher():
    dial = Dial(Objective.VALUE, 20, numbers({15: 1.0}))
    assert moved(dial).index(15) == 14
    assert moved(dial, facts=CustomerFacts(expected_tier=2)).index(15) == 14
    assert moved(dial, facts=CustomerFacts(expected_tier=1)).index(15) == 8
    assert moved(dial, facts=CustomerFacts(expected_tier=1), held_back=True).index(15) == 14


def test_who_protects_and_prefers_keeps_scarce_pieces_for_the_best_customers():
    dials = [Dial(objective, 10, numbers({15: 1.0})) for objective in (Objective.PROTECT, Objective.VALUE)]
    assert moved(*dials).index(15) == 17
    assert moved(*dials, facts=CustomerFacts(expected_tier=1)).index(15) == 14


def test_what_somebody_does_not_want_to_see_stays_behind():
    after = moved(Dial(Objective.CLEAR, 20, numbers({15: 1.0})), excluded_products=frozenset([15]))
    assert after[-1] == 15


def test_behind_the_window_nothing_moves():
    products = list(range(1, LIST_WINDOW + 11))
    dial = Dial(Objective.CLEAR, 20, numbers({LIST_WINDOW: 1.0, LIST_WINDOW + 1: 1.0}))
    after = moved(dial, products=products)
    assert after.index(LIST_WINDOW) < LIST_WINDOW - 1 and after[LIST_WINDOW:] == products[LIST_WINDOW:]


def row_of(keys):
    return RowCandidate([Candidate(product_ref(key), 1.0, Reason("popular")) for key in keys])


def keys_of(row):
    return [one.item.id for one in row.candidates]


def test_of_a_row_five_lines_are_looked_at_and_what_moved_up_is_noted():
    dial = Dial(Objective.CLEAR, 20, numbers({30: 1.0, 31: 1.0}))
    visit = visit_where(dial, surface="home", trace=Trace())
    row = order_row(row_of(range(1, 41)), BEST, "home", visit)
    assert LINES_AHEAD * visit.policy.row_size == 30
    assert keys_of(row).index(30) == 23 and keys_of(row)[30:] == list(range(31, 41)) and row.raised == {30}
    move = visit.trace.objective_moves["best"][30]
    assert (move.before, move.after, dict(move.pulls)) == (30, 24, {"clear": 20.0})


def test_what_may_not_stand_takes_no_place_among_the_candidates():
    dial = Dial(Objective.CLEAR, 20, numbers({30: 1.0}))
    visit = visit_where(dial, surface="home", basket=frozenset([1, 2]))
    assert keys_of(order_row(row_of(range(1, 41)), BEST, "home", visit)).index(30) == 21


def test_a_row_with_its_own_say_and_one_of_categories_stay_as_they_are():
    dial = Dial(Objective.CLEAR, 20, numbers({30: 1.0}))
    visit = visit_where(dial, surface="home")
    own = RowSettings(1, "home", "best", nudges=(Nudge(50, numbers({1: 1.0})),))
    told = replace(visit, rules=replace(visit.rules, rows={"home": {"best": own}}))
    row = row_of(range(1, 31))
    assert order_row(row, BEST, "home", told) is row and order_row(row, BEST, "home", visit) is not row
    shelves = RowCandidate([Candidate(ItemRef(CATEGORY, key), 1.0, Reason("x")) for key in range(1, 31)])
    assert order_row(shelves, BEST, "home", visit) is shelves


def test_a_row_that_is_about_its_order_keeps_it():
    dial = Dial(Objective.CLEAR, 20, numbers({30: 1.0}))
    row = row_of(range(1, 31))
    assert order_row(row, replace(BEST, keeps_order=True), "home", visit_where(dial, surface="home")) is row
    assert LATEST.keeps_order and not NEW_IN.keeps_order
    assert make_own_row_type(RowSettings(1, "home", "own", source=RowSource.NEWEST)).keeps_order
    assert not make_own_row_type(RowSettings(1, "home", "own", source=RowSource.RANGE)).keeps_order


def test_a_list_for_other_systems_is_moved_too():
    dial = Dial(Objective.CLEAR, 20, numbers({30: 1.0}))
    visit = visit_where(dial, surface="message")
    order = [one.item.id for one in order_candidates(row_of(range(1, 41)).candidates, visit, "message")]
    assert order.index(30) == 23 and order[30:] == list(range(31, 41))
    assert [one.item.id for one in order_candidates(row_of(range(1, 41)).candidates, visit, "home")] == list(
        range(1, 41)
    )
