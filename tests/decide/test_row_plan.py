"""The rows of a page under settings, without a shop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalization.decide.row_plan import fill_title, plan_page, title_in_language
from personalization.decide.slate import RowCandidate, RowType
from personalization.decide.visit import Visit
from personalization.merchandising.compiled import CompiledRules, ProductGroups
from personalization.merchandising.compiled_objectives import MAX_MOVE
from personalization.merchandising.compiled_rows import Nudge, RowSettings, RowSource, page_order

PERSONAL, OTHERS = ["again", "because"], ["best", "new", "latest"]


def setting(code, **more):
    return RowSettings(1, "home", code, **more)


def row_type(code, **more):
    words = {"title": lambda params: code, "explanation": lambda params: code}
    return RowType(code, discloses_activity=False, propose=lambda *some: [RowCandidate([])], **words, **more)


def planned(*settings):
    """(code, what it stands in for) of the rows of a page with two row types of its own."""
    visit = Visit(1_000.0, None, rules=CompiledRules(rows={"home": {one.code: one for one in settings}}))
    types = [row_type("again", personal=True), row_type("best")]
    known = {one.code: one for one in [*types, row_type("latest")]}
    plan = plan_page("home", types, [], visit, registered=lambda: known, make_own=lambda one: row_type(one.code))
    return [(one.type.code, one.stands_in_for) for one in plan.rows]


@given(st.dictionaries(st.sampled_from([*PERSONAL, *OTHERS, "own_a", "own_b", "gone"]), st.integers(0, 99)))
def test_every_row_stands_once_whatever_the_places(places):
    settings = {
        code: setting(code, place=place, source=RowSource.NEWEST if code.startswith("own") else None)
        for code, place in places.items()
    }
    order = page_order(PERSONAL, OTHERS, settings)
    own = [code for code in places if code.startswith("own")]
    assert sorted(order) == sorted([*PERSONAL, *OTHERS, *own])
    unmoved = [code for code in order if not places.get(code)]
    default = [*PERSONAL, *own, *OTHERS]
    assert unmoved == [code for code in default if code in unmoved]


def test_a_place_is_that_of_the_list_and_no_other_row_moves():
    assert page_order(PERSONAL, OTHERS, {"new": setting("new", place=1)}) == ["new", *PERSONAL, "best", "latest"]
    both = {"new": setting("new", place=1), "best": setting("best", place=5)}
    assert page_order(PERSONAL, OTHERS, both) == ["new", *PERSONAL, "latest", "best"]


def test_settings_of_what_is_no_row_change_nothing():
    assert planned(setting("no_such_row", is_shown=False, fallback=("best",))) == [("again", ""), ("best", "")]


def test_other_rows_stand_in_where_they_exist():
    found = planned(setting("again", fallback=("latest", "again", "nothing", "best")))
    assert found == [("again", ""), ("latest", "again"), ("best", "again"), ("best", "")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Since {product}", "Since {category}"),
        ("In {category}", ""),
        ("{product}{product}", "{category}{category}"),
        ("{0.__class__} {x}", "{0.__class__} {x}"),
        ("%(product)s {", "%(product)s {"),
    ],
)
def test_only_placeholders_of_the_list_are_filled_and_once(text, expected):
    assert fill_title(text, {"product": "{category}", "count": 3}) == expected


@pytest.mark.parametrize(("language", "title"), [("de-AT", "Österlich"), ("de", "Gut"), ("de-ch", "Gut"), ("fr", "")])
def test_a_variant_of_a_language_reads_its_title_or_that_of_the_language(language, title):
    assert title_in_language({"de-at": "Österlich", "de": "Gut"}, language) == title


@given(st.dictionaries(st.integers(1, 30), st.floats(-1e9, 1e9), max_size=30), st.integers(1, 100))
def test_what_counts_moves_a_product_by_a_fifth_of_the_list_at_most(numbers, weight):
    table = np.array(sorted(numbers.items()), np.float64).reshape(-1, 2)
    nudge = Nudge(weight, ProductGroups(table[:, 0].astype(np.int64), table[:, 1]))
    percents = setting("best", nudges=(nudge,)).percents(range(1, 31))
    assert all(-MAX_MOVE / 2 <= percent <= MAX_MOVE / 2 and key in numbers for key, percent in percents.items())
    if len({*numbers.values()}) > 1:
        highest, lowest = max(numbers, key=numbers.get), min(numbers, key=numbers.get)
        assert percents.get(highest, 0) >= 0 >= percents.get(lowest, 0)
