"""Rows in the drawn order: what moves, how far, and for whom not."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalization.decide.policy import Policy
from personalization.decide.row_order import order_rows, row_order_arm
from personalization.decide.visit import Visit
from personalization.merchandising.assignment import BUCKETS, CONTROL_BUCKETS, HOLDOUT, bucket_of
from personalization.merchandising.compiled import CompiledRules
from personalization.merchandising.experiments import running_experiment
from personalization.models.row_draws import RowAudience
from tests.decide.test_layout import draft

UNITS = [UUID(int=number) for number in range(5_000)]
CONTROL = next(unit for unit in UNITS if bucket_of(unit, "row-order") < CONTROL_BUCKETS)
OTHER = next(unit for unit in UNITS if bucket_of(unit, "row-order") >= CONTROL_BUCKETS)
STRANGERS = RowAudience("home", is_customer=False, is_phone=False)


def visit(rates, audience=STRANGERS, experiments=(), **more):
    rules = CompiledRules(row_rates={audience: rates}, experiments=tuple(experiments))
    return Visit(1e9, None, rules=rules, **{"unit": OTHER, "tracking_allowed": True, **more})


def order_of(codes, found, fixed=(), personal=()):
    rows = [replace(draft(code, [1], personal=code in personal), keeps_place=code in fixed) for code in codes]
    return "".join(row.type.code for row in order_rows(rows, found, "home"))


def test_the_row_that_was_drawn_best_comes_forward_two_places_at_most():
    best_last = {"a": 0.01, "b": 0.02, "c": 0.03, "d": 0.04, "e": 0.05}
    assert order_of("abcde", visit({"a": 0.1, "b": 0.1, "c": 0.1, "d": 0.1, "e": 0.9})) == "abecd"
    assert order_of("abcde", visit(best_last, policy=Policy(row_order_max_shift=9))) == "edcba"
    assert order_of("abcde", visit(best_last, policy=Policy(row_order_max_shift=0))) == "abcde"


@given(st.lists(st.integers(0, 9), min_size=1, max_size=7), st.integers(0, 4), st.sets(st.sampled_from("abcdefg")))
def test_no_row_moves_further_than_allowed_and_what_has_its_place_stands_there(rates, most, fixed):
    codes = "abcdefg"[: len(rates)]
    found = visit(dict(zip(codes, rates, strict=True)), policy=Policy(row_order_max_shift=most))
    order = order_of(codes, found, fixed)
    assert sorted(order) == list(codes)
    for place, code in enumerate(order):
        assert abs(place - codes.index(code)) <= (0 if code in fixed else most)


def test_personal_rows_rows_with_a_place_and_rows_that_were_never_drawn_stay():
    rates = {"p": 0.0, "f": 0.0, "b": 0.5}
    assert order_of("pab", visit(rates), personal="p") == "pab"  # nobody ever saw a
    assert order_of("fab", visit({**rates, "a": 0.1}), fixed="f") == "fba"
    assert order_of("pab", visit({**rates, "a": 0.1}), personal="p") == "pba"


def test_a_row_and_what_stands_in_for_it_stay_together():
    rows = [draft("a", [1]), replace(draft("b", [1]), stands_in_for="a"), draft("c", [1])]
    found = order_rows(rows, visit({"a": 0.0, "b": 0.0, "c": 0.9}), "home")
    assert [row.type.code for row in found] == ["a", "b", "c"]


def test_a_tenth_of_all_units_keeps_the_order_of_the_shop_and_says_so():
    rates = {"a": 0.01, "b": 0.02}
    assert order_of("ab", visit(rates)) == "ba" and row_order_arm(visit(rates), "home") == {"row-order": "drawn"}
    control = visit(rates, unit=CONTROL)
    assert order_of("ab", control) == "ab" and row_order_arm(control, "home") == {"row-order": "shop"}
    share = sum(bucket_of(unit, "row-order") < CONTROL_BUCKETS for unit in UNITS) / len(UNITS)
    assert CONTROL_BUCKETS / BUCKETS == 0.1 and share == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("unit", [OTHER, CONTROL])
def test_where_there_is_one_order_only_nothing_is_compared(unit):
    assert row_order_arm(visit({}, unit=unit), "home") == {}
    assert row_order_arm(visit({"a": 0.1}, unit=unit), "search") == {}
    assert row_order_arm(visit({"a": 0.1}, unit=unit, held_back=True), "home") == {}
    assert row_order_arm(visit({"a": 0.1}, unit=None), "home") == {}


def experiment(surfaces, key="test"):
    arms = [{"key": "a", "share": 0.5, "does": {}}, {"key": "b", "share": 0.5, "does": {"plain": True}}]
    document = {"arms": arms, "surfaces": surfaces}
    return running_experiment(1, key, 1, document, [("a", 0, 5_000), ("b", 5_000, 10_000)])


def test_an_experiment_on_the_surface_has_the_order_of_the_shop_and_one_elsewhere_or_a_holdout_does_not():
    rates = {"a": 0.01, "b": 0.02}
    assert order_of("ab", visit(rates, experiments=[experiment(["home"])])) == "ab"
    assert row_order_arm(visit(rates, experiments=[experiment(["home"])]), "home") == {}
    assert order_of("ab", visit(rates, experiments=[experiment(["product"])])) == "ba"
    assert order_of("ab", visit(rates, experiments=[experiment([], HOLDOUT)])) == "ba"
    assert order_of("ab", visit(rates, held_back=True)) == "ab"


def test_customers_and_phones_have_orders_of_their_own_and_who_did_not_agree_is_told_from_nobody():
    rates = {"a": 0.01, "b": 0.02}
    phones = RowAudience("home", is_customer=False, is_phone=True)
    assert order_of("ab", visit(rates, phones, device="phone")) == "ba"
    assert order_of("ab", visit(rates, phones, device="computer")) == "ab"
    assert order_of("ab", visit(rates, phones, device="phone", tracking_allowed=False)) == "ab"
    assert order_of("ab", visit(rates, device="phone", tracking_allowed=False, unit=None)) == "ba"
    assert order_of("ab", visit(rates, user_id=3)) == "ab"
