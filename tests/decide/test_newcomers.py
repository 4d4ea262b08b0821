"""The chance of new products: how often, for whom, and with which probability."""

from collections import Counter
from dataclasses import replace
from uuid import UUID

import pytest

from personalization.decide.layout import LayoutLimits, fill_rows
from personalization.decide.newcomers import add_newcomers
from personalization.decide.policy import Policy
from personalization.decide.visit import Visit
from personalization.merchandising.compiled import CompiledRules
from personalization.models.newcomers import NewcomerChance
from personalization.recommenders import DAY
from tests.decide.test_layout import draft
from tests.decide.test_row_order import experiment

NOW = 20_000 * DAY
CHANCES = (NewcomerChance(71, NOW - DAY, 1.0), NewcomerChance(72, NOW - DAY, 0.5), NewcomerChance(73, NOW - DAY, 0.5))
UNITS = [UUID(int=number) for number in range(4_000)]


def visit(unit=UNITS[0], experiments=(), **more):
    rules = CompiledRules(newcomers=more.pop("chances", CHANCES), experiments=tuple(experiments))
    return Visit(NOW, None, rules=rules, unit=unit, **more)


def row(code="best", products=range(1, 9), **more):
    made = draft(code, list(products))
    return replace(made, type=replace(made.type, takes_newcomers=True), **more)


LIMITS = LayoutLimits(row_size=6)


def newcomer(found, one=None, limits=LIMITS):
    (row_after,) = add_newcomers([one or row()], found, "home", limits)
    return row_after.newcomer


def lucky(**more):
    return next(found for unit in UNITS if newcomer(found := visit(unit, **more)))


def test_a_tenth_of_all_pages_has_one_each_as_often_as_its_logged_chance_says():
    drawn = [newcomer(visit(unit)) for unit in UNITS]
    counts = Counter((one.item.id, one.propensity) for one in drawn if one is not None)
    assert sum(counts.values()) / len(UNITS) == pytest.approx(0.1, abs=0.015)
    assert {key for key, _chance in counts} == {71, 72, 73}
    for (_key, chance), count in counts.items():
        assert count / len(UNITS) == pytest.approx(chance, abs=0.012)
    assert {key: round(chance, 6) for key, chance in counts} == {71: 0.05, 72: 0.025, 73: 0.025}


@pytest.mark.parametrize("size", [3, 4, 5, 6, 12])
def test_of_all_cards_they_are_two_percent_at_most(size):
    limits = LayoutLimits(row_size=size)
    share = sum(newcomer(visit(unit), limits=limits) is not None for unit in UNITS) / len(UNITS)
    assert share / size < 0.023 and share == pytest.approx(min(0.1, 0.02 * size), abs=0.015)


def test_it_stays_all_day_and_each_row_and_day_is_drawn_by_itself():
    found = lucky()
    assert newcomer(found) == newcomer(replace(found, timestamp=NOW + 0.9 * DAY))
    days = [newcomer(replace(found, timestamp=NOW + day * DAY)) is not None for day in range(100)]
    rows = [newcomer(found, row(f"row{number}")) is not None for number in range(100)]
    assert 2 < sum(days) < 25 and 2 < sum(rows) < 25


def test_it_has_no_place_where_nothing_may_be_learned_or_somebody_decided():
    found = lucky()
    off = [
        replace(found, unit=None),
        replace(found, held_back=True),
        replace(found, policy=Policy(newcomer_share=0)),
        replace(found, rules=CompiledRules()),
        replace(found, rules=replace(found.rules, experiments=(experiment(["home"]),))),
    ]
    assert [newcomer(one) for one in off] == [None] * 5
    assert newcomer(found, limits=LayoutLimits(is_requested_size=True)) is None
    assert newcomer(found, row(has_choice=True)) is None
    assert newcomer(found, draft("best", [1, 2, 3])) is None


def filled(found, products, gone=(), sold_out=(), size=3):
    asked = []

    def look_up(items):
        asked.append(sorted(item.id for item in items))
        return {item: "card" for item in items if item.id not in sold_out}

    limits = LayoutLimits(row_size=size)
    (one,) = add_newcomers([row(products=products)], found, "home", LayoutLimits())
    (shown,) = fill_rows([one], limits, gone, look_up)
    return [candidate.item.id for candidate, _card in shown.items], len(asked)


def test_it_stands_last_in_a_full_row_with_one_look_up():
    found = lucky()
    new = newcomer(found)
    assert filled(found, range(1, 9)) == ([1, 2, new.item.id], 1)
    assert filled(found, [1, 2]) == ([1, 2], 1)
    assert filled(found, range(1, 9), sold_out=[new.item.id]) == ([1, 2, 3], 1)
    assert filled(found, range(1, 9), gone=[new.item]) == ([1, 2, 3], 1)
    assert filled(found, [new.item.id, 1, 2, 3]) == ([new.item.id, 1, 2], 1)
